"""One request, said so that it means the same on both sides.

Uids and resourceVersions differ between two servers, so a request holds references, `«uid:namespace/name»`, which each
side fills in from what it has answered so far. For the same reason a replacement is said as a change to what was read.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

Target = tuple[str, str]
"""Namespace and name."""
_REFERENCE = re.compile(r"«([a-z]+):?([^»]*)»")


@dataclass(frozen=True)
class Operation:
    verb: str
    """The row of the table of what was covered."""
    method: str
    path: str
    options: tuple[str, ...] = ()
    """The columns."""
    query: tuple[tuple[str, str], ...] = ()
    body: str = ""
    content_type: str = ""
    accept: str = "application/json"
    edits: Target | None = None
    """The body is a merge patch to this object as it was last read."""
    paged: bool = False
    """Follows `continue` to the end and compares the whole."""

    def __str__(self) -> str:
        query = f"?{urlencode(self.query)}" if self.query else ""
        what = f" {self.content_type or 'no type'}: {self.body[:300]}" if self.body else ""
        edits = f" as an edit of {'/'.join(self.edits)}" if self.edits else ""
        return f"{self.method} {self.path}{query} [{self.accept}]{what}{edits}"


def filled(template: str, look_up: Callable[[str, str], str]) -> str:
    """`look_up` takes the kind of a reference and what stands behind its colon."""
    return _REFERENCE.sub(lambda found: look_up(found.group(1), found.group(2)), template)


def text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

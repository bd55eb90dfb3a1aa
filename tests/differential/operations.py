"""One request, said so that it means the same on both sides.

Uids and resourceVersions differ between two servers, so a request holds references, such as `«uid»`, which each side
fills in from what it has answered so far about the operation's place. For the same reason a replacement is said as a
change to what was read.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

Target = tuple[str, str]
"""Namespace and name."""
_REFERENCE = re.compile(r"«([a-z]+)»")


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
    edits: bool = False
    """The body is a merge patch to the object of the place as it was last read."""
    paged: bool = False
    """Follows `continue` to the end and compares the whole."""

    place: Target = ("", "")
    """What the references are about."""

    def at(self, place: Target) -> "Operation":
        return replace(self, place=place)

    def __str__(self) -> str:
        query = f"?{urlencode(self.query)}" if self.query else ""
        what = f" {self.content_type or 'no type'}: {self.body[:300]}" if self.body else ""
        edits = " as an edit" if self.edits else ""
        here = self.path.replace("«namespace»", self.place[0]).replace("«name»", self.place[1])
        return f"{self.method} {here}{query} [{self.accept}]{what}{edits}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """How hypothesis shows a step."""
        printer.text(f"<{self}>")


def filled(template: str, look_up: Callable[[str], str]) -> str:
    return _REFERENCE.sub(lambda found: look_up(found.group(1)), template)


def text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

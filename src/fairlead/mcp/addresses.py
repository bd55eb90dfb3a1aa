"""Addresses of resources with names in them, `kube://{context}/{kind}`: level 1 of RFC 6570, read backwards."""

import re
from functools import cache
from urllib.parse import unquote

_NAME = re.compile(r"\{([a-z][a-z0-9_]*)\}")


@cache
def _pattern(template: str) -> re.Pattern[str]:
    parts = _NAME.split(template)
    return re.compile(
        "".join(f"(?P<{part}>[^/?#]+)" if index % 2 else re.escape(part) for index, part in enumerate(parts))
    )


def match(template: str, uri: str) -> dict[str, str] | None:
    """What stands for each name, percent-decoded; None where the address is another. No name reaches past a `/`."""
    found = _pattern(template).fullmatch(uri)
    return None if found is None else {name: unquote(value) for name, value in found.groupdict().items()}

"""What a package is fetched by: a repository, and in it a tag or a digest, or a digest with the tag that it had.

The Lock, the rewriting of images and the question whether two packages are one all go by the repository as it is
written, so it is taken apart in one place. A colon is a tag's only behind the last slash: before it, it is a port's.

Source: reference/crossplane.md §1.5.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Source:
    repository: str
    identifier: str
    """A tag or a digest; empty where neither is given."""
    tag: str = ""
    """Of a digest, for people to read: it decides nothing."""

    def __str__(self) -> str:
        sign = "@" if _DIGEST.fullmatch(self.identifier) else ":"
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}{sign}{self.identifier}" if self.identifier else self.repository

    @property
    def version(self) -> str:
        """What people call it."""
        return self.tag or self.identifier

    @property
    def name(self) -> str:
        """The last part of its repository."""
        return self.repository.rpartition("/")[2]

    def at(self, identifier: str) -> "Source":
        return Source(self.repository, identifier)


def parse(reference: str) -> Source:
    before, _, digest = reference.partition("@")
    folder, slash, last = before.rpartition("/")
    name, _, tag = last.partition(":")
    return Source(f"{folder}{slash}{name}", digest or tag, tag if digest else "")


def of(package: Mapping[str, Any]) -> Source:
    """Of a package, or of a revision."""
    spec = package.get("spec") or {}
    return parse(str(spec.get("package") or spec.get("image") or ""))

"""Which representation a client gets.

`Accept` is read clause by clause, as k8s.io/apiserver does: the first clause that something on offer fulfils wins, and
a clause that asks for a transformation (`as=Table`) which is not on offer is passed over, not an error. That is how one
header of kubectl works against servers of any age.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class MediaType:
    type: str
    subtype: str
    parameters: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "MediaType":
        """Never fails: what has no slash gets an empty subtype, which nothing on offer fulfils."""
        essence, *rest = text.split(";")
        kind, _, subtype = essence.strip().lower().partition("/")
        pairs = (each.partition("=") for each in rest if each.strip())
        return cls(kind, subtype, tuple((key.strip().lower(), value.strip().strip('"')) for key, _, value in pairs))

    def get(self, name: str) -> str:
        return next((value for key, value in self.parameters if key == name), "")

    @property
    def essence(self) -> str:
        return f"{self.type}/{self.subtype}"

    @property
    def transform(self) -> tuple[str, str, str]:
        """`as`, `g` and `v`: the kind that is asked for in place of the object itself."""
        return (self.get("as"), self.get("g"), self.get("v"))

    def __str__(self) -> str:
        return "".join([self.essence, *(f";{key}={value}" for key, value in self.parameters)])


JSON = MediaType("application", "json")
YAML = MediaType("application", "yaml")


def transformed(kind: str, group: str, version: str, essence: MediaType = JSON) -> MediaType:
    return MediaType(essence.type, essence.subtype, (("as", kind), ("g", group), ("v", version)))


def choose(accept: str, offered: Sequence[MediaType]) -> MediaType | None:
    """What of `offered` (best first) to answer with; None calls for 406. No header takes the first."""
    if not accept.strip():
        return offered[0] if offered else None
    for clause in _clauses(accept):
        for candidate in offered:
            if _covers(clause, candidate):
                return candidate
    return None


def _clauses(accept: str) -> Iterator[MediaType]:
    """By quality, then in the order in which they stand."""
    found = [MediaType.parse(each) for each in accept.split(",") if each.strip()]
    yield from sorted(found, key=lambda each: -_quality(each))


def _quality(clause: MediaType) -> float:
    try:
        return float(clause.get("q") or 1)
    except ValueError:
        return 1.0


def _covers(clause: MediaType, candidate: MediaType) -> bool:
    if clause.transform != candidate.transform:
        return False
    if clause.essence == "*/*":
        return True
    return clause.type == candidate.type and clause.subtype in ("*", candidate.subtype)

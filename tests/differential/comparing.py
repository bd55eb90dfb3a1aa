"""What differs between two answers, and which differences are meant."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tests.differential.operations import Operation

EXCEPTIONS = Path(__file__).with_name("exceptions.toml")
ABSENT = "(absent)"


@dataclass(frozen=True)
class Difference:
    operation: Operation
    where: str
    local: Any
    through: Any
    codes: tuple[int, int] = (0, 0)
    """Of the two answers."""

    def __str__(self) -> str:
        return f"{self.operation}\n  {self.where}:\n    local   {self.local!r}\n    through {self.through!r}"


@dataclass
class ExpectedDifference:
    """A difference that is meant; empty patterns match everything."""

    where: str
    why: str
    verb: str = "*"
    local: str = "*"
    through: str = "*"
    sends: str = "*"
    """The content type of the request."""
    codes: list[int] = field(default_factory=list)
    """Of both answers, in this order; empty for any."""
    met: int = 0

    def covers(self, difference: Difference) -> bool:
        return (
            fnmatchcase(difference.where, self.where)
            and fnmatchcase(difference.operation.verb, self.verb)
            and fnmatchcase(str(difference.local), self.local)
            and fnmatchcase(str(difference.through), self.through)
            and fnmatchcase(difference.operation.content_type, self.sends)
            and (not self.codes or self.codes == list(difference.codes))
        )


@dataclass
class Exceptions:
    entries: list[ExpectedDifference] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path = EXCEPTIONS) -> "Exceptions":
        """Raises `TypeError` for an entry without a place or a reason."""
        found = tomllib.loads(path.read_text(encoding="utf-8")).get("exception", [])
        return cls([ExpectedDifference(**each) for each in found])

    def differences(
        self, operation: Operation, local: Mapping[str, Any], through: Mapping[str, Any]
    ) -> list[Difference]:
        codes = (local["code"], through["code"])
        found = [Difference(operation, *each, codes) for each in _walk("", local, through)]
        return [each for each in found if not self._expected(each)]

    def _expected(self, difference: Difference) -> bool:
        for each in self.entries:
            if each.covers(difference):
                each.met += 1
                return True
        return False


def _walk(where: str, local: Any, through: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(local, Mapping) and isinstance(through, Mapping):
        for key in sorted({*local, *through}):
            below = f"{where}/{key}" if where else key
            yield from _walk(below, local.get(key, ABSENT), through.get(key, ABSENT))
    elif isinstance(local, list) and isinstance(through, list) and len(local) == len(through):
        for index, (one, other) in enumerate(zip(local, through, strict=True)):
            yield from _walk(f"{where}/{index}", one, other)
    elif type(local) is not type(through) or local != through:
        yield where, local, through

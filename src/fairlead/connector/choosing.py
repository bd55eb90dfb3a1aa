"""Which of the control plane's APIs are offered: an administrator's choice, by name and by label.

A deny pattern wins over all else. Without an allow pattern everything is allowed. To leave an API out is a decision and
no absence: it is withdrawn where it was offered before. A CRD that was named to be offered needs no allow pattern.

Source: issue Connector, 4.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fairlead.machinery import names, statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.selectors import LabelSelector

ALL = "*"


class ChoiceError(FairleadError):
    """A pattern or selector cannot be read."""


@dataclass(frozen=True)
class Pattern:
    plural: str
    """`*` for each of the group."""
    group: str
    """`*` for each."""

    @classmethod
    def parse(cls, text: str) -> "Pattern":
        """Reads `PLURAL.GROUP`, `*.GROUP` or `*`. Raises `ChoiceError`."""
        if text == ALL:
            return cls(ALL, ALL)
        plural, _, group = text.partition(".")
        if not group or names.subdomain(group) or (plural != ALL and names.label(plural)):
            raise ChoiceError(f"{text!r} names no API", "it is written as PLURAL.GROUP, *.GROUP or *")
        return cls(plural, group)

    def matches(self, group: str, plural: str) -> bool:
        return self.group in (ALL, group) and self.plural in (ALL, plural)


@dataclass(frozen=True)
class Choice:
    allow: tuple[Pattern, ...] = ()
    """Empty allows everything."""
    deny: tuple[Pattern, ...] = ()
    selector: LabelSelector = field(default_factory=lambda: LabelSelector.parse(""))
    """Of the labels of an XRD or CRD."""

    @classmethod
    def parse(cls, allow: Iterable[str], deny: Iterable[str], selector: str = "") -> "Choice":
        """Raises `ChoiceError`."""
        try:
            labels = LabelSelector.parse(selector)
        except statuses.BadRequest as error:
            raise ChoiceError(f"{selector!r} is no label selector", str(error)) from error
        return cls(tuple(map(Pattern.parse, allow)), tuple(map(Pattern.parse, deny)), labels)

    def admits(self, group: str, plural: str, labels: Mapping[str, str], *, named: bool = False) -> bool:
        """`named` is true for what needs no allow pattern."""
        if any(each.matches(group, plural) for each in self.deny) or not self.selector.matches(labels):
            return False
        return named or not self.allow or any(each.matches(group, plural) for each in self.allow)


EVERYTHING = Choice()

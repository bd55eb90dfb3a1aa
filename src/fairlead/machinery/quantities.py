"""Quantities: the numbers with suffixes that quotas are written in.

A quota counts in whole numbers, but anyone may write `1500m` or `1Ki` into it, and the API server answers every
quantity in one canonical form that keeps the family of its suffix. Sums are exact: floats would lose objects.

Source: `pkg/api/resource` of k8s.io/apimachinery.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, localcontext
from functools import total_ordering

from fairlead.machinery.errors import FairleadError

_FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+|)", re.ASCII)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_SMALLEST = Decimal("1e-9")
_DIGITS = 60
"""More than any quantity has: the largest is 2^63-1, the smallest a nano."""
_MOST_EXPONENT = 30
"""A larger one is beyond every quantity, and would only cost memory."""


class QuantityError(FairleadError):
    """A text is no quantity."""


@total_ordering
@dataclass(frozen=True, eq=False)
class Quantity:
    """Compares by value alone: `1k` equals `1000`."""

    value: Decimal
    family: str = ""
    """Of the suffixes that it is written with: `""`, `i` for powers of two, `e` for exponents."""

    @classmethod
    def parse(cls, text: str) -> "Quantity":
        """Raises `QuantityError`. What is finer than a nano is rounded up, as the API server does."""
        found = _FORM.fullmatch(text)
        if found is None or abs(_exponent(found[2])) > _MOST_EXPONENT:
            raise QuantityError(f"{text!r} is no quantity", "it is a number with a suffix, such as 10, 1500m or 2Gi")
        number, suffix = Decimal(found[1]), found[2]
        with localcontext(prec=_DIGITS):
            if suffix in _BINARY:
                return cls(_whole_nanos(number * 2 ** _BINARY[suffix]), "i")
            if suffix in _DECIMAL:
                return cls(_whole_nanos(number.scaleb(_DECIMAL[suffix])))
            return cls(_whole_nanos(number.scaleb(_exponent(suffix))), "e")

    def __add__(self, other: "Quantity") -> "Quantity":
        """In the family of this one, unless it is zero."""
        with localcontext(prec=_DIGITS):
            return Quantity(self.value + other.value, self.family if self.value else other.family)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.value == other.value

    def __lt__(self, other: "Quantity") -> bool:
        return self.value < other.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __str__(self) -> str:
        """The canonical form: no fraction, and the largest suffix that allows it."""
        if not self.value:
            return "0"
        with localcontext(prec=_DIGITS):
            if self.family == "i" and abs(self.value) >= 1024:
                return _binary(self.value)
            return _decimal(self.value, exponent=self.family == "e")


def _exponent(suffix: str) -> int:
    return int(suffix[1:]) if suffix[:1] in ("e", "E") and suffix not in ("E", "Ei") else 0


def _whole_nanos(value: Decimal) -> Decimal:
    return value.quantize(_SMALLEST, ROUND_CEILING).normalize()


def _binary(value: Decimal) -> str:
    whole = int(value.to_integral_value(ROUND_CEILING))
    for suffix, power in reversed(_BINARY.items()):
        if whole % 2**power == 0:
            return f"{whole // 2**power}{suffix}"
    return str(whole)


def _decimal(value: Decimal, *, exponent: bool) -> str:
    for suffix, power in reversed(_DECIMAL.items()):
        scaled = value.scaleb(-power)
        if scaled == scaled.to_integral_value():
            return f"{int(scaled)}e{power}" if exponent and power else f"{int(scaled)}{'' if exponent else suffix}"
    raise AssertionError("every quantity is a whole number of nanos")

"""Label and field selectors, read as the API server reads them.

The server of the playground filters with them, and the connector must know what a client asks before it may narrow it:
a selector that is passed on unread could name labels that the connector hides. The grammars are those of
`k8s.io/apimachinery/pkg/{labels,fields}`, and so are the sentences of the errors.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.machinery import names
from fairlead.machinery.statuses import BadRequest

EXISTS = "exists"
ABSENT = "!"
_SYMBOLS = ("==", "!=", "=", "!", ">", "<", "(", ")", ",")
_TOKEN = re.compile(r"\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+)")
_OPERATORS = ("in", "notin", "=", "==", "!=", ">", "<")
_WRITTEN = {"In": "in", "NotIn": "notin", "Exists": EXISTS, "DoesNotExist": ABSENT}
_INTEGER = re.compile(r"[+-]?[0-9]+")


@dataclass(frozen=True, order=True)
class Requirement:
    key: str
    operator: str
    """One of `=`, `==`, `!=`, `in`, `notin`, `>`, `<`, `exists` and `!`."""
    values: tuple[str, ...] = ()
    """Sorted, without repetition."""

    def matches(self, labels: Mapping[str, str]) -> bool:
        if self.operator in (EXISTS, ABSENT):
            return (self.key in labels) == (self.operator == EXISTS)
        if self.operator in ("!=", "notin"):
            return labels.get(self.key) not in self.values
        if self.key not in labels:
            return False
        if self.operator in (">", "<"):
            return self._compares(labels[self.key])
        return labels[self.key] in self.values

    def _compares(self, text: str) -> bool:
        if not _INTEGER.fullmatch(text):
            return False
        bound = int(self.values[0])
        return int(text) > bound if self.operator == ">" else int(text) < bound

    def __str__(self) -> str:
        if self.operator == EXISTS:
            return self.key
        if self.operator == ABSENT:
            return f"!{self.key}"
        if self.operator in ("in", "notin"):
            return f"{self.key} {self.operator} ({','.join(self.values)})"
        return f"{self.key}{self.operator}{self.values[0]}"


@dataclass(frozen=True)
class LabelSelector:
    requirements: tuple[Requirement, ...] = ()
    """Sorted by key; all must hold."""

    @classmethod
    def parse(cls, text: str) -> "LabelSelector":
        """Raises `BadRequest` in the API server's words."""
        return cls(tuple(sorted(_Parser(text).requirements(), key=lambda each: each.key)))

    @classmethod
    def of(cls, document: Mapping[str, Any] | None) -> "LabelSelector":
        """Reads a `metav1.LabelSelector`, as validated; absent or empty selects all."""
        found = [Requirement(key, "=", (value,)) for key, value in ((document or {}).get("matchLabels") or {}).items()]
        for each in (document or {}).get("matchExpressions") or ():
            values = tuple(sorted(set(each.get("values") or ())))
            found.append(Requirement(each["key"], _WRITTEN[each["operator"]], values))
        return cls(tuple(sorted(found, key=lambda each: each.key)))

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(each.matches(labels) for each in self.requirements)

    def __bool__(self) -> bool:
        return bool(self.requirements)

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))


class _Parser:
    """`end` is the empty lexeme; `in` and `notin` are operators only where one is expected."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._at = 0

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        lexeme = self._peek()
        self._at += 1
        return lexeme

    def requirements(self) -> Iterator[Requirement]:
        if not self._peek():
            return
        if not (_is_word(self._peek()) or self._peek() == "!"):
            raise BadRequest(f"found '{self._peek()}', expected: !, identifier, or 'end of string'")
        while True:
            yield self._requirement()
            lexeme = self._next()
            if not lexeme:
                return
            if lexeme != ",":
                raise BadRequest(f"found '{lexeme}', expected: ',' or 'end of string'")
            if not (_is_word(self._peek()) or self._peek() == "!"):
                raise BadRequest(f"found '{self._peek()}', expected: identifier after ','")

    def _requirement(self) -> Requirement:
        absent = self._peek() == "!"
        if absent:
            self._next()
        key = self._next()
        if not _is_word(key):
            raise _wrong(f"found '{key}', expected: identifier")
        if faults := names.label_key(key):
            raise _wrong(f'<nil>: Invalid value: "{key}": {"; ".join(faults)}')
        if absent:
            return Requirement(key, ABSENT)
        if self._peek() in ("", ","):
            return Requirement(key, EXISTS)
        operator = self._next()
        if operator not in _OPERATORS:
            raise _wrong(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")
        values = self._set() if operator in ("in", "notin") else {self._value()}
        return _checked(Requirement(key, operator, tuple(sorted(values))))

    def _value(self) -> str:
        if self._peek() in ("", ","):
            return ""
        lexeme = self._next()
        if not _is_word(lexeme):
            raise _wrong(f"found '{lexeme}', expected: identifier")
        return lexeme

    def _set(self) -> set[str]:
        opening = self._next()
        if opening != "(":
            raise _wrong(f"found '{opening}' expected: '('")
        if self._peek() == ")":
            self._next()
            return {""}
        if not (_is_word(self._peek()) or self._peek() == ","):
            raise _wrong(f"found '{self._peek()}', expected: ',', ')' or identifier")
        return self._members()

    def _members(self) -> set[str]:
        """What stands between the parentheses; a comma without a word beside it stands for the empty value."""
        found: set[str] = set()
        previous = ","
        while True:
            lexeme = self._next()
            if lexeme in (",", ")") and previous == ",":
                found.add("")
            elif _is_word(lexeme) and previous == ",":
                found.add(lexeme)
            elif lexeme not in (",", ")"):
                expected = "',', or identifier" if previous == "," else "',' or ')'"
                raise _wrong(f"found '{lexeme}', expected: {expected}")
            if lexeme == ")":
                return found
            previous = lexeme


def _is_word(lexeme: str) -> bool:
    return bool(lexeme) and lexeme not in _SYMBOLS


def _wrong(why: str) -> BadRequest:
    return BadRequest(f"unable to parse requirement: {why}")


def _checked(requirement: Requirement) -> Requirement:
    for position, value in enumerate(requirement.values):
        if requirement.operator in (">", "<"):
            if not _INTEGER.fullmatch(value):
                raise _wrong(
                    f'values[{position}]: Invalid value: "{value}": '
                    "for 'Gt', 'Lt' operators, the value must be an integer"
                )
        elif faults := names.label_value(value):
            raise _wrong(f'values[{position}][{requirement.key}]: Invalid value: "{value}": {"; ".join(faults)}')
    return requirement


@dataclass(frozen=True)
class FieldTerm:
    field: str
    operator: str
    """`=` or `!=`."""
    value: str

    def __str__(self) -> str:
        return f"{self.field}{self.operator}{_escape(self.value)}"


@dataclass(frozen=True)
class FieldSelector:
    terms: tuple[FieldTerm, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "FieldSelector":
        """Raises `BadRequest`; which fields an API knows is its own affair."""
        return cls(tuple(_term(part, text) for part in _split(text) if part))

    def matches(self, lookup: Callable[[str], str]) -> bool:
        """`lookup` answers the value of a field, the empty string where the object has none."""
        return all((lookup(term.field) == term.value) == (term.operator == "=") for term in self.terms)

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __str__(self) -> str:
        return ",".join(map(str, self.terms))


def _split(text: str) -> list[str]:
    return re.findall(r"((?:\\.|[^,\\]|\\$)*)(?:,|$)", text, re.DOTALL)


def _term(part: str, text: str) -> FieldTerm:
    found = re.match(r"((?:\\.|[^\\=!]|!(?!=))*)(!=|==|=)(.*)", part, re.DOTALL)
    if not found:
        raise BadRequest(f"invalid selector: '{text}'; can't understand '{part}'")
    field, operator, value = found.groups()
    return FieldTerm(field, "!=" if operator == "!=" else "=", _unescape(value))


def _unescape(value: str) -> str:
    found = []
    signs = iter(value)
    for sign in signs:
        if sign == "\\":
            escaped = next(signs, "")
            if escaped not in ("\\", ",", "="):
                raise BadRequest(f"invalid field selector: invalid escape sequence: \\{escaped}")
            found.append(escaped)
        elif sign in ",=":
            raise BadRequest(f"invalid field selector: unescaped character in value: {ord(sign)}")
        else:
            found.append(sign)
    return "".join(found)


def _escape(value: str) -> str:
    return re.sub(r"([\\,=])", r"\\\1", value)

"""Field errors: the causes of a 422, worded as the API server words them.

People read these sentences and programs match them (`Required value`, `Unsupported value: "x": supported values: …`),
so each kind of error has one function here and no other module spells one. The rules are those of
`k8s.io/apimachinery/pkg/util/validation/field`: scalars are printed as Go prints them, anything else as JSON.
"""

from decimal import Decimal
from typing import Any

from fairlead.machinery import statuses
from fairlead.machinery.encoding import to_json

Cause = dict[str, Any]


def required(path: str) -> Cause:
    return statuses.cause(path, "Required value", "FieldValueRequired")


def duplicate(path: str, value: Any) -> Cause:
    return statuses.cause(path, f"Duplicate value: {shown(value)}", "FieldValueDuplicate")


def invalid(path: str, value: Any, detail: str) -> Cause:
    return statuses.cause(path, f"Invalid value: {shown(value)}: {detail}")


def type_invalid(path: str, value: Any, detail: str) -> Cause:
    return statuses.cause(path, f"Invalid value: {shown(value)}: {detail}", "FieldValueTypeInvalid")


def not_supported(path: str, value: Any, allowed: list[Any]) -> Cause:
    names = ", ".join(quoted(each if isinstance(each, str) else compact(each)) for each in allowed)
    tail = f": supported values: {names}" if allowed else ""
    return statuses.cause(path, f"Unsupported value: {shown(value)}{tail}", "FieldValueNotSupported")


def too_long(path: str, most: int) -> Cause:
    """The value itself is left out on purpose: it may be megabytes."""
    return statuses.cause(path, f"Too long: may not be more than {most} {_plural(most, 'byte')}", "FieldValueTooLong")


def too_many(path: str, actual: int, most: int) -> Cause:
    message = f"Too many: {actual}: must have at most {most} {_plural(most, 'item')}"
    return statuses.cause(path, message, "FieldValueTooMany")


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"


def shown(value: Any) -> str:
    """A value as an error shows it: strings quoted, other scalars as Go's %v, the rest as JSON."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return go_float(value)
    if isinstance(value, int):
        return str(value)
    return compact(value)


def compact(value: Any) -> str:
    """JSON as Go's encoder writes it: keys sorted, `<`, `>` and `&` escaped."""
    text = to_json(_sorted(value)).decode()
    for character, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, escape)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value


_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


def quoted(text: str) -> str:
    """Go's %q: what cannot be printed is escaped."""
    return '"' + "".join(_ESCAPES.get(each) or _printable(each) for each in text) + '"'


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def go_float(value: float) -> str:
    """Go's %v of a finite float64: shortest digits, an exponent from a million on and below 0.0001."""
    sign, digits, _ = Decimal(repr(value)).normalize().as_tuple()
    text = "".join(map(str, digits))
    power = Decimal(repr(value)).adjusted()
    if value and not -4 <= power < 6:
        shown_digits = f"{text[0]}.{text[1:]}" if len(text) > 1 else text
        body = f"{shown_digits}e{'-' if power < 0 else '+'}{abs(power):02d}"
    else:
        body = f"{abs(Decimal(repr(value))).normalize():f}"
    return f"-{body}" if sign else body

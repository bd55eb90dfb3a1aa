"""The string formats that a CRD's schema may name, each a predicate.

The list and the meaning of each follow `apiextensions-apiserver/pkg/apiserver/validation/formats.go` and kube-openapi's
`strfmt`; what a real API server accepts decides (tests/machinery/data/formats.json was gathered from one). Formats it
does not know are ignored, as there.
"""

import ipaddress
import re
from collections.abc import Callable
from datetime import date
from functools import cache

from fairlead.machinery.patterns import compile_pattern

_UUID = r"(?i)^[0-9a-f]{{8}}-?[0-9a-f]{{4}}-?{0}[0-9a-f]{{{1}}}-?{2}-?[0-9a-f]{{12}}\Z"
_NAME = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_GO_DURATION = re.compile(r"^[-+]?(?:0|(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)\Z")
_LONG_DURATION = re.compile(r"([0-9]+)\s*([A-Za-zµ]+)")
_DURATION_UNITS = ("ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk")
_DURATION_WORDS = ("nano", "micro", "milli", "sec", "min", "hour", "day", "week")
_TIME = re.compile(r"^([0-9]{2}):([0-9]{2}):([0-9]{2})(?:.[0-9]+)?(?:z|[+-][0-9]{2}:[0-9]{2})\Z")


def _is_date(text: str) -> bool:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return False
    try:
        # Go has a year 0 and Python has not; it was a leap year, as 2000 was.
        date.fromisoformat(text if text[:4] != "0000" else f"2000{text[4:]}")
    except ValueError:
        return False
    return True


def _is_date_time(text: str) -> bool:
    day, separator, rest = text.lower().partition("t")
    found = _TIME.match(rest.split("t")[0])
    return bool(separator and _is_date(day) and found and found[1] <= "23" and found[2] <= "59" and found[3] <= "59")


def _is_duration(text: str) -> bool:
    if _GO_DURATION.match(text):
        return True
    units = [unit.lower() for _, unit in _LONG_DURATION.findall(text)]
    return any(unit in _DURATION_UNITS or unit.startswith(_DURATION_WORDS) for unit in units)


def _without_leading_zeros(text: str) -> str:
    return re.sub(r"(?<![0-9a-fA-F:])0+(?=[0-9]+(?:\.|/|\Z))", "", text)


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(_without_leading_zeros(text))
    except ValueError:
        return False
    return "%" not in text


def _is_cidr(text: str) -> bool:
    address, separator, length = text.partition("/")
    return bool(separator and _is_ip(address) and re.fullmatch(r"[0-9]{1,3}", length)) and int(length) <= (
        128 if ":" in address else 32
    )


def _is_mac(text: str) -> bool:
    return any(
        re.fullmatch(f"{group}(?:{separator}{group}){{{times}}}", text)
        for group, separator, counts in (
            ("[0-9a-fA-F]{2}", ":", (5, 7, 19)),
            ("[0-9a-fA-F]{2}", "-", (5, 7, 19)),
            ("[0-9a-fA-F]{4}", r"\.", (2, 3, 9)),
        )
        for times in counts
    )


def _is_email(text: str) -> bool:
    """`name@host`, or that in angle brackets after a display name, as Go's net/mail reads it."""
    address = re.search(r"<([^<>]*)>\s*\Z", text)
    core = address[1] if address else text.strip()
    atom = r"[^\s()<>\[\]:;@\\,.\"\x00-\x1f\x7f]+"
    return bool(re.fullmatch(rf'(?:{atom}(?:\.{atom})*|"[^"\\]*")@(?:{atom}(?:\.{atom})*|\[[^\]]+\])', core))


_LETTER = r"a-zA-Z\p{L}"
_HOST = rf"0-9\p{{S}}{_LETTER}"
_HOSTNAME = (
    rf"^(?:[{_HOST}](?:-?[{_HOST}]{{0,62}})?|(?:[{_HOST}](?:[-{_HOST}]{{0,61}}[{_HOST}])?\.)+[{_LETTER}]{{2,63}})$"
)


def _is_hostname(text: str) -> bool:
    """A name without a dot may have one dash, and only as its second character."""
    compiled = compile_pattern(_HOSTNAME)
    is_short = len(text.encode()) <= 255 and all(len(label.encode()) <= 63 for label in text.split("."))
    return is_short and compiled is not None and compiled.search(text) is not None


def _is_uri(text: str) -> bool:
    """As Go's url.ParseRequestURI: an absolute URI or an absolute path."""
    if re.search(r"[\x00-\x20\x7f]", text) or re.search(r"%(?![0-9a-fA-F]{2})", text):
        return False
    if text.startswith("/") or text == "*":
        return True
    scheme = re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", text)
    if scheme is None or not text[scheme.end() :].startswith("//"):
        return scheme is not None
    authority = re.split(r"[/?#]", text[scheme.end() + 2 :], maxsplit=1)[0].rpartition("@")[2]
    return re.fullmatch(r"(?:\[[^]]*\]|[^][:]*)(?::[0-9]*)?", authority) is not None


def _is_isbn10(text: str) -> bool:
    digits = re.sub(r"[\s-]", "", text)
    if not re.fullmatch(r"[0-9]{9}[0-9X]", digits):
        return False
    total = sum((index + 1) * int(each) for index, each in enumerate(digits[:9]))
    return (total + 10 * (10 if digits[9] == "X" else int(digits[9]))) % 11 == 0


def _is_isbn13(text: str) -> bool:
    digits = re.sub(r"[\s-]", "", text)
    if not re.fullmatch(r"[0-9]{13}", digits):
        return False
    return sum(int(each) * (3 if index % 2 else 1) for index, each in enumerate(digits)) % 10 == 0


_CARD = (
    r"(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}"
    r"|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35[0-9]{3})[0-9]{11})"
)


def _is_credit_card(text: str) -> bool:
    digits = re.sub(r"[^0-9]+", "", text)
    if not re.fullmatch(_CARD, digits):
        return False
    doubled = [int(each) * (2 if index % 2 else 1) for index, each in enumerate(reversed(digits))]
    return sum(each - 9 if each > 9 else each for each in doubled) % 10 == 0


def _pattern(expression: str) -> Callable[[str], bool]:
    return lambda text: re.search(expression, text) is not None


_BASE64 = r"^(?:[0-9a-zA-Z+/]{4})*(?:[0-9a-zA-Z+/]{2}==|[0-9a-zA-Z+/]{3}=|[0-9a-zA-Z+/]{4})\Z"
_CHANNEL = r"(?:0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])"

_FORMATS: dict[str, Callable[[str], bool]] = {
    "bsonobjectid": _pattern(r"^[0-9a-fA-F]{24}\Z"),
    "uri": _is_uri,
    "email": _is_email,
    "hostname": _is_hostname,
    "ipv4": lambda text: _is_ip(text) and "." in text,
    "ipv6": lambda text: _is_ip(text) and ":" in text,
    "cidr": _is_cidr,
    "mac": _is_mac,
    "uuid": _pattern(_UUID.format("", 4, "[0-9a-f]{4}")),
    "uuid3": _pattern(_UUID.format("3", 3, "[0-9a-f]{4}")),
    "uuid4": _pattern(_UUID.format("4", 3, "[89ab][0-9a-f]{3}")),
    "uuid5": _pattern(_UUID.format("5", 3, "[89ab][0-9a-f]{3}")),
    "isbn": lambda text: _is_isbn10(text) or _is_isbn13(text),
    "isbn10": _is_isbn10,
    "isbn13": _is_isbn13,
    "creditcard": _is_credit_card,
    "ssn": _pattern(r"^\d{3}[- ]\d{2}[- ]\d{4}\Z"),
    "hexcolor": _pattern(r"^#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})\Z"),
    "rgbcolor": _pattern(rf"^rgb\(\s*{_CHANNEL}\s*,\s*{_CHANNEL}\s*,\s*{_CHANNEL}\s*\)\Z"),
    "byte": _pattern(_BASE64),
    "password": lambda text: True,
    "date": _is_date,
    "duration": _is_duration,
    "datetime": _is_date_time,
    "k8sshortname": lambda text: len(text) <= 63 and re.fullmatch(_NAME, text) is not None,
    "k8slongname": lambda text: len(text) <= 253 and re.fullmatch(rf"{_NAME}(?:\.{_NAME})*", text) is not None,
}


@cache
def checker(name: str) -> Callable[[str], bool] | None:
    """None for a format that the API server ignores; `date-time` and `datetime` are the same."""
    return _FORMATS.get(name.replace("-", ""))

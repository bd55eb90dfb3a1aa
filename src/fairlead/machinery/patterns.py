r"""Go's regular expressions (RE2), run by Python's `re`.

CRD patterns are written for Go. Nearly all mean the same in Python; this module rewrites those that do not: `$` is the
end of the text only, `\z` is `\Z`, POSIX classes and Unicode classes (`[[:alpha:]]`, `\p{Lu}`) are spelt out, and the
shorthands are ASCII. The road not taken is google-re2: a compiled dependency for what a few lines do.
"""

import re
import sys
import unicodedata
import warnings
from functools import cache

_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_TOKEN = re.compile(
    r"\\Q(?P<literal>.*?)(?:\\E|\Z)|\\p\{(?P<inside>\^?\w+)\}|\\p(?P<one>\w)|\\P(?:\{(?P<outside>\w+)\}|(?P<not_one>\w))"
    r"|\[:(?P<posix>\^?\w+):\]|\\x\{(?P<hexadecimal>[0-9a-fA-F]+)\}|(?P<escape>\\.)|(?P<other>.)",
    re.DOTALL,
)


@cache
def compile_pattern(expression: str) -> re.Pattern[str] | None:
    """None where Python cannot run it; then the pattern counts as unchecked."""
    try:
        with warnings.catch_warnings():
            # Python announces that `[a--b]` may mean something else one day; today it means what Go means.
            warnings.simplefilter("ignore", FutureWarning)
            return re.compile(translate(expression), re.ASCII)
    except (re.error, OverflowError, RecursionError):
        return None


def translate(expression: str) -> str:
    """The same expression in Python's syntax; not every RE2 expression has one."""
    out: list[str] = []
    in_class = False
    multiline = re.search(r"\(\?[a-zA-Z]*m", expression) is not None
    for token in _TOKEN.finditer(expression):
        text = token[0] if multiline and token["other"] == "$" else _rewritten(token, in_class)
        if token["other"] == "[" and not in_class:
            in_class = True
        elif token["other"] == "]" and in_class and out[-1] not in ("[", "^"):
            in_class = False
        elif token["other"] == "[":
            text = r"\["
        out.append(text)
    return "".join(out)


def _rewritten(token: re.Match[str], in_class: bool) -> str:
    if token["literal"] is not None:
        return re.escape(token["literal"])
    if token["posix"]:
        return _POSIX[token["posix"]] if token["posix"] in _POSIX else token[0]
    category = token["inside"] or token["one"]
    outside = token["outside"] or token["not_one"]
    if category or outside:
        ranges = _category(category or outside, inverted=bool(outside))
        return ranges if in_class else f"[{ranges}]"
    if token["hexadecimal"]:
        return re.escape(chr(int(token["hexadecimal"], 16)))
    if token["escape"]:
        return {r"\z": r"\Z", r"\a": r"\x07", r"\C": "(?s:.)"}.get(token["escape"], token["escape"])
    return r"\Z" if token["other"] == "$" and not in_class else token["other"]


@cache
def _category(name: str, *, inverted: bool = False) -> str:
    """The ranges of a Unicode general category, for use inside brackets."""
    if name.startswith("^"):
        name, inverted = name[1:], not inverted
    ranges: list[str] = []
    start = -1
    for code in range(sys.maxunicode + 2):
        belongs = code <= sys.maxunicode and unicodedata.category(chr(code)).startswith(name) != inverted
        if belongs and start < 0:
            start = code
        elif not belongs and start >= 0:
            ranges.append(f"\\U{start:08x}-\\U{code - 1:08x}")
            start = -1
    if not ranges:
        raise re.error(f"no Unicode category {name}")
    return "".join(ranges)

"""Taking secrets out of what is shown: objects by their shape and by the names of their fields, text by its form.

A reader who is not to see secrets (a model, a log, an audit line) gets every value through here. It is a second line:
the first is the rights of whoever reads. A Secret shows its keys and how much lies behind each, because which keys
there are is what one asks when something does not work. What replaces a value says that it does, so that an object that
was shown cannot be applied back with the replacement in it (`marked`).

Names decide where a value has no form of its own (`password: hunter2`). Names that point at a secret rather than hold
one (`secretName`, `passwordSecretRef`, `tokenKey`) are left alone: they are how people find their way.

Source: reference/mcp-and-gateways.md §5.2 (Secrets), §5.4 group 4.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]

_MARK = "<redacted by fairlead"
MARKER = f"{_MARK}>"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_HOLDS_A_SECRET = re.compile(
    r"(?i)(?:pass(?:word|wd|phrase)|secret|token|api[-_.]?key|access[-_.]?key(?:[-_.]?id)?|private[-_.]?key|credentials?"
    r"|connection[-_.]?string|client[-_.]?key(?:[-_.]?data)?|kubeconfig|dsn|htpasswd|dockerconfigjson)$"
)
_KEYS = r"api[-_]?key|access[-_]?key|private[-_]?key|connection[-_]?string"
_VALUE = r"(?:\"[^\"\n]{1,4096}\"|'[^'\n]{1,4096}'|(?!<redacted)[^\s\"',;&<]{1,4096})"
_FORMS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY-----[^-]*(?:-----END (?:[A-Z]+ ){0,3}PRIVATE KEY-----|$)"),
        MARKER,
    ),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?"), MARKER),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/._~=-]{8,}"), rf"\1 {MARKER}"),
    (re.compile(r"\b((?:[a-z][a-z0-9+.-]{0,30})://[^\s:/@\"']{0,256}):[^\s/@\"']{1,256}@"), rf"\1:{MARKER}@"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), MARKER),
    (re.compile(r"\b(?:gh[opsur]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,})"), MARKER),
    (re.compile(r"\b(?:xox[abeoprs]-[A-Za-z0-9-]{10,}|sk-[A-Za-z0-9_-]{20,}|AIza[A-Za-z0-9_-]{30,})"), MARKER),
    (
        re.compile(rf"(?i)([\w.-]{{0,64}}(?:pass(?:word|wd|phrase)|{_KEYS})[\"']?\s{{0,3}}[:=]\s{{0,3}}){_VALUE}"),
        rf"\1{MARKER}",
    ),
    # "secret: not found" is prose, so these two words need a value that looks like one.
    (
        re.compile(
            rf"(?i)([\w.-]{{0,64}}(?:secret|token)[\"']?\s{{0,3}}[:=]\s{{0,3}})(?=\S*\d|[\"'=]|\S{{12}}){_VALUE}"
        ),
        rf"\1{MARKER}",
    ),
)


_KEY_EDGE = re.compile(r"-----(BEGIN|END) (?:[A-Z]+ ){0,3}PRIVATE KEY-----")
_KEY_LINE = re.compile(r"(?:^|\s)[A-Za-z0-9+/]{40,76}={0,2}\s*$")
"""Of base64, behind whatever a log puts before each line; only the last one of a key is shorter."""
_KEY_REST = re.compile(r"(?:^|\s)[A-Za-z0-9+/]{2,76}={0,2}\s*$")


def text(value: str) -> str:
    """Free text: log lines, messages of events and conditions, errors."""
    for form, replacement in _FORMS:
        value = form.sub(replacement, value)
    return _without_key_lines(value) if "PRIVATE KEY-----" in value else value


def _without_key_lines(value: str) -> str:
    """Of keys that a log shows line by line, each behind something of its own, or of which a cut left only a part."""
    kept: list[str] = []
    inside = False
    for line in value.split("\n"):
        edge = _KEY_EDGE.search(line)
        if edge and edge[1] == "END" and not inside:
            if kept and _KEY_REST.search(kept[-1]):
                kept.pop()
            while kept and _KEY_LINE.search(kept[-1]):
                kept.pop()
        if edge:
            kept += [] if inside else [MARKER]
            inside = edge[1] == "BEGIN"
        elif not inside or not _KEY_REST.search(line):
            inside = False
            kept.append(line)
        else:
            inside = bool(_KEY_LINE.search(line))
    return "\n".join(kept)


def marked(value: Any) -> bool:
    """Whether a replacement of ours stands anywhere in it; such an object must not be written."""
    if isinstance(value, str):
        return _MARK in value
    if isinstance(value, Mapping):
        return any(marked(each) for pair in value.items() for each in pair)
    return isinstance(value, list | tuple) and any(marked(each) for each in value)


def shown(obj: Any) -> Any:
    """The same object without its secrets; shares nothing with the one given. Works inside lists of any kind too."""
    if isinstance(obj, Mapping):
        if _is_secret(obj):
            return _secret(obj)
        return {key: _field(key, value) for key, value in obj.items()} if not _is_variable(obj) else _variable(obj)
    if isinstance(obj, list):
        return [_item(before, each) for before, each in zip([None, *obj], obj, strict=False)]
    return text(obj) if isinstance(obj, str) else obj


def _item(before: Any, value: Any) -> Any:
    """Of a command line, the value that stands behind its flag; where a file is named, it is no secret."""
    is_flag = isinstance(before, str) and before.startswith("-") and _HOLDS_A_SECRET.search(before)
    return MARKER if is_flag and isinstance(value, str) and not value.startswith(("-", "/")) else shown(value)


def _is_secret(obj: Mapping[str, Any]) -> bool:
    return obj.get("kind") == "Secret" and obj.get("apiVersion", "v1") == "v1"


def _secret(obj: Mapping[str, Any]) -> Object:
    return {key: _sized(value) if key in ("data", "stringData") else shown(value) for key, value in obj.items()}


def _sized(data: Any) -> Any:
    if not isinstance(data, Mapping):
        return MARKER
    return {key: f"{_MARK}: {len(str(value))} characters>" for key, value in data.items()}


def _is_variable(obj: Mapping[str, Any]) -> bool:
    """An environment variable or anything else that comes as a name and a value."""
    return isinstance(obj.get("name"), str) and isinstance(obj.get("value"), str)


def _variable(obj: Mapping[str, Any]) -> Object:
    rest = {key: _field(key, value) for key, value in obj.items() if key != "value"}
    return {**rest, "value": _field(obj["name"], obj["value"])}


def _field(key: str, value: Any) -> Any:
    if key == LAST_APPLIED and isinstance(value, str):
        return _embedded(value)
    return _value(value) if _HOLDS_A_SECRET.search(key) else shown(value)


def _value(value: Any) -> Any:
    """Of a field that holds a secret by its name; a mapping or a flag only tells of one."""
    if isinstance(value, list):
        return [_value(each) for each in value]
    is_one = value if isinstance(value, str) else isinstance(value, int | float) and not isinstance(value, bool)
    return MARKER if is_one else shown(value)


def _embedded(value: str) -> str:
    """An object as text, which holds all that the object holds."""
    try:
        found = json.loads(value)
    except ValueError:
        return MARKER
    return json.dumps(shown(found), separators=(",", ":"))

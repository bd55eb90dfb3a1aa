"""A value checked against a schema, with the API server's own findings.

The walker is ours and not jsonschema-rs: clients match the server's sentences, reasons and their choice (of a failed
`oneOf` it reports the branch that matched most), and ratcheting forgives what an update left unchanged. None of that
can be had from a general validator, and an object is small. The rules are those of kube-openapi's `pkg/validation` and
apiextensions-apiserver's `pkg/apiserver/validation`; the sentences in the tests were gathered from a real server.
Go visits members in random order, so only the set of findings is defined there; here it is the schema's order.

`x-kubernetes-validations` (CEL) are not evaluated, see `schemas.Schema.unchecked`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from fairlead.machinery import fielderrors, formats
from fairlead.machinery.fielderrors import Cause, shown
from fairlead.machinery.patterns import compile_pattern
from fairlead.machinery.structural import Node
from fairlead.machinery.values import same

ABSENT: Any = object()
"""Stands for an earlier value that cannot be told."""
_FORMATS_OF = {"integer": ("int32", "int64"), "number": ("float", "double")}
_LARGEST_INT32, _LARGEST_INT64, _LARGEST_FLOAT32 = 2**31 - 1, 2**63 - 1, 3.4028235677973366e38
_LARGEST_SAFE = 2**53 - 1


@dataclass
class _Finding:
    """`sentence` tells two findings apart; `as_cause` receives the path under which the whole value lies."""

    sentence: str
    as_cause: Callable[[str], Cause]


@dataclass
class _Result:
    """`matches` counts checks that were made: the branch of an `anyOf` with most of them is the one reported."""

    findings: list[_Finding] = field(default_factory=list)
    matches: int = 0

    def merge(self, other: "_Result") -> None:
        self.add(other.findings)
        self.matches += other.matches

    def add(self, findings: Iterable[_Finding]) -> None:
        known = {each.sentence for each in self.findings}
        for each in findings:
            if each.sentence not in known:
                known.add(each.sentence)
                self.findings.append(each)


def validate(value: Any, node: Node, *, old: Any = ABSENT, under: str = "") -> list[Cause]:
    """The causes, empty for a valid value.

    `old`: what the value was; errors in parts that are equal to what they were are forgiven (KEP 4008, ratcheting).
    `under`: the path of the value in its object; paths inside sentences stay relative to the value, as on the server.
    """
    return [each.as_cause(under) for each in _ratcheted(value, node, "", old).findings]


def _ratcheted(value: Any, node: Node, path: str, old: Any) -> _Result:
    result = _check(value, node, path, old)
    if result.findings and old is not ABSENT and same(value, old):
        return _Result(matches=result.matches)
    return result


def _check(value: Any, node: Node, path: str, old: Any) -> _Result:
    result = _Result()
    format_name = _known_format(node)
    if node.types or format_name:
        result.merge(_type(value, node, path, format_name))
    if value is None:
        result.add(_enum(value, node, path))
        return result
    # Each kind of check that applies counts once, found or not, and the whole once more.
    result.matches += 3 + bool(node.types or format_name)
    result.merge(_combinations(value, node, path, old))
    if isinstance(value, str):
        result.add(_string(value, node, path))
        checker = formats.checker(format_name) if format_name else None
        result.matches += 1 + (checker is not None)
        if checker is not None and not checker(value):
            result.add([_type_finding(path, format_name, value)])
    elif isinstance(value, int | float) and not isinstance(value, bool):
        result.add(_number(value, node, path, format_name))
        result.matches += 2
    elif isinstance(value, list):
        result.merge(_list(value, node, path, old))
        result.matches += 1
    result.add(_enum(value, node, path))
    if isinstance(value, dict):
        result.merge(_object(value, node, path, old))
        result.matches += 1
    return result


# -- types and formats -------------------------------------------------------------------------------------------------


def _known_format(node: Node) -> str:
    """The format, or empty where the server ignores it for this type."""
    name = str(node.source.get("format") or "")
    kind = node.types[0] if len(node.types) == 1 else ""
    if kind in ("", "string"):
        return name if formats.checker(name) else ""
    return name if name in _FORMATS_OF.get(kind, ()) else ""


def _type_and_format(value: Any) -> tuple[str, str]:
    if isinstance(value, bool):
        return "boolean", ""
    if isinstance(value, int) and -(2**63) <= value <= _LARGEST_INT64:
        return "integer", "int64"
    if isinstance(value, int | float):
        return "number", "float64"
    if isinstance(value, str | list):
        return "string" if isinstance(value, str) else "array", ""
    return "object", ""


def _type(value: Any, node: Node, path: str, format_name: str) -> _Result:
    wanted = ",".join(node.types)
    if value is None:
        is_wrong = node.types and "null" not in node.types and not node.nullable
        return _Result([_type_finding(path, wanted, "null")]) if is_wrong else _Result(matches=1)
    kind, kind_format = _type_and_format(value)
    fits = (
        kind in node.types
        or (kind == "number" and "integer" in node.types and _is_whole(value))
        or (kind == "integer" and "number" in node.types)
    )
    if format_name and kind not in ("string", "array"):
        if not fits and kind_format != format_name:
            return _Result([_type_finding(path, format_name, kind_format)])
    elif format_name and not {"number", "integer"} & set(node.types):
        return _Result(matches=1)
    return _Result(matches=1) if fits else _Result([_type_finding(path, wanted, kind)])


def _is_whole(value: float) -> bool:
    return abs(value) <= _LARGEST_SAFE and float(value).is_integer()


def _type_finding(path: str, wanted: str, found: str) -> _Finding:
    sentence = f"{path} in body must be of type {wanted}: {fielderrors.quoted(found)}"
    return _finding(path, sentence, lambda at: fielderrors.type_invalid(at, found, sentence))


# -- scalars -----------------------------------------------------------------------------------------------------------


def _string(text: str, node: Node, path: str) -> list[_Finding]:
    """Only the first thing wrong with a string is reported."""
    longest, shortest = node.source.get("maxLength"), node.source.get("minLength")
    if longest is not None and len(text) > longest:
        sentence = f"{path} in body should be at most {longest} chars long"
        return [_finding(path, sentence, lambda at: fielderrors.too_long(at, int(longest)))]
    if shortest is not None and len(text) < shortest:
        return [_wrong(path, text, f"should be at least {shortest} chars long")]
    pattern = node.source.get("pattern")
    compiled = compile_pattern(pattern) if pattern else None
    if compiled is not None and not compiled.search(text):
        return [_wrong(path, text, f"should match '{pattern}'")]
    return []


def _number(value: float, node: Node, path: str, format_name: str) -> list[_Finding]:
    kind = node.types[0] if len(node.types) == 1 and node.types[0] in _FORMATS_OF else ""
    found = _out_of_range(value, kind, format_name, "Checked", path)
    for key, what, check in _LIMITS:
        limit = node.source.get(key)
        if limit is not None:
            found += _out_of_range(limit, kind, format_name, what, path)
            # Go compares an integer with the limit's whole part, unless the schema says integer and the limit is none.
            cut = isinstance(value, int) and (kind != "integer" or float(limit).is_integer())
            found += check(value, int(limit) if cut else float(limit), node, path)
    return found


def _multiple(value: float, factor: float, node: Node, path: str) -> list[_Finding]:
    return [] if _is_multiple(value, factor) else [_wrong(path, value, f"should be a multiple of {shown(factor)}")]


def _least(value: float, limit: float, node: Node, path: str) -> list[_Finding]:
    exclusive = bool(node.source.get("exclusiveMinimum"))
    if value > limit or (value == limit and not exclusive):
        return []
    return [_wrong(path, value, f"should be greater than {'' if exclusive else 'or equal to '}{shown(limit)}")]


def _most(value: float, limit: float, node: Node, path: str) -> list[_Finding]:
    exclusive = bool(node.source.get("exclusiveMaximum"))
    if value < limit or (value == limit and not exclusive):
        return []
    return [_wrong(path, value, f"should be less than {'' if exclusive else 'or equal to '}{shown(limit)}")]


_LIMITS = (
    ("multipleOf", "MultipleOf", _multiple),
    ("minimum", "Minimum boundary", _least),
    ("maximum", "Maximum boundary", _most),
)


def _is_multiple(value: float, factor: float) -> bool:
    if isinstance(value, int) and isinstance(factor, int):
        return factor > 0 and value % factor == 0
    quotient = value / factor if factor >= 1 else 1 / factor * value
    return abs(quotient - round(quotient)) < 1e-9 * max(1.0, abs(quotient))


def _out_of_range(value: float, kind: str, format_name: str, what: str, path: str) -> list[_Finding]:
    if kind == "integer":
        limit = _LARGEST_INT32 if format_name == "int32" else _LARGEST_INT64
        is_wrong = not float(value).is_integer() or not -limit - 1 <= value <= limit
    else:
        is_wrong = format_name == "float" and abs(value) > _LARGEST_FLOAT32
    if not is_wrong:
        return []
    named = f"with format {format_name}" if format_name else "(default format)"
    return [_plain(f"{what} value must be of type {kind} {named} in {path}")]


def _enum(value: Any, node: Node, path: str) -> list[_Finding]:
    allowed = node.source.get("enum")
    if not allowed or any(each is not None and value is not None and same(value, each) for each in allowed):
        return []
    sentence = f"{path} in body should be one of {allowed}"
    return [_finding(path, sentence, lambda at: fielderrors.not_supported(at, value, allowed))]


# -- lists and objects -------------------------------------------------------------------------------------------------


def _list(value: list[Any], node: Node, path: str, old: Any) -> _Result:
    result = _Result(matches=1)
    if node.items is not None:
        earlier = _by_key(old, node) if node.list_type == "map" else {}
        for index, each in enumerate(value):
            before = earlier.get(_key(each, node), ABSENT) if earlier else ABSENT
            result.merge(_ratcheted(each, node.items, f"{path}[{index}]", before))
    least, most = node.source.get("minItems"), node.source.get("maxItems")
    if least is not None and len(value) < least:
        result.add([_wrong(path, len(value), f"should have at least {least} items")])
    if most is not None and len(value) > most:
        sentence = f"{path} in body should have at most {most} items"
        result.add([_finding(path, sentence, lambda at: fielderrors.too_many(at, len(value), int(most)))])
    return result


def _by_key(old: Any, node: Node) -> dict[str, Any]:
    return {_key(each, node): each for each in old} if isinstance(old, list) else {}


def _key(item: Any, node: Node) -> str:
    """An item's identity in a list of type `map`."""
    found = item if isinstance(item, dict) else {}
    return fielderrors.compact({name: found[name] for name in node.list_map_keys if name in found})


def _object(value: dict[str, Any], node: Node, path: str, old: Any) -> _Result:
    result = _Result()
    least, most = node.source.get("minProperties"), node.source.get("maxProperties")
    if least is not None and len(value) < least:
        result.add([_wrong(path, len(value), f"should have at least {least} properties")])
    if most is not None and len(value) > most:
        sentence = f"{path} in body should have at most {most} properties"
        result.add([_finding(path, sentence, lambda at: fielderrors.too_many(at, len(value), int(most)))])
    if node.additional is not None:
        for name in [name for name in value if name not in node.properties]:
            result.merge(_ratcheted(value[name], node.additional, f"{path}.{name}", _before(old, name, path)))
    for name, each in node.properties.items():
        if name in value:
            inner = f"{path}.{name}" if path else name
            result.merge(_ratcheted(value[name], each, inner, _before(old, name, path)))
    for name in node.source.get("required") or ():
        if name not in value:
            sentence = f"{path}.{name} in body is required"
            result.add([_finding(f"{path}.{name}", sentence, fielderrors.required)])
    return result


def _before(old: Any, name: str, path: str) -> Any:
    """What a member was. A whole object's type is never forgiven: it was converted, so it only looks unchanged."""
    if not isinstance(old, dict) or (not path and name in ("apiVersion", "kind")):
        return ABSENT
    return old.get(name, ABSENT)


# -- anyOf, oneOf, allOf, not ------------------------------------------------------------------------------------------


def _combinations(value: Any, node: Node, path: str, old: Any) -> _Result:
    result = _Result()
    if node.any_of:
        result.merge(_any_of(value, node, path, old))
    if node.one_of:
        result.merge(_one_of(value, node, path, old))
    if node.all_of:
        result.merge(_all_of(value, node, path, old))
    if node.negated is not None and not _check(value, node.negated, path, old).findings:
        result.add([_plain(f"{_named(path)} must not validate the schema (not)")])
    result.matches += 1
    return result


def _any_of(value: Any, node: Node, path: str, old: Any) -> _Result:
    failed: list[_Result] = []
    for each in node.any_of:
        result = _check(value, each, path, old)
        if not result.findings:
            return result
        failed.append(result)
    found = _Result([_plain(f"{_named(path)} must validate at least one schema (anyOf)")])
    found.merge(max(failed, key=lambda each: each.matches))
    return found


def _one_of(value: Any, node: Node, path: str, old: Any) -> _Result:
    results = [_check(value, each, path, old) for each in node.one_of]
    valid = [each for each in results if not each.findings]
    if len(valid) == 1:
        return valid[0]
    why = f"Found {len(valid)} valid alternatives" if valid else "Found none valid"
    found = _Result([_plain(f"{_named(path)} must validate one and only one schema (oneOf). {why}")])
    if not valid:
        found.merge(max(results, key=lambda each: each.matches))
    return found


def _all_of(value: Any, node: Node, path: str, old: Any) -> _Result:
    found = _Result()
    valid = 0
    for each in node.all_of:
        result = _check(value, each, path, old)
        valid += not result.findings
        found.merge(result)
    if valid != len(node.all_of):
        found.add(
            [_plain(f"{_named(path)} must validate all the schemas (allOf){'' if valid else '. None validated'}")]
        )
    return found


def _named(path: str) -> str:
    return fielderrors.quoted(path)


# -- findings ----------------------------------------------------------------------------------------------------------


def _finding(path: str, sentence: str, as_cause: Callable[[str], Cause]) -> _Finding:
    return _Finding(sentence, lambda under: as_cause(_joined(under, path)))


def _wrong(path: str, value: Any, what: str) -> _Finding:
    sentence = f"{path} in body {what}"
    return _finding(path, sentence, lambda at: fielderrors.invalid(at, value, sentence))


def _plain(sentence: str) -> _Finding:
    """A finding that the server hangs on the whole value, with an empty string as the bad value."""
    return _Finding(sentence, lambda under: fielderrors.invalid(under or "<nil>", "", sentence))


def _joined(under: str, path: str) -> str:
    """Paths of members of the root start with a dot in sentences, not in fields; the root itself has no name."""
    inner = path.removeprefix(".")
    return ".".join(each for each in (under, inner) if each) or "<nil>"

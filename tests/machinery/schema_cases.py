"""Objects for a real API server to judge: each has a schema for `spec` and what to create, and maybe to update, there.

`data/schema_answers.json` holds what kube-apiserver v1.36.3 said to each; `gather_schema_answers.py` asks again.
The tests of the schemas compare with the file; a `real` test compares the file with a server.
"""

from typing import Any

Case = dict[str, Any]


def case(properties: dict[str, Any], spec: Any, update: Any = None, **keywords: Any) -> Case:
    schema = {"type": "object", "properties": properties, **keywords}
    return {"schema": schema, "spec": spec} | ({"update": update} if update is not None else {})


def _of(kind: str, **keywords: Any) -> dict[str, Any]:
    return {"x": {"type": kind, **keywords}}


_STRING: dict[str, Any] = {"type": "string"}
_INTEGER: dict[str, Any] = {"type": "integer"}
_INT_OR_STRING = {"x-kubernetes-int-or-string": True}
_NUMBERED = [{"type": "object", "properties": {"a": _INTEGER}, "required": ["a"]}]
_PAIR: dict[str, Any] = {
    "type": "object",
    "properties": {"name": _STRING, "port": _INTEGER, "protocol": _STRING},
    "required": ["name"],
}
_OPEN: dict[str, Any] = {"x-kubernetes-preserve-unknown-fields": True}
_EMBEDDED = {"type": "object", "x-kubernetes-embedded-resource": True, **_OPEN}


def _list(items: Any, **keywords: Any) -> dict[str, Any]:
    return {"x": {"type": "array", "items": items, **keywords}}


def _map_list(*keys: str) -> dict[str, Any]:
    required = {**_PAIR, "required": list(keys)}
    return _list(required, **{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)})


def _types() -> dict[str, Case]:
    values = {
        "string": "a",
        "integer": 5,
        "float": 1.5,
        "whole-float": 2.0,
        "boolean": True,
        "array": [1],
        "object": {"a": 1},
        "null": None,
        "large": 2**63,
        "huge": 1e30,
    }
    items: dict[str, Any] = {"array": {"items": _INTEGER}, "object": _OPEN}
    return {
        f"type-{kind}-of-{name}": case(_of(kind, **items.get(kind, {})), {"x": value})
        for kind in ("string", "integer", "number", "boolean", "array", "object")
        for name, value in values.items()
    } | {f"int-or-string-of-{name}": case({"x": _INT_OR_STRING}, {"x": value}) for name, value in values.items()}


def _typed_formats() -> dict[str, Case]:
    table = {
        "int32-too-large": (_of("integer", format="int32"), 2**40),
        "int32-of-boolean": (_of("integer", format="int32"), True),
        "int32-of-string": (_of("integer", format="int32"), "1"),
        "int64-of-fraction": (_of("integer", format="int64"), 1.5),
        "float-too-large": (_of("number", format="float"), 1e300),
        "double": (_of("number", format="double"), 1e300),
        "date-of-integer": (_of("string", format="date"), 5),
        "date-of-boolean": (_of("string", format="date"), True),
        "date-of-array": (_of("string", format="date"), ["2020-01-01"]),
        "date-of-object": (_of("string", format="date"), {"a": 1}),
        "date-wrong": (_of("string", format="date"), "2020-13-01"),
        "date-time-wrong": (_of("string", format="date-time"), "2020-12-01"),
        "unknown-format": (_of("string", format="fancy"), "anything"),
        "integer-format-on-string": (_of("string", format="int32"), "anything"),
    }
    return {f"format-{name}": case(properties, {"x": value}) for name, (properties, value) in table.items()}


def _scalars() -> dict[str, Case]:
    table = {
        "too-long": (_of("string", maxLength=3), "abcd"),
        "too-long-by-one": (_of("string", maxLength=1), "äö"),
        "long-enough-in-characters": (_of("string", maxLength=2), "äö"),
        "too-short": (_of("string", minLength=3), "a"),
        "pattern": (_of("string", pattern="^[a-z]+$"), "A<b>&"),
        "pattern-newline": (_of("string", pattern="^[a-z]+$"), "abc\n"),
        "pattern-unicode-class": (_of("string", pattern=r"^\p{Lu}[[:alpha:]]\z"), "äb"),
        "pattern-unanchored": (_of("string", pattern="b+"), "abc"),
        "quoting": (_of("string", pattern="^$"), 'q"\\\t\x01\u00a0\u2028😀é\u200b'),
        "minimum": (_of("integer", minimum=3), 2),
        "exclusive-minimum": (_of("integer", minimum=3, exclusiveMinimum=True), 3),
        "maximum": (_of("integer", maximum=3), 4),
        "exclusive-maximum": (_of("integer", maximum=3, exclusiveMaximum=True), 3),
        "maximum-of-number": (_of("number", maximum=2.5), 2.75),
        "maximum-of-number-int": (_of("number", maximum=2.5), 3),
        "minimum-negative": (_of("number", minimum=-0.00001), -1e-3),
        "fraction-boundary": (_of("integer", maximum=2.5), 4),
        "multiple": (_of("integer", multipleOf=3), 4),
        "multiple-of-fraction": (_of("number", multipleOf=0.1), 0.25),
        "multiple-fits": (_of("number", multipleOf=0.1), 0.3),
        "enum": (_of("string", enum=["a", "b"]), "c"),
        "enum-number": (_of("integer", enum=[1, 2]), 3),
        "enum-number-fits": (_of("number", enum=[1, 2.5]), 1.0),
        "enum-object": (_of("object", enum=[{"a": 1}], **_OPEN), {"b": "<1>", "a": 2}),
        "enum-null": (_of("string", enum=["a"], nullable=True), None),
        "enum-boolean": (_of("boolean", enum=[True]), False),
        "large-number": (_of("number", maximum=5), 12345678901234567890123.0),
        "exponent-number": (_of("number", minimum=5), 1e-7),
        "several": (_of("string", enum=["a", "b"], pattern="^a", maxLength=1), "bcd"),
    }
    return {f"scalar-{name}": case(properties, {"x": value}) for name, (properties, value) in table.items()}


def _lists() -> dict[str, Case]:
    as_set = {"x-kubernetes-list-type": "set"}
    table = {
        "item-type": (_list(_INTEGER), [1, "a", 2.5]),
        "too-few": (_list(_INTEGER, minItems=2), [1]),
        "too-many": (_list(_INTEGER, maxItems=2), [1, 2, 3]),
        "too-many-of-one": (_list(_INTEGER, maxItems=1), [1, 2]),
        "null-item": (_list(_INTEGER), [None, 1]),
        "nullable-item": (_list({**_INTEGER, "nullable": True}), [None, 1]),
        "set": (_list(_STRING, **as_set), ["a", "b", "a", "a", "b"]),
        "set-of-numbers": (_list({"type": "number"}, **as_set), [1, 1.0, 2, 2]),
        "set-of-atomic-lists": (
            _list({"type": "array", "x-kubernetes-list-type": "atomic", "items": _INTEGER}, **as_set),
            [[1], [2], [1]],
        ),
        "map": (_map_list("name"), [{"name": "a"}, {"name": "b"}, {"name": "a"}]),
        "map-two-keys": (
            _map_list("name", "port"),
            [{"name": "a", "port": 1}, {"name": "a", "port": 2}, {"name": "a", "port": 1}],
        ),
        "map-missing-key": (_map_list("name"), [{"port": 1}, {"port": 1}]),
        "map-of-scalars": (_map_list("name"), [1, {"name": "a"}]),
    }
    return {f"list-{name}": case(properties, {"x": value}) for name, (properties, value) in table.items()}


def _objects() -> dict[str, Case]:
    of_integers = {"x": {"type": "object", "additionalProperties": _INTEGER}}
    inner = {"x": {"type": "object", "properties": {"a": _INTEGER}}}
    return {
        "object-required": case({"a": _STRING, "b": _STRING}, {}, required=["a", "b"]),
        "object-required-null": case({"a": _STRING}, {"a": None}, required=["a"]),
        "object-required-inner": case(_list(_PAIR), {"x": [{}, {"name": "a"}]}),
        "object-too-few": case({"x": {"type": "object", "minProperties": 1, **_OPEN}}, {"x": {}}),
        "object-too-many": case({"x": {"type": "object", "maxProperties": 1, **_OPEN}}, {"x": {"a": 1, "b": 2}}),
        "object-map-values": case(of_integers, {"x": {"a": "b"}}),
        "object-map-null": case(of_integers, {"x": {"a": None}}),
        "object-whole-spec": case({"a": _STRING}, []),
        "object-spec-null": case({"a": _STRING}, None),
        "prune-unknown": case(inner, {"x": {"a": 1, "b": 2}, "y": {"z": 1}}),
        "prune-in-list": case(_list(_PAIR), {"x": [{"name": "a"}, {"name": "b", "other": 1}]}),
        "prune-preserve": case(inner, {"x": {"a": 1, "b": 2}, "y": {"z": 1}}, **_OPEN),
        "prune-preserved-list": case({"x": {"type": "array", "items": _PAIR, **_OPEN}}, {"x": [{"name": "a", "b": 1}]}),
        "prune-in-map": case(
            {"x": {"type": "object", "additionalProperties": _PAIR}}, {"x": {"k": {"name": "a", "b": 1}}}
        ),
        "prune-any-map": case(
            {"x": {"type": "object", "additionalProperties": True}}, {"x": {"k": {"name": "a"}, "s": 1}}
        ),
        "prune-nested-lists": case(_list({"type": "array", "items": _PAIR}), {"x": [[{"name": "a", "b": 1}]]}),
        "embedded": case(
            {"x": _EMBEDDED}, {"x": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "b": 1}}
        ),
        "embedded-incomplete": case({"x": _EMBEDDED}, {"x": {"metadata": {"name": "a"}}}),
        "embedded-wrong": case({"x": _EMBEDDED}, {"x": {"apiVersion": "a/b/c", "kind": "1_"}}),
        "embedded-empty": case({"x": _EMBEDDED}, {"x": {"apiVersion": "", "kind": ""}}),
        "embedded-unknown-metadata": case(
            {"x": _EMBEDDED}, {"x": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "fancy": 1}}}
        ),
        "embedded-pruned": case(
            {
                "x": {
                    "type": "object",
                    "x-kubernetes-embedded-resource": True,
                    "properties": {"spec": {"type": "object", **_OPEN}},
                }
            },
            {"x": {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {"a": 1}, "other": 1}},
        ),
    }


def _defaults() -> dict[str, Case]:
    inner = {"type": "object", "properties": {"a": {**_INTEGER, "default": 5}, "b": {**_STRING, "default": "b"}}}
    nullable = {"a": {**_INTEGER, "default": 5, "nullable": True}, "b": {**_INTEGER, "nullable": True}}
    return {
        "default-scalars": case({"a": {**_INTEGER, "default": 5}, "b": _STRING}, {}),
        "default-kept": case({"a": {**_INTEGER, "default": 5}}, {"a": 6}),
        "default-nested-absent": case({"x": inner}, {}),
        "default-nested": case({"x": inner}, {"x": {"b": "c"}}),
        "default-completes-default": case({"x": {**inner, "default": {"a": 1}}}, {}),
        "default-in-list": case(_list(inner), {"x": [{}, {"a": 1}]}),
        "default-in-map": case(
            {"x": {"type": "object", "additionalProperties": inner}}, {"x": {"k": {}, "l": {"a": 1}}}
        ),
        "default-for-null": case({"a": {**_INTEGER, "default": 5}, "b": _STRING}, {"a": None, "b": None}),
        "default-nullable": case(nullable, {"a": None, "b": None}),
        "default-null-item": case(_list({**_INTEGER, "default": 3}), {"x": [None]}),
        "default-null-in-map": case(
            {"x": {"type": "object", "additionalProperties": {**_INTEGER, "default": 3}}}, {"x": {"k": None}}
        ),
        "default-false": case({"a": {"type": "boolean", "default": False}, "b": {**_INTEGER, "default": 0}}, {}),
    }


def _combinations() -> dict[str, Case]:
    ab = {"a": _INTEGER, "b": _STRING}
    either = [{"required": ["a"]}, {"required": ["b"]}]
    bounds = [{"minimum": 10}, {"maximum": 0}]
    return {
        "any-of-none": case(ab, {}, anyOf=either),
        "any-of-one": case(ab, {"a": 1}, anyOf=either),
        "any-of-best": case(
            ab,
            {"a": 1, "b": "z"},
            anyOf=[{"properties": {"a": {"minimum": 3}, "b": {"enum": ["x"]}}}, {"properties": {"a": {"minimum": 2}}}],
        ),
        "one-of-none": case(ab, {}, oneOf=either),
        "one-of-two": case(ab, {"a": 1, "b": "b"}, oneOf=either),
        "one-of-valid-then-not": case(ab, {"a": 1}, oneOf=[*either, {"required": ["a"]}]),
        "all-of-none": case({"x": {**_INTEGER, "allOf": bounds}}, {"x": 5}),
        "all-of-some": case({"x": {**_INTEGER, "allOf": bounds}}, {"x": 15}),
        "not": case(ab, {"a": 1}, **{"not": {"required": ["a"]}}),
        "int-or-string-pattern": case(
            {"x": {**_INT_OR_STRING, "anyOf": [_INTEGER, _STRING], "pattern": "^[0-9]+%$"}}, {"x": "a"}
        ),
        "int-or-string-any-of": case({"x": {**_INT_OR_STRING, "anyOf": [_INTEGER, _STRING]}}, {"x": True}),
        "one-of-inside-all-of": case({"x": {**_INTEGER, "allOf": [{"anyOf": bounds}]}}, {"x": 5}),
    }


def _rules() -> dict[str, Case]:
    rule = {"x-kubernetes-validations": [{"rule": "self.a < 10"}]}
    return {
        "rules-blocked": case({"a": _INTEGER}, {"a": "b"}, **rule),
        "rules-blocked-by-required": case({"a": _INTEGER}, {}, required=["a"], **rule),
        "rules-hold": case({"a": _INTEGER}, {"a": 1}, **rule),
    }


def _updates() -> dict[str, Case]:
    """The first object is stored under a laxer schema; then the schema is this one and the update comes."""
    short = {**_STRING, "maxLength": 1}
    keyed = {
        "x": {**_map_list("name")["x"], "items": {**_PAIR, "properties": {**_PAIR["properties"], "protocol": short}}}
    }
    return {
        "ratchet-unchanged": case({"a": short, "b": _INTEGER}, {"a": "long"}, {"a": "long", "b": 1}),
        "ratchet-changed": case({"a": short, "b": _INTEGER}, {"a": "long"}, {"a": "longer", "b": 1}),
        "ratchet-required": case({"a": short, "b": _INTEGER}, {"a": "l"}, {"a": "m"}, required=["b"]),
        "ratchet-same-spec": case({"a": short}, {"a": "long"}, {"a": "long"}, required=["b"]),
        "ratchet-atomic-list": case(_list(short), {"x": ["long"]}, {"x": ["long", "a"]}),
        "ratchet-map-list": case(
            keyed, {"x": [{"name": "a", "protocol": "long"}]}, {"x": [{"name": "b"}, {"name": "a", "protocol": "long"}]}
        ),
        "ratchet-map-list-changed": case(
            keyed, {"x": [{"name": "a", "protocol": "long"}]}, {"x": [{"name": "a", "protocol": "longer"}]}
        ),
        "ratchet-duplicates": case(
            _list(_STRING, **{"x-kubernetes-list-type": "set"}), {"x": ["a", "a"]}, {"x": ["a", "a", "b", "b"]}
        ),
    }


CASES: dict[str, Case] = {
    **_types(),
    **_typed_formats(),
    **_scalars(),
    **_lists(),
    **_objects(),
    **_defaults(),
    **_combinations(),
    **_rules(),
    **_updates(),
}

FORMATS: dict[str, list[str]] = {
    "bsonobjectid": ["507f1f77bcf86cd799439011", "507f1f77bcf86cd79943901", "x07f1f77bcf86cd799439011", ""],
    "uri": [
        "http://a.b/c?d#e",
        "/path",
        "a",
        "",
        "http:",
        "mailto:a@b",
        "http://a b",
        "//x",
        "http://a:x/",
        "%zz",
        "*",
        "http://[::1]:80/",
        "a:b",
        "1a:b",
    ],
    "email": ["a@b", "a@b.c", "A B <a@b.c>", "a", "a@", "@b", "a b@c", '"a b"@c', "a@b, c@d", "", "a.@b"],
    "hostname": [
        "a",
        "a.b",
        "a.bc",
        "1.example",
        "-a",
        "a-",
        "a_b",
        "a.b1",
        "ä.example",
        "a..bc",
        "",
        "a.bc.",
        "A.COM",
        "a" * 63,
        "a" * 64,
        "x-y.example",
        "127.0.0.1",
        "ab-c",
        "a-b",
        "a-b-c",
        "ab-c.example",
        "😀",
        "a.😀b",
    ],
    "ipv4": ["1.2.3.4", "01.2.3.4", "1.2.3", "1.2.3.256", "::1", "::ffff:1.2.3.4", ""],
    "ipv6": ["::1", "fe80::1", "fe80::1%eth0", "1.2.3.4", "::ffff:1.2.3.4", "1:2", ":::", ""],
    "cidr": ["10.0.0.0/8", "10.0.0.1/33", "::/0", "::/129", "10.0.0.0", "010.0.0.0/8", "10.0.0.0/08", "/8"],
    "mac": [
        "00:00:5e:00:53:01",
        "00-00-5e-00-53-01",
        "0000.5e00.5301",
        "00:00:5e:00:53",
        "00:00:5e:00-53:01",
        "",
        "02:00:5e:10:00:00:00:01",
    ],
    "uuid": ["123e4567-e89b-12d3-a456-426614174000", "123E4567E89B12D3A456426614174000", "123", ""],
    "uuid3": ["123e4567-e89b-32d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"],
    "uuid4": ["123e4567-e89b-42d3-a456-426614174000", "123e4567-e89b-42d3-c456-426614174000"],
    "uuid5": ["123e4567-e89b-52d3-a456-426614174000", "123e4567-e89b-52d3-c456-426614174000"],
    "isbn": ["0321751043", "978-0321751041", "0321751044", "978-0321751042", ""],
    "isbn10": ["0321751043", "978-0321751041", "0-8044-2957-X", "0-8044-2957-x"],
    "isbn13": ["978-0321751041", "0321751043", "9780321751041"],
    "creditcard": ["4111111111111111", "4111-1111-1111-1111", "4111111111111112", "411", "5555555555554444"],
    "ssn": ["123-45-6789", "123456789", "123-456-789", "12-45-6789", "123 45 6789", "123 456789 "],
    "hexcolor": ["#FFFFFF", "fff", "#ffff", "ggg", ""],
    "rgbcolor": ["rgb(255,255,255)", "rgb( 1 , 2 , 3 )", "rgb(256,1,1)", "rgb(1,2)", "rgb(01,1,1)"],
    "byte": ["YQ==", "YQ", "YWE=", "", "a-_b", "YWFh", "YWFh\n"],
    "password": ["anything", ""],
    "date": [
        "2020-02-29",
        "2021-02-29",
        "2020-1-1",
        "20200101",
        "0000-02-29",
        "0000-01-01",
        "2020-01-01T00:00:00Z",
        "",
    ],
    "duration": [
        "1h30m",
        "1.5h",
        "22 ns",
        "3 days",
        "1w",
        "-1s",
        "0",
        "",
        "1",
        "x",
        "+5ms",
        ".5s",
        "1 fortnight",
        "2hours",
        "1m2",
        "1µs",
        "10 seconds and more",
    ],
    "date-time": [
        "2020-01-01T00:00:00Z",
        "2020-01-01t00:00:00z",
        "2020-01-01T24:00:00Z",
        "2020-01-01 00:00:00Z",
        "2020-01-01T00:00:00",
        "2020-01-01T00:00:00+02:00",
        "2020-01-01T00:00:00.123Z",
        "2020-01-01T23:59:60Z",
        "2020-01-01T00:00:00,5Z",
        "2020-02-30T00:00:00Z",
        "",
    ],
    "datetime": ["2020-01-01T00:00:00Z", "no"],
    "k8s-short-name": ["a", "a-b", "-a", "a-", "A", "a.b", "a" * 63, "a" * 64, ""],
    "k8s-long-name": ["a", "a.b-c", "a..b", ".a", "A", "a" * 253, "a" * 254, ""],
}

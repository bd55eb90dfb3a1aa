"""Schemas against what a real API server answered (`gather_schema_answers.py`), and the laws that must hold anyway."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery import formats
from fairlead.machinery.schemas import Schema, Unchecked
from fairlead.machinery.structural import SchemaError
from tests.machinery.schema_cases import CASES, FORMATS

ANSWERS = json.loads((Path(__file__).parent / "data" / "schema_answers.json").read_text())


def _whole(schema: dict[str, Any]) -> Schema:
    return Schema.compile({"type": "object", "properties": {"spec": schema}})


def _object(spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Case", "metadata": {"name": "probe"}, "spec": _as_read(spec)}


def _as_read(value: Any) -> Any:
    """A copy in which integers beyond 64 bits are floats, as Go reads them."""
    if isinstance(value, dict):
        return {key: _as_read(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_as_read(each) for each in value]
    return float(value) if isinstance(value, int) and abs(value) >= 2**63 else value


def _stored(schema: Schema, spec: Any) -> tuple[dict[str, Any], list[str]]:
    obj = _object(spec)
    unknown = schema.prune(obj)
    schema.default(obj)
    return obj, unknown


def _in_order(causes: list[dict[str, str]]) -> list[str]:
    return sorted(f"{each['field']} {each['reason']} {each['message']}" for each in causes)


@pytest.mark.requirement(
    "schemas:validates-in-the-servers-words",
    "schemas:defaults",
    "schemas:prunes",
    "schemas:list-types",
    "schemas:ratchets",
)
@pytest.mark.parametrize("name", sorted(CASES))
def test_the_answer_is_the_real_servers(name: str) -> None:
    each, answer = CASES[name], ANSWERS["answers"][name]
    schema = _whole(each["schema"])
    before, unknown = _stored(_whole({"x-kubernetes-preserve-unknown-fields": True}) if "update" in each else schema,
                              each["spec"])  # fmt: skip
    after = before
    if "update" in each:
        after, unknown = _stored(schema, each["update"])
    causes = schema.validate(after, before if "update" in each else None)
    assert _in_order(causes) == _in_order(answer.get("causes", []))
    if answer["code"] < 400:
        assert after.get("spec") == _as_read(answer.get("spec"))
        assert [f'unknown field "{path}"' for path in unknown] == answer["warnings"]


@pytest.mark.requirement("schemas:formats")
@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_format_admits_what_the_real_server_admits(name: str) -> None:
    checker = formats.checker(name)
    assert checker is not None
    assert {value: checker(value) for value in FORMATS[name]} == ANSWERS["formats"][name]


RULES = {
    "type": "object",
    "properties": {
        "a": {"type": "integer", "x-kubernetes-validations": [{"rule": "self > 1"}]},
        "l": {"type": "array", "items": {"type": "string", "pattern": "(?<name>"}},
        "m": {"type": "object", "additionalProperties": {"x-kubernetes-validations": [{"rule": "true"}]}},
    },
}


@pytest.mark.requirement("schemas:rules-are-listed")
def test_what_is_not_evaluated_is_listed() -> None:
    assert Schema.compile(RULES).unchecked == (
        Unchecked("a", "self > 1"),
        Unchecked("l[*]", "pattern (?<name>"),
        Unchecked("m[*]", "true"),
    )
    assert Schema.compile({"type": "object", "properties": {"a": {"pattern": r"^\p{L}[[:digit:]]$"}}}).unchecked == ()


@pytest.mark.requirement("schemas:references")
def test_references_are_followed_even_in_a_circle() -> None:
    definitions = {
        "Tree": {"type": "object", "properties": {
            "size": {"type": "integer", "default": 1},
            "child": {"$ref": "#/components/schemas/Tree"},
            "spec": {"default": {}, "allOf": [{"$ref": "#/components/schemas/Leaf"}]},
        }},
        "Leaf": {"type": "object", "properties": {"colour": {"type": "string", "default": "green"}}},
    }  # fmt: skip
    schema = Schema.compile(definitions["Tree"], definitions)
    tree: dict[str, Any] = {"child": {"child": {"other": 1}}}
    assert schema.prune(tree) == ["child.child.other"]
    schema.default(tree)
    whole = {"size": 1, "spec": {"colour": "green"}}
    assert tree == {**whole, "child": {**whole, "child": whole}}
    assert schema.unchecked == ()


@pytest.mark.requirement("schemas:references")
def test_a_reference_that_leads_nowhere_is_told() -> None:
    schema = Schema.compile({"properties": {"a": {"$ref": "#/components/schemas/Gone"}}})
    with pytest.raises(SchemaError, match="Gone names no schema"):
        schema.prune({"a": {}})


@pytest.mark.requirement("schemas:status")
def test_a_status_update_looks_at_the_status_alone() -> None:
    schema = Schema.compile({
        "type": "object",
        "properties": {
            "spec": {"type": "object", "required": ["a"]},
            "status": {"type": "object", "properties": {"n": {"type": "integer"}, "l": {
                "type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"}}},
        },
    })  # fmt: skip
    old: dict[str, Any] = {"spec": {}, "status": {"n": 1}}
    causes = schema.validate_status({"spec": {}, "status": {"n": "x", "l": ["a", "a"]}}, old)
    assert [(each["field"], each["message"]) for each in causes] == [
        ("status.n", 'Invalid value: "string": n in body must be of type integer: "string"'),
        ("status.l[1]", 'Duplicate value: "a"'),
    ]
    wrong = {"spec": {}, "status": {"n": "x", "l": ["a", "a"]}}
    assert schema.validate_status(wrong, deepcopy(wrong)) == []
    assert schema.validate_status({"spec": {}}, old) == []


_LEAVES = st.sampled_from([{"type": "integer", "default": 1}, {"type": "string"}, {"type": "string", "nullable": True}])


def _deeper(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    keys = st.sampled_from(["a", "b"])
    return (
        st.builds(lambda each: {"type": "object", "properties": each}, st.dictionaries(keys, inner, max_size=2))
        | st.builds(lambda each: {"type": "array", "items": each}, inner)
        | st.builds(lambda each: {"type": "object", "additionalProperties": each}, inner)
        | st.just({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    )


schemas = st.recursive(_LEAVES, _deeper, max_leaves=6)
values = st.recursive(
    st.none() | st.integers(0, 3) | st.just("x"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.requirement("schemas:prunes", "schemas:defaults")
@given(schemas, values)
def test_pruning_and_defaulting_again_change_nothing(schema: dict[str, Any], spec: Any) -> None:
    compiled = _whole(schema)
    once, unknown = _stored(compiled, spec)
    again = deepcopy(once)
    assert compiled.prune(again) == []
    compiled.default(again)
    assert again == once
    assert all(path.startswith(("spec.", "spec[")) for path in unknown)


@pytest.mark.requirement("schemas:ratchets")
@given(schemas, values)
def test_an_unchanged_object_is_always_forgiven(schema: dict[str, Any], spec: Any) -> None:
    obj = _object(spec)
    assert _whole(schema).validate(obj, deepcopy(obj)) == []

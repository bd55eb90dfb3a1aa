"""Schemas explained: references, lists, maps, and what leads nowhere."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery.openapi import COMPONENTS
from fairlead.resources import explaining
from fairlead.resources.explaining import Explained, NoSuchFieldError

pytestmark = pytest.mark.requirement("resources:explaining")
COMPONENT: dict[str, Any] = {
    "io.k8s.Spec": {
        "type": "object",
        "description": "What is wanted. More prose.",
        "required": ["size"],
        "properties": {
            "size": {"type": "integer", "default": 3, "minimum": 0, "description": "How many.\nOf them."},
            "parts": {"type": "array", "items": {"allOf": [{"$ref": f"{COMPONENTS}io.k8s.Part"}], "default": {}}},
            "named": {"type": "object", "additionalProperties": {"$ref": f"{COMPONENTS}io.k8s.Part"}},
            "port": {"$ref": f"{COMPONENTS}io.k8s.IntOrString"},
            "again": {"$ref": f"{COMPONENTS}io.k8s.Spec"},
            "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
        "x-kubernetes-validations": [{"rule": "self.size < 9", "message": "too many"}],
    },
    "io.k8s.Part": {"type": "object", "properties": {"name": {"type": "string", "enum": ["a", "b"]}}},
    "io.k8s.IntOrString": {"type": "string", "format": "int-or-string"},
    "io.k8s.Loop": {"$ref": f"{COMPONENTS}io.k8s.Loop"},
}
ROOT = {"type": "object", "properties": {"spec": {"$ref": f"{COMPONENTS}io.k8s.Spec"}}}


def at(path: str, components: dict[str, Any] = COMPONENT, root: dict[str, Any] = ROOT) -> Explained:
    return explaining.Reading(components).at(root, "Thing", [each for each in path.split(".") if each])


def test_one_level_with_types_and_first_sentences() -> None:
    found = at("spec")
    assert (found.what, found.type, found.says) == ("Thing.spec", "Spec", "What is wanted. More prose.")
    assert found.facts == ("rule: too many",)
    types = {each.name: each.type for each in found.fields}
    assert types == {
        "size": "integer",
        "parts": "[]Part",
        "named": "map[string]Part",
        "port": "IntOrString",
        "again": "Spec",
        "any": "object",
    }
    size = found.fields[0]
    assert (size.required, size.says) == (True, "How many.")
    assert "  size <integer> required: How many." in explaining.text(found)


@pytest.mark.parametrize("path", ["spec.parts", "spec.named", "spec.again.again.parts"])
def test_lists_maps_and_circles_are_looked_into(path: str) -> None:
    assert [each.name for each in at(path).fields] == ["name"]
    assert at(f"{path}.name").facts == ("enum: ['a', 'b']",)


def test_a_wrong_field_names_those_nearby() -> None:
    with pytest.raises(NoSuchFieldError, match=r"Thing.spec has no field 'sizes'; near: size"):
        at("spec.sizes")
    with pytest.raises(NoSuchFieldError, match="there are: size, parts"):
        at("spec.zzzzz")
    with pytest.raises(NoSuchFieldError, match="none, it takes any"):
        at("spec.any.a")


def test_a_reference_to_itself_ends() -> None:
    assert at("", root={"$ref": f"{COMPONENTS}io.k8s.Loop"}).fields == ()


SCHEMAS = st.recursive(
    st.fixed_dictionaries({}, optional={"type": st.sampled_from(["string", "object", "array", "integer"])})
    | st.sampled_from(sorted(COMPONENT)).map(lambda name: {"$ref": COMPONENTS + name}),
    lambda inner: (
        st.builds(lambda each: {"type": "array", "items": each}, inner)
        | st.builds(lambda each: {"type": "object", "additionalProperties": each}, inner)
        | st.builds(lambda each: {"allOf": [each]}, inner)
        | st.builds(lambda each: {"type": "object", "properties": {"a": each}}, inner)
    ),
    max_leaves=10,
)


@given(SCHEMAS)
def test_any_schema_is_explained(schema: dict[str, Any]) -> None:
    found = at("a", root={"properties": {"a": schema}})
    assert explaining.text(found).startswith("Thing.a <")

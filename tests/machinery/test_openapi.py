"""Documents for two CRDs against those that a real API server (v1.36.3) published for them, prose left out."""

import json
from pathlib import Path
from typing import Any

import pytest

from fairlead.machinery import openapi, openapi_v2
from fairlead.machinery.openapi import GVK, Published
from fairlead.machinery.openapi_filter import filter_v2, filter_v3
from fairlead.machinery.paths import GroupVersion, Resource
from fairlead.machinery.schemas import Schema

RECORDED = json.loads((Path(__file__).parent / "data" / "openapi.json").read_text())
REAL = RECORDED["v3"]
VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
DATABASE = ("demo.fairlead.dev", "v1alpha1", "Database")
ZONE = ("demo.fairlead.dev", "v1alpha1", "Zone")
ITEM = "/apis/demo.fairlead.dev/v1alpha1/namespaces/{namespace}/databases/{name}"


def _published(crd: dict[str, Any]) -> Published:
    spec = crd["spec"]
    version = spec["versions"][0]
    return Published(
        Resource(spec["group"], version["name"], spec["names"]["plural"], spec["scope"] == "Namespaced"),
        spec["names"]["kind"],
        VERBS,
        version["schema"]["openAPIV3Schema"],
        list_kind=spec["names"]["listKind"],
        subresources=tuple(sorted(version.get("subresources", ()))),
    )


def _definitions() -> dict[str, Any]:
    return {name: each for name, each in REAL["components"]["schemas"].items() if not name.startswith("dev.")}


def _ours() -> dict[str, Any]:
    return openapi.document([_published(each) for each in RECORDED["crds"]], _definitions())


def _without_prose(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_prose(each)
            for key, each in value.items()
            if not (key == "description" and isinstance(each, str))
        }
    return [_without_prose(each) for each in value] if isinstance(value, list) else value


def _operations(document: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{method} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }


@pytest.mark.requirement("openapi:schemas")
@pytest.mark.parametrize("kind", ["Database", "DatabaseList", "Zone", "ZoneList"])
def test_a_schema_is_published_as_the_real_server_publishes_it(kind: str) -> None:
    name = f"dev.fairlead.demo.v1alpha1.{kind}"
    ours = _ours()["components"]["schemas"]
    assert _without_prose(ours[name]) == REAL["components"]["schemas"][name]
    assert set(ours) <= set(REAL["components"]["schemas"])


@pytest.mark.requirement("openapi:schemas")
def test_every_reference_of_a_document_leads_somewhere() -> None:
    document = _ours()
    assert set(openapi.references(document)) <= set(document["components"]["schemas"])
    Schema.compile(document["components"]["schemas"]["dev.fairlead.demo.v1alpha1.Database"],
                   document["components"]["schemas"]).prune({"spec": {"emb": {"metadata": {}}}})  # fmt: skip


@pytest.mark.requirement("openapi:operations")
def test_the_operations_are_those_of_the_real_server() -> None:
    ours, real = _operations(_ours()), _operations(REAL)
    assert set(ours) == set(real)
    for name, operation in real.items():
        for key in ("operationId", "tags", "x-kubernetes-action", GVK):
            assert ours[name][key] == operation[key], name
        assert _without_prose(ours[name].get("requestBody")) == operation.get("requestBody"), name
        shared = REAL["paths"][name.split()[1]]["parameters"]
        known = {each["name"] for each in [*operation.get("parameters", []), *shared]}
        assert {each["name"] for each in ours[name]["parameters"]} <= known, name


@pytest.mark.requirement("openapi:operations")
def test_the_patch_of_a_custom_resource_shows_what_kubectl_looks_for() -> None:
    patch = _ours()["paths"][ITEM]["patch"]
    assert {"dryRun", "fieldValidation"} <= {each["name"] for each in patch["parameters"]}
    assert "application/strategic-merge-patch+json" not in patch["requestBody"]["content"]
    assert patch[GVK] == {"group": "demo.fairlead.dev", "version": "v1alpha1", "kind": "Database"}


@pytest.mark.requirement("openapi:operations")
def test_a_verb_that_is_not_served_is_not_published() -> None:
    kind = Published(Resource("g.io", "v1", "things"), "Thing", ("get", "list"), {"type": "object"})
    assert sorted(name.split()[0] for name in _operations(openapi.document([kind], _definitions()))) == ["get"] * 3


@pytest.mark.requirement("openapi:operations")
def test_a_built_in_kind_keeps_its_component_and_its_patches() -> None:
    definitions = {**_definitions(), "io.k8s.api.core.v1.Thing": {"type": "object"},
                   "io.k8s.api.core.v1.ThingList": {"type": "object"}}  # fmt: skip
    kind = Published(
        Resource("", "v1", "things"), "Thing", VERBS, component="io.k8s.api.core.v1.Thing",
        patches=openapi.BUILT_IN_PATCHES,
    )  # fmt: skip
    document = openapi.document([kind], definitions)
    patch = document["paths"]["/api/v1/namespaces/{namespace}/things/{name}"]["patch"]
    assert patch["operationId"] == "patchCoreV1NamespacedThing"
    assert "application/strategic-merge-patch+json" in patch["requestBody"]["content"]
    assert {"io.k8s.api.core.v1.Thing", "io.k8s.api.core.v1.ThingList"} <= set(document["components"]["schemas"])


@pytest.mark.requirement("openapi:v2")
@pytest.mark.parametrize("kind", ["Database", "Zone"])
def test_a_v2_schema_says_what_the_real_servers_says(kind: str) -> None:
    name = f"dev.fairlead.demo.v1alpha1.{kind}"
    assert _without_prose(openapi_v2.document([_ours()])["definitions"][name]) == RECORDED["v2"]["definitions"][name]


@pytest.mark.requirement("openapi:v2")
def test_a_v2_patch_consumes_what_the_real_one_does() -> None:
    document = openapi_v2.document([_ours()])
    patch, real = document["paths"][ITEM]["patch"], RECORDED["v2"]["patch"]
    assert {key: patch[key] for key in ("operationId", "produces", "schemes", GVK)} == {
        key: real[key] for key in ("operationId", "produces", "schemes", GVK)
    }
    assert sorted(patch["consumes"]) == sorted(real["consumes"])
    assert set(openapi.references(document)) <= set(document["definitions"])


@pytest.mark.requirement("openapi:filter")
def test_a_real_document_is_cut_down_to_one_kind() -> None:
    kept = filter_v3(REAL, {ZONE})
    assert set(kept["paths"]) == {path for path in REAL["paths"] if "/zones" in path}
    names = set(kept["components"]["schemas"])
    assert {name for name in names if name.startswith("dev.")} == {
        "dev.fairlead.demo.v1alpha1.Zone", "dev.fairlead.demo.v1alpha1.ZoneList"}  # fmt: skip
    assert "io.k8s.api.autoscaling.v1.Scale" not in names
    assert set(openapi.references(kept)) <= names
    assert all(kept["paths"][path] is REAL["paths"][path] for path in kept["paths"])


@pytest.mark.requirement("openapi:filter")
def test_subresources_stay_with_their_kind() -> None:
    kept = filter_v3(REAL, {DATABASE})
    assert {f"{ITEM}/scale", f"{ITEM}/status"} <= set(kept["paths"])
    assert "io.k8s.api.autoscaling.v1.Scale" in kept["components"]["schemas"]


@pytest.mark.requirement("openapi:filter")
def test_keeping_all_kinds_changes_nothing_and_keeping_none_leaves_nothing() -> None:
    assert filter_v3(REAL, {DATABASE, ZONE}) == REAL
    empty = filter_v3(REAL, set())
    assert (empty["paths"], empty["components"]["schemas"]) == ({}, {})


@pytest.mark.requirement("openapi:filter")
def test_a_v2_document_keeps_only_the_parameters_in_use() -> None:
    document: dict[str, Any] = {
        "swagger": "2.0",
        "paths": {
            "/apis/g.io/v1/as/{name}": {"get": {GVK: {"group": "g.io", "version": "v1", "kind": "A"}, "responses": {}},
                                        "parameters": [{"$ref": "#/parameters/body-a"}]},
            "/apis/g.io/v1/bs/{name}": {"get": {GVK: {"group": "g.io", "version": "v1", "kind": "B"}, "responses": {}},
                                        "parameters": [{"$ref": "#/parameters/body-b"}]},
        },
        "parameters": {"body-a": {"schema": {"$ref": "#/definitions/OfA"}},
                       "body-b": {"schema": {"$ref": "#/definitions/OfB"}}},
        "definitions": {"OfA": {}, "OfB": {}, "A": {GVK: [{"group": "g.io", "version": "v1", "kind": "A"}]}},
    }  # fmt: skip
    kept = filter_v2(document, {("g.io", "v1", "A")})
    assert set(kept["paths"]) == {"/apis/g.io/v1/as/{name}"}
    assert (set(kept["parameters"]), set(kept["definitions"])) == ({"body-a"}, {"OfA", "A"})


@pytest.mark.requirement("openapi:index")
def test_the_index_names_each_document_by_its_content() -> None:
    first, second = openapi.digest(b"a"), openapi.digest(b"b")
    assert first != second
    assert openapi.index({GroupVersion("g.io", "v1"): first, GroupVersion("", "v1"): second}) == {
        "paths": {
            "api/v1": {"serverRelativeURL": f"/openapi/v3/api/v1?hash={second}"},
            "apis/g.io/v1": {"serverRelativeURL": f"/openapi/v3/apis/g.io/v1?hash={first}"},
        }
    }

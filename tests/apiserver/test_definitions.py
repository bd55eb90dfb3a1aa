"""CRDs."""

import copy
from collections.abc import Callable

import pytest

from tests.apiserver.asking import GROUP, MERGE, Api, Object, widgets_definition

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("embedded:definitions")]

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture
def definition(unique: Callable[[str], str]) -> Object:
    name = unique("gadget").replace("-", "")
    return widgets_definition(f"{name}s", name.capitalize())


async def test_a_definition_becomes_established(api: Api, definition: Object) -> None:
    await api.define(definition)
    found = (await api.ask("GET", f"{CRDS}/{definition['metadata']['name']}")).object
    conditions = {each["type"]: (each["status"], each["reason"]) for each in found["status"]["conditions"]}
    assert conditions == {"NamesAccepted": ("True", "NoConflicts"), "Established": ("True", "InitialNamesAccepted")}
    assert found["status"]["storedVersions"] == ["v1"]
    kind, names = definition["spec"]["names"]["kind"], found["status"]["acceptedNames"]
    assert (names["singular"], names["listKind"]) == (kind.lower(), f"{kind}List")
    assert found["spec"]["conversion"] == {"strategy": "None"}


async def test_every_served_version_shows_the_same_object(api: Api, definition: Object, namespace: str) -> None:
    await api.define(definition)
    plural, kind = definition["spec"]["names"]["plural"], definition["spec"]["names"]["kind"]
    first, second = (f"/apis/{GROUP}/{version}/namespaces/{namespace}/{plural}" for version in ("v1", "v2"))
    await api.until(second, 200)
    body = {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": {"name": "a"}, "spec": {"size": 1}}
    made = (await api.ask("POST", first, body)).object
    shown = (await api.ask("GET", f"{second}/a")).object
    assert (made["apiVersion"], shown["apiVersion"]) == (f"{GROUP}/v1", f"{GROUP}/v2")
    assert (shown["spec"], shown["metadata"]["uid"]) == (made["spec"], made["metadata"]["uid"])


async def test_a_definition_takes_its_instances_along(api: Api, definition: Object, namespace: str) -> None:
    await api.define(definition)
    plural, kind = definition["spec"]["names"]["plural"], definition["spec"]["names"]["kind"]
    path = f"/apis/{GROUP}/v1/namespaces/{namespace}/{plural}"
    body = {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": {"name": "a", "finalizers": ["a.io/b"]}}
    assert (await api.ask("POST", path, body)).status == 201
    own = f"{CRDS}/{definition['metadata']['name']}"
    held = (await api.ask("DELETE", own)).object
    assert held["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    with_deletion = await api.until_deleting(f"{path}/a")
    assert with_deletion["metadata"]["finalizers"] == ["a.io/b"]
    await api.ask("PATCH", f"{path}/a", {"metadata": {"finalizers": None}}, content_type=MERGE)
    await api.until(own, 404)
    await api.until(path, 404)


def _changed(definition: Object, change: Callable[[Object], None]) -> Object:
    found = copy.deepcopy(definition)
    change(found)
    return found


BAD: list[tuple[Callable[[Object], None], str]] = [
    (
        lambda crd: crd["metadata"].update(name="other"),
        'metadata.name: Invalid value: "other": must be spec.names.plural+"."+spec.group',
    ),
    (
        lambda crd: crd["spec"]["versions"][0].pop("schema"),
        "spec.versions[0].schema.openAPIV3Schema: Required value",
    ),
    (
        lambda crd: crd["spec"]["versions"][1].update(storage=True),
        "must have exactly one version marked as storage version",
    ),
    (
        lambda crd: crd["spec"].update(scope="Somewhere"),
        'spec.scope: Unsupported value: "Somewhere": supported values: "Cluster", "Namespaced"',
    ),
    (
        lambda crd: crd["spec"].update(group="nodots"),
        'spec.group: Invalid value: "nodots": should be a domain with at least one dot',
    ),
    (
        lambda crd: crd["spec"]["versions"][1]["schema"]["openAPIV3Schema"].pop("type"),
        "openAPIV3Schema.type: Required value: must not be empty at the root",
    ),
]


@pytest.mark.parametrize(("change", "part"), BAD)
async def test_bad_definitions_are_refused(
    api: Api, definition: Object, change: Callable[[Object], None], part: str
) -> None:
    answer = await api.ask("POST", CRDS, _changed(definition, change))
    assert (answer.status, answer.object["reason"]) == (422, "Invalid")
    assert part in answer.message


@pytest.mark.parametrize(
    ("field", "reason"),
    [("kind", "ListKindConflict"), ("singular", "SingularConflict"), ("shortNames", "ShortNamesConflict")],
)
async def test_names_that_are_taken_are_not_accepted(
    api: Api, definition: Object, unique: Callable[[str], str], field: str, reason: str
) -> None:
    await api.define(definition)
    first = (await api.ask("GET", f"{CRDS}/{definition['metadata']['name']}")).object["spec"]["names"]
    name = unique("other").replace("-", "")
    second = widgets_definition(f"{name}s", name.capitalize())
    second["spec"]["names"][field] = first[field]
    await api.ask("POST", CRDS, second)
    found = await api.until_condition(f"{CRDS}/{second['metadata']['name']}", "NamesAccepted", "False")
    conditions = {each["type"]: each for each in found["status"]["conditions"]}
    word = {"kind": first["listKind"], "shortNames": first["shortNames"][0]}.get(field, first["singular"])
    assert (conditions["NamesAccepted"]["reason"], conditions["NamesAccepted"]["message"]) == (
        reason,
        f'"{word}" is already in use',
    )
    assert conditions["Established"]["status"] == "False"
    await api.ask("DELETE", f"{CRDS}/{second['metadata']['name']}")

"""What clients ask before they ask for anything."""

import pytest

from fairlead.machinery import discovery
from fairlead.machinery.messages import Headers
from tests.apiserver.asking import GROUP, Api, Object, widgets_definition

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("embedded:discovery")]


@pytest.fixture
async def defined(api: Api) -> None:
    await api.define(widgets_definition())


@pytest.mark.parametrize("root", ["/api", "/apis"])
async def test_aggregated_documents(api: Api, defined: None, root: str) -> None:
    answer = await api.ask("GET", root, accept=discovery.AGGREGATED_CONTENT_TYPE)
    assert answer.headers.get("content-type") == discovery.AGGREGATED_CONTENT_TYPE
    assert (answer.object["kind"], answer.object["apiVersion"]) == (
        "APIGroupDiscoveryList",
        "apidiscovery.k8s.io/v2",
    )
    found = {resource.qualified for resource, _ in discovery.resources(discovery.read_aggregated(answer.object))}
    assert {"/api": "configmaps", "/apis": "leases.coordination.k8s.io"}[root] in found


async def test_a_custom_resource_in_the_aggregated_document(api: Api, defined: None) -> None:
    answer = await api.ask("GET", "/apis", accept=discovery.AGGREGATED_CONTENT_TYPE)
    group = next(each for each in answer.object["items"] if each["metadata"]["name"] == GROUP)
    assert [each["version"] for each in group["versions"]] == ["v2", "v1"]
    found = next(each for each in group["versions"][1]["resources"] if each["resource"] == "widgets")
    kind = {"group": GROUP, "version": "v1", "kind": "Widget"}
    subresources = {each.pop("subresource"): each for each in found.pop("subresources")}
    assert found == {
        "resource": "widgets",
        "responseKind": kind,
        "scope": "Namespaced",
        "singularResource": "widget",
        "shortNames": ["widgetsx"],
        "categories": ["suite"],
        "verbs": ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"],
    }
    assert subresources == {
        "status": {"responseKind": kind, "verbs": ["get", "patch", "update"]},
        "scale": {
            "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
            "verbs": ["get", "patch", "update"],
        },
    }


async def test_an_unchanged_document_is_not_sent_again(api: Api) -> None:
    first = await api.connection.request("GET", "/api", headers=_accepting(""))
    tag = first.headers.get("etag")
    second = await api.connection.request("GET", "/api", headers=_accepting(tag))
    assert (first.status, second.status, second.headers.get("etag")) == (200, 304, tag)


def _accepting(tag: str) -> Headers:
    lines = [("accept", discovery.AGGREGATED_CONTENT_TYPE)] + ([("if-none-match", tag)] if tag else [])
    return Headers(lines)


async def test_legacy_documents(api: Api, defined: None) -> None:
    assert (await api.ask("GET", "/api")).object["versions"] == ["v1"]
    groups = (await api.ask("GET", "/apis")).object
    listed = next(each for each in groups["groups"] if each["name"] == GROUP)
    versions = [{"groupVersion": f"{GROUP}/{each}", "version": each} for each in ("v2", "v1")]
    assert listed == {"name": GROUP, "versions": versions, "preferredVersion": versions[0]}
    group = (await api.ask("GET", f"/apis/{GROUP}")).object
    assert group == {"kind": "APIGroup", "apiVersion": "v1", **listed}


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (
            "/api/v1",
            {
                "name": "configmaps",
                "singularName": "configmap",
                "namespaced": True,
                "kind": "ConfigMap",
                "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
                "shortNames": ["cm"],
            },
        ),
        (
            "/api/v1",
            {
                "name": "namespaces/finalize",
                "singularName": "",
                "namespaced": False,
                "kind": "Namespace",
                "verbs": ["update"],
            },
        ),
        (
            f"/apis/{GROUP}/v1",
            {
                "name": "widgets/scale",
                "singularName": "",
                "namespaced": True,
                "group": "autoscaling",
                "version": "v1",
                "kind": "Scale",
                "verbs": ["get", "patch", "update"],
            },
        ),
    ],
)
async def test_legacy_resources(api: Api, defined: None, path: str, wanted: Object) -> None:
    found = (await api.ask("GET", path)).object
    assert found["kind"] == "APIResourceList"
    entry = next(each for each in found["resources"] if each["name"] == wanted["name"])
    entry.pop("storageVersionHash", None)
    assert entry == wanted


async def test_openapi_v3_describes_every_group_version(api: Api, defined: None) -> None:
    paths = (await api.until_listed("/openapi/v3", f"apis/{GROUP}/v2")).object["paths"]
    for each in ("api/v1", f"apis/{GROUP}/v1", f"apis/{GROUP}/v2", "apis/rbac.authorization.k8s.io/v1"):
        assert each in paths
    url = paths[f"apis/{GROUP}/v1"]["serverRelativeURL"]
    document = (await api.ask("GET", url)).object
    schema = next(each for name, each in document["components"]["schemas"].items() if name.endswith(".v1.Widget"))
    assert schema["properties"]["spec"]["properties"]["size"] == {"type": "integer", "minimum": 1}
    assert schema["x-kubernetes-group-version-kind"] == [{"group": GROUP, "version": "v1", "kind": "Widget"}]
    patch = document["paths"][f"/apis/{GROUP}/v1/namespaces/{{namespace}}/widgets/{{name}}"]["patch"]
    assert "fieldValidation" in {each["name"] for each in patch["parameters"]}
    assert "application/strategic-merge-patch+json" not in patch["requestBody"]["content"]


async def test_openapi_v2_describes_them_too(api: Api, defined: None) -> None:
    document = (await api.until_listed("/openapi/v2", f"/apis/{GROUP}/v1/namespaces/{{namespace}}/widgets")).object
    kinds = [
        each
        for definition in document["definitions"].values()
        for each in definition.get("x-kubernetes-group-version-kind", ())
    ]
    assert {"group": GROUP, "version": "v1", "kind": "Widget"} in kinds
    assert {"group": "", "version": "v1", "kind": "ConfigMap"} in kinds


async def test_the_version(api: Api) -> None:
    found = (await api.ask("GET", "/version")).object
    assert (found["major"], found["minor"], found["gitVersion"][:6]) == ("1", "36", "v1.36.")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz"])
async def test_health(api: Api, path: str) -> None:
    assert (await api.ask("GET", path)).body == b"ok"


@pytest.mark.parametrize("path", ["/nothing", "/apis/no.such.group", "/apis/no.such.group/v1", f"/apis/{GROUP}/v9/w"])
async def test_what_nobody_serves(api: Api, defined: None, path: str) -> None:
    answer = await api.ask("GET", path)
    assert (answer.status, answer.body) == (404, b"404 page not found\n")


async def test_a_resource_that_a_served_version_lacks(api: Api) -> None:
    answer = await api.ask("GET", "/api/v1/foos")
    assert answer.refusal == (404, "NotFound", "the server could not find the requested resource")

"""In which form objects are answered."""

import pytest

from fairlead.machinery import encoding
from tests.apiserver.asking import TABLE, Api, configmap, widget

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("embedded:representations")]

META = "g=meta.k8s.io;v=v1"
NOT_ACCEPTABLE = (
    406,
    "NotAcceptable",
    "only the following media types are accepted: application/json, application/yaml, "
    "application/vnd.kubernetes.protobuf",
)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "WidgetList"),
        ("*/*", "WidgetList"),
        ("application/*", "WidgetList"),
        ("application/json;stream=watch", "WidgetList"),
        (f"application/json;as=Nothing;{META},application/json", "WidgetList"),
        (TABLE, "Table"),
        (f"application/json;as=PartialObjectMetadataList;{META}", "PartialObjectMetadataList"),
    ],
)
async def test_lists(api: Api, widgets: str, accept: str, kind: str) -> None:
    answer = await api.ask("GET", widgets, accept=accept)
    assert (answer.status, answer.object["kind"], answer.headers.get("content-type")) == (
        200,
        kind,
        "application/json",
    )


async def test_yaml(api: Api, widgets: str) -> None:
    answer = await api.ask("GET", widgets, accept="application/json;q=0.1, application/yaml")
    assert answer.headers.get("content-type") == "application/yaml"
    assert encoding.from_yaml(answer.body)["kind"] == "WidgetList"


async def test_a_table(api: Api, widgets: str) -> None:
    await api.ask("POST", widgets, widget("a", {"size": 3}))
    table = (await api.ask("GET", widgets, accept=TABLE)).object
    assert [(each["name"], each["type"], each["format"], each["priority"]) for each in table["columnDefinitions"]] == [
        ("Name", "string", "name", 0),
        ("Size", "integer", "", 0),
        ("Phase", "string", "", 1),
    ]
    (row,) = table["rows"]
    assert row["cells"] == ["a", 3, None]
    assert (row["object"]["kind"], row["object"]["apiVersion"]) == ("PartialObjectMetadata", "meta.k8s.io/v1")
    assert row["object"]["metadata"]["name"] == "a"
    one = (await api.ask("GET", f"{widgets}/a", accept=TABLE)).object
    assert [each["cells"] for each in one["rows"]] == [["a", 3, None]]


@pytest.mark.parametrize(("include", "kind"), [("Object", "Widget"), ("Metadata", "PartialObjectMetadata")])
async def test_rows_carry_what_was_asked_for(api: Api, widgets: str, include: str, kind: str) -> None:
    await api.ask("POST", widgets, widget("a", {}))
    table = (await api.ask("GET", f"{widgets}?includeObject={include}", accept=TABLE)).object
    assert table["rows"][0]["object"]["kind"] == kind
    none = (await api.ask("GET", f"{widgets}?includeObject=None", accept=TABLE)).object
    assert none["rows"][0].get("object") is None


async def test_metadata_alone(api: Api, configmaps: str) -> None:
    await api.ask("POST", configmaps, configmap("a", {"k": "v"}))
    found = await api.ask("GET", f"{configmaps}/a", accept=f"application/json;as=PartialObjectMetadata;{META}")
    assert set(found.object) == {"kind", "apiVersion", "metadata"}
    assert found.object["metadata"]["name"] == "a"


@pytest.mark.parametrize("accept", ["text/html", f"application/json;as=Nothing;{META}", "application/cbor"])
async def test_what_cannot_be_made(api: Api, widgets: str, accept: str) -> None:
    assert (await api.ask("GET", widgets, accept=accept)).refusal == NOT_ACCEPTABLE


async def test_a_list_is_no_object(api: Api, widgets: str) -> None:
    answer = await api.ask("GET", widgets, accept=f"application/json;as=PartialObjectMetadata;{META}")
    assert answer.refusal == (
        406,
        "NotAcceptable",
        "you requested PartialObjectMetadata, but the requested object is a list (*unstructured.UnstructuredList)",
    )


async def test_what_rows_can_carry_is_checked(api: Api, widgets: str) -> None:
    answer = await api.ask("GET", f"{widgets}?includeObject=Bad", accept=TABLE)
    assert answer.refusal == (
        400,
        "BadRequest",
        'Unable to convert to Table as requested: includeObject: Invalid value: "Bad": '
        "must be 'Metadata', 'Object', 'None', or empty",
    )


BUILT_IN = {
    "/api/v1/namespaces": ["Name", "Status", "Age"],
    "/api/v1/secrets": ["Name", "Type", "Data", "Age"],
    "/api/v1/configmaps": ["Name", "Data", "Age"],
    "/api/v1/serviceaccounts": ["Name", "Age"],
    "/api/v1/services": ["Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "Selector"],
    "/api/v1/events": [
        "Last Seen", "Type", "Reason", "Object", "Subobject", "Source", "Message", "First Seen", "Count", "Name",
    ],
    "/apis/rbac.authorization.k8s.io/v1/roles": ["Name", "Created At"],
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings": [
        "Name", "Role", "Age", "Users", "Groups", "ServiceAccounts",
    ],
    "/apis/coordination.k8s.io/v1/leases": ["Name", "Holder", "Age"],
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions": ["Name", "Created At"],
    "/apis/apiregistration.k8s.io/v1/apiservices": ["Name", "Service", "Available", "Age"],
}  # fmt: skip


@pytest.mark.parametrize(("path", "columns"), BUILT_IN.items())
async def test_columns_of_built_in_kinds(api: Api, path: str, columns: list[str]) -> None:
    table = (await api.ask("GET", f"{path}?limit=1", accept=TABLE)).object
    assert [each["name"] for each in table["columnDefinitions"]] == columns


async def test_cells_of_built_in_kinds(api: Api, namespace: str) -> None:
    home = f"/api/v1/namespaces/{namespace}"
    await api.ask("POST", f"{home}/secrets", {"metadata": {"name": "s"}, "stringData": {"a": "b"}})
    spec = {"type": "ExternalName", "externalName": "x.example", "ports": [{"port": 80}]}
    await api.ask("POST", f"{home}/services", {"metadata": {"name": "x"}, "spec": spec})
    rows = {}
    for path in (f"{home}/secrets/s", f"{home}/services/x", f"/api/v1/namespaces/{namespace}"):
        rows[path] = (await api.ask("GET", path, accept=TABLE)).object["rows"][0]["cells"]
    assert rows[f"{home}/secrets/s"][:3] == ["s", "Opaque", 1]
    assert rows[f"{home}/services/x"][:5] == ["x", "ExternalName", "<none>", "x.example", "80/TCP"]
    assert rows[f"/api/v1/namespaces/{namespace}"][:2] == [namespace, "Active"]

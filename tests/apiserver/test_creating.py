"""POST: what is stored, and every way to be refused."""

import re
from typing import Any

import pytest

from tests.apiserver.asking import GROUP, Api, configmap, widget

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("embedded:create")]

SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and"
    " end with an alphanumeric character (e.g. 'example.com', regex used for validation is"
    " '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


async def test_the_server_says_what_only_it_may_say(api: Api, configmaps: str) -> None:
    given = configmap("a", {"k": "v"}, uid="mine", creationTimestamp="2020-01-01T00:00:00Z", selfLink="/x")
    given["metadata"]["deletionTimestamp"] = "2020-01-01T00:00:00Z"
    answer = await api.ask("POST", configmaps, given)
    metadata = answer.object["metadata"]
    assert answer.status == 201
    assert metadata["uid"] != "mine"
    assert not metadata["creationTimestamp"].startswith("2020")
    assert "deletionTimestamp" not in metadata
    assert int(metadata["resourceVersion"]) > 0
    assert {key: answer.object[key] for key in ("kind", "apiVersion", "data")} == {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "data": {"k": "v"},
    }


async def test_the_manager_is_the_clients_name(api: Api, configmaps: str) -> None:
    (entry,) = (await api.ask("POST", configmaps, configmap("a", {"k": "v"}))).object["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"], entry["apiVersion"]) == ("suite", "Update", "v1")
    assert entry["fieldsV1"] == {"f:data": {".": {}, "f:k": {}}}
    named = await api.ask("POST", f"{configmaps}?fieldManager=me", configmap("b", {"k": "v"}))
    assert named.object["metadata"]["managedFields"][0]["manager"] == "me"


async def test_custom_resources_are_defaulted_pruned_and_counted(api: Api, widgets: str) -> None:
    answer = await api.ask("POST", widgets, widget("a", {"size": 2, "other": 1, "free": {"x": 1}}))
    assert answer.status == 201
    assert answer.object["spec"] == {"size": 2, "color": "red", "free": {"x": 1}}
    assert answer.object["metadata"]["generation"] == 1
    assert answer.headers.get("warning") == '299 - "unknown field \\"spec.other\\""'


async def test_status_is_not_created_with_the_object(api: Api, widgets: str) -> None:
    answer = await api.ask("POST", widgets, {**widget("a", {}), "status": {"phase": "Done"}})
    assert (answer.status, answer.object.get("status")) == (201, None)


async def test_a_name_is_generated(api: Api, configmaps: str) -> None:
    given = {"metadata": {"generateName": "gen-"}}
    metadata = (await api.ask("POST", configmaps, given)).object["metadata"]
    assert re.fullmatch(r"gen-[bcdfghjklmnpqrstvwxz2456789]{5}", metadata["name"])
    assert metadata["generateName"] == "gen-"


async def test_kind_and_version_may_be_left_out_of_built_in_kinds(api: Api, configmaps: str) -> None:
    answer = await api.ask("POST", configmaps, {"metadata": {"name": "a"}})
    assert (answer.status, answer.object["kind"]) == (201, "ConfigMap")


async def test_a_dry_run_stores_nothing(api: Api, configmaps: str) -> None:
    answer = await api.ask("POST", f"{configmaps}?dryRun=All", configmap("a"))
    assert answer.status == 201
    assert "resourceVersion" not in answer.object["metadata"]
    assert (await api.ask("GET", f"{configmaps}/a")).status == 404


async def test_yaml_is_read(api: Api, configmaps: str) -> None:
    body = "metadata:\n  name: a\ndata:\n  k: v\n"
    answer = await api.ask("POST", configmaps, body, content_type="application/yaml")
    assert (answer.status, answer.object["data"]) == (201, {"k": "v"})


async def test_a_name_that_is_taken(api: Api, configmaps: str) -> None:
    await api.ask("POST", configmaps, configmap("a"))
    answer = await api.ask("POST", configmaps, configmap("a"))
    assert answer.refusal == (409, "AlreadyExists", 'configmaps "a" already exists')
    assert answer.object["details"] == {"name": "a", "kind": "configmaps"}


async def test_secrets_encode_their_strings(api: Api, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/secrets"
    answer = await api.ask("POST", path, {"metadata": {"name": "s"}, "stringData": {"k": "v"}})
    assert (answer.object["data"], answer.object["type"]) == ({"k": "dg=="}, "Opaque")
    assert "stringData" not in answer.object


REFUSED: list[tuple[str, Any, tuple[int, str, str]]] = [
    (
        "configmaps",
        configmap("a", resourceVersion="1"),
        (500, "", "resourceVersion should not be set on objects to be created"),
    ),
    (
        "configmaps",
        configmap("X_"),
        (422, "Invalid", f'ConfigMap "X_" is invalid: metadata.name: Invalid value: "X_": {SUBDOMAIN}'),
    ),
    (
        "configmaps",
        configmap(""),
        (422, "Invalid", 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required'),
    ),
    (
        "configmaps",
        configmap("a", namespace="other"),
        (
            400,
            "BadRequest",
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
    ),
    (
        "configmaps",
        "{",
        (
            400,
            "BadRequest",
            "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; "
            "json parse error: unexpected end of JSON input ({)",
        ),
    ),
    (
        "configmaps",
        "",
        (
            400,
            "BadRequest",
            "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; "
            "json parse error: unexpected end of JSON input (<empty>)",
        ),
    ),
    (
        "configmaps",
        configmap("a", {"k": 5}),
        (
            400,
            "BadRequest",
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct '
            "field ConfigMap.data of type string",
        ),
    ),
    (
        "configmaps",
        configmap("a", labels={"-": "x"}),
        (
            422,
            "Invalid",
            'ConfigMap "a" is invalid: metadata.labels: Invalid value: "-": name part must consist of alphanumeric '
            "characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or "
            "'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        ),
    ),
    (
        "widgets",
        widget("a", {"size": 0}),
        (
            422,
            "Invalid",
            f'Widget.{GROUP} "a" is invalid: spec.size: Invalid value: 0: spec.size in body should be greater than or '
            "equal to 1",
        ),
    ),
    (
        "widgets",
        {**widget("a"), "kind": "Foo"},
        (422, "Invalid", f'Foo.{GROUP} "a" is invalid: kind: Invalid value: "Foo": must be Widget'),
    ),
    (
        "widgets",
        {**widget("a"), "apiVersion": "foo/v2"},
        (
            400,
            "BadRequest",
            f"the API version in the data (foo/v2) does not match the expected API version ({GROUP}/v1)",
        ),
    ),
    (
        "widgets",
        widget("a", labels={"a": 1}),
        (
            400,
            "BadRequest",
            'Widget in version "v1" cannot be handled as a Widget: json: cannot unmarshal number into Go struct field '
            "ObjectMeta.labels of type string",
        ),
    ),
]


@pytest.mark.parametrize(("plural", "body", "refusal"), REFUSED)
async def test_refusals(
    api: Api, configmaps: str, widgets: str, plural: str, body: Any, refusal: tuple[int, str, str]
) -> None:
    answer = await api.ask("POST", {"configmaps": configmaps, "widgets": widgets}[plural], body)
    assert answer.refusal == refusal
    assert answer.object["kind"] == "Status"


@pytest.mark.parametrize("plural", ["configmaps", "widgets"])
async def test_unknown_fields_are_refused_where_asked(api: Api, configmaps: str, widgets: str, plural: str) -> None:
    path, made = {"configmaps": (configmaps, configmap), "widgets": (widgets, widget)}[plural]
    body = {**made("a"), "foo": 1}
    body["metadata"]["bar"] = 2
    kind = body["kind"]
    answer = await api.ask("POST", f"{path}?fieldValidation=Strict", body)
    assert answer.refusal == (
        400,
        "BadRequest",
        f'{kind} in version "v1" cannot be handled as a {kind}: strict decoding error: unknown field "metadata.bar", '
        'unknown field "foo"',
    )
    ignored = await api.ask("POST", f"{path}?fieldValidation=Ignore&dryRun=All", body)
    assert (ignored.status, ignored.headers.all("warning")) == (201, [])


async def test_duplicate_fields_are_named(api: Api, configmaps: str) -> None:
    body = '{"metadata":{"name":"a"},"data":{"k":"1","k":"2"}}'
    answer = await api.ask("POST", f"{configmaps}?dryRun=All", body)
    assert (answer.object["data"], answer.headers.get("warning")) == (
        {"k": "2"},
        '299 - "duplicate field \\"data.k\\""',
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("dryRun=Foo", 'dryRun: Unsupported value: ["Foo"]: supported values: "All"'),
        (
            "fieldValidation=Foo",
            'fieldValidation: Unsupported value: "Foo": supported values: "", "Ignore", "Strict", "Warn"',
        ),
        (f"fieldManager={'a' * 129}", "fieldManager: Too long: may not be more than 128 bytes"),
    ],
)
async def test_options_are_checked(api: Api, configmaps: str, query: str, message: str) -> None:
    answer = await api.ask("POST", f"{configmaps}?{query}", configmap("a"))
    assert answer.refusal == (422, "Invalid", f'CreateOptions.meta.k8s.io "" is invalid: {message}')


@pytest.mark.parametrize("content_type", ["text/plain", "application/merge-patch+json"])
async def test_bodies_of_other_types_are_refused(api: Api, configmaps: str, content_type: str) -> None:
    answer = await api.ask("POST", configmaps, configmap("a"), content_type=content_type)
    assert answer.refusal == (
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: application/json, "
        "application/yaml, application/vnd.kubernetes.protobuf",
    )


async def test_a_namespace_must_be_there(api: Api) -> None:
    answer = await api.ask("POST", "/api/v1/namespaces/no-such-one/configmaps", configmap("a"))
    assert answer.refusal == (404, "NotFound", 'namespaces "no-such-one" not found')
    assert answer.object["details"] == {"name": "no-such-one", "kind": "namespaces"}


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/v1/configmaps"), ("DELETE", "/api/v1/namespaces")])
async def test_methods_that_are_not_there(api: Api, method: str, path: str) -> None:
    answer = await api.ask(method, path, {})
    message = "the server does not allow this method on the requested resource"
    assert answer.refusal == (405, "MethodNotAllowed", message)

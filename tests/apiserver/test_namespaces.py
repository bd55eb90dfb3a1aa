"""Namespaces and the other built-in kinds that do something of their own."""

import pytest

from tests.apiserver.asking import MERGE, Api, configmap

pytestmark = pytest.mark.anyio
namespaces = pytest.mark.requirement("embedded:namespaces")
built_in = pytest.mark.requirement("embedded:built-in-kinds")


@namespaces
async def test_a_new_namespace_is_active_and_labelled(api: Api, namespace: str) -> None:
    found = (await api.ask("GET", f"/api/v1/namespaces/{namespace}")).object
    assert found["metadata"]["labels"] == {"kubernetes.io/metadata.name": namespace}
    assert (found["spec"], found["status"]) == ({"finalizers": ["kubernetes"]}, {"phase": "Active"})


@namespaces
async def test_a_namespace_goes_after_its_content(api: Api, namespace: str, configmaps: str) -> None:
    await api.ask("POST", configmaps, configmap("free"))
    await api.ask("POST", configmaps, configmap("held", finalizers=["a.io/b"]))
    answer = await api.ask("DELETE", f"/api/v1/namespaces/{namespace}")
    assert (answer.status, answer.object["status"]["phase"]) == (200, "Terminating")
    assert "deletionTimestamp" in answer.object["metadata"]
    refused = await api.ask("POST", configmaps, configmap("new"))
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    assert refused.refusal == (403, "Forbidden", f'configmaps "new" is forbidden: {why}')
    assert refused.object["details"]["causes"] == [
        {
            "reason": "NamespaceTerminating",
            "message": f"namespace {namespace} is being terminated",
            "field": "metadata.namespace",
        }
    ]
    await api.until(f"{configmaps}/free", 404)
    await api.until_deleting(f"{configmaps}/held")
    await api.ask("PATCH", f"{configmaps}/held", {"metadata": {"finalizers": None}}, content_type=MERGE)
    await api.until(f"/api/v1/namespaces/{namespace}", 404)


@built_in
async def test_an_event_has_two_apis(api: Api, namespace: str) -> None:
    core, new = (f"{root}/namespaces/{namespace}/events" for root in ("/api/v1", "/apis/events.k8s.io/v1"))
    about = {"kind": "ConfigMap", "name": "a", "namespace": namespace, "apiVersion": "v1"}
    event = {
        "metadata": {"name": "e"},
        "involvedObject": about,
        "message": "hello",
        "reason": "Because",
        "type": "Normal",
    }
    assert (await api.ask("POST", core, event)).status == 201
    shown = (await api.ask("GET", f"{new}/e")).object
    assert (shown["note"], shown["regarding"], shown["apiVersion"]) == ("hello", about, "events.k8s.io/v1")
    selected = (await api.ask("GET", f"{core}?fieldSelector=involvedObject.name%3Da")).object
    assert [each["metadata"]["name"] for each in selected["items"]] == ["e"]


@built_in
async def test_services_and_bindings_get_their_defaults(api: Api, namespace: str) -> None:
    spec = {"type": "ExternalName", "externalName": "x.example", "ports": [{"port": 80}]}
    service = await api.ask(
        "POST", f"/api/v1/namespaces/{namespace}/services", {"metadata": {"name": "x"}, "spec": spec}
    )
    assert service.object["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert service.object["spec"]["sessionAffinity"] == "None"
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings"
    body = {"metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": "view"}}
    binding = await api.ask("POST", path, {**body, "subjects": [{"kind": "User", "name": "u"}]})
    assert binding.object["roleRef"]["apiGroup"] == "rbac.authorization.k8s.io"
    assert binding.object["subjects"][0]["apiGroup"] == "rbac.authorization.k8s.io"
    other = await api.ask("PATCH", f"{path}/b", {"roleRef": {"name": "edit"}}, content_type=MERGE)
    assert other.message.endswith("cannot change roleRef")


@built_in
@pytest.mark.parametrize("name", ["v1.", "v1.rbac.authorization.k8s.io"])
async def test_local_versions_have_an_api_service(api: Api, name: str) -> None:
    found = (await api.ask("GET", f"/apis/apiregistration.k8s.io/v1/apiservices/{name}")).object
    (condition,) = found["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("Available", "True", "Local")
    assert found["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": "onstart"}


@built_in
async def test_secrets_and_configmaps_can_be_frozen(api: Api, configmaps: str) -> None:
    await api.ask("POST", configmaps, {**configmap("a", {"k": "v"}), "immutable": True})
    answer = await api.ask("PATCH", f"{configmaps}/a", {"data": {"k": "w"}}, content_type=MERGE)
    assert answer.refusal == (
        422,
        "Invalid",
        'ConfigMap "a" is invalid: data: Forbidden: field is immutable when `immutable` is set',
    )

"""Who may do what."""

import pytest

from tests.apiserver.asking import Api, configmap

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("embedded:access")]

RBAC = "/apis/rbac.authorization.k8s.io/v1"


async def grant(api: Api, namespace: str, user: str, role: str) -> None:
    body = {
        "metadata": {"name": "grant"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    }
    answer = await api.ask("POST", f"{RBAC}/namespaces/{namespace}/rolebindings", body)
    assert answer.status == 201


async def test_nobody_does_what_no_role_allows(api: Api, namespace: str, configmaps: str) -> None:
    answer = await api.ask("GET", f"{configmaps}/a", user="eve")
    assert answer.refusal == (
        403,
        "Forbidden",
        'configmaps "a" is forbidden: User "eve" cannot get resource "configmaps" in API group "" in the namespace '
        f'"{namespace}"',
    )
    assert answer.object["details"] == {"name": "a", "kind": "configmaps"}
    listed = await api.ask("GET", "/api/v1/namespaces", user="eve")
    assert listed.message == (
        'namespaces is forbidden: User "eve" cannot list resource "namespaces" in API group "" at the cluster scope'
    )
    path = await api.ask("GET", "/metrics", user="eve")
    assert path.message == 'forbidden: User "eve" cannot get path "/metrics"'


async def test_a_role_counts_where_it_is_bound(api: Api, namespace: str, configmaps: str) -> None:
    await grant(api, namespace, "viewer", "view")
    allowed = await api.until_user(configmaps, "viewer", 200)
    assert allowed.status == 200
    assert (await api.ask("POST", configmaps, configmap("a"), user="viewer")).status == 403
    assert (await api.ask("GET", f"/api/v1/namespaces/{namespace}/secrets", user="viewer")).status == 403
    assert (await api.ask("GET", "/api/v1/namespaces/default/configmaps", user="viewer")).status == 403


async def test_editors_write(api: Api, namespace: str, configmaps: str) -> None:
    await grant(api, namespace, "editor", "edit")
    await api.until_user(configmaps, "editor", 200)
    assert (await api.ask("POST", configmaps, configmap("a"), user="editor")).status == 201
    assert (await api.ask("GET", f"{RBAC}/namespaces/{namespace}/roles", user="editor")).status == 403


@pytest.mark.parametrize("path", ["/api", "/apis", "/version", "/openapi/v3", "/healthz"])
async def test_whoever_is_known_may_explore(api: Api, path: str) -> None:
    assert (await api.ask("GET", path, user="anyone")).status == 200


async def test_one_may_ask_about_oneself(api: Api, namespace: str) -> None:
    spec = {"resourceAttributes": {"namespace": namespace, "verb": "get", "resource": "configmaps"}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    answer = await api.ask("POST", path, {"spec": spec}, user="eve")
    assert (answer.status, answer.object["status"]) == (201, {"allowed": False})
    assert (await api.ask("POST", path, {"spec": spec})).object["status"]["allowed"] is True
    me = await api.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, user="eve")
    assert me.object["status"]["userInfo"] == {"username": "eve", "groups": ["system:authenticated"]}

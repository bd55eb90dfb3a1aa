"""Callers under names of their own in the control plane."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.client.api import Client
from fairlead.connector import impersonating
from fairlead.connector.handling import Claims
from fairlead.connector.naming import Scope
from fairlead.connector.publishing import IncompleteError, Synchronizer
from fairlead.connector.sources import SourceName, Sources, of_crd
from fairlead.machinery import encoding, statuses
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.machinery.paths import RequestInfo, Resource
from fairlead.machinery.principals import Principal
from tests.clusters import Pair
from tests.connector.fakes import CATALOG, ControlPlane, Phases, no, ok
from tests.connector.objects import SCOPE, encode, stored
from tests.connector.test_handling import ALL, ONE, A
from tests.connector.test_running import eventually
from tests.differential import kind
from tests.e2e import manifests

if TYPE_CHECKING:
    from fairlead.client.connection import Connection

pytestmark = pytest.mark.anyio
Object = dict[str, Any]
ANA = Principal("ana", "u-1", ("staff", "system:masters"), (("scopes", ("a", "b")),))
BOB = Principal("bob")
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles")
BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings")
texts = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["Z", "C"]), min_size=1)


async def allowed(principal: Principal, info: RequestInfo) -> None:
    """The app cluster agrees."""


def claims(*answers: Any) -> tuple[Claims, ControlPlane]:
    control_plane = ControlPlane(list(answers))
    connection = cast("Connection", control_plane)
    return Claims(SCOPE, connection, lambda: CATALOG, Phases(), allowed, impersonates=True), control_plane


def request(method: str, path: str, body: Any = None, **headers: str) -> Request:
    lines = [("content-type", "application/json"), *((key.replace("_", "-"), value) for key, value in headers.items())]
    return Request(method, path, "", Headers(lines), encode(body) if body is not None else b"")


# -- what is sent ------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("connector:impersonation", "connector:traced")
async def test_every_name_carries_the_cluster_and_what_the_caller_claims_to_be_is_dropped() -> None:
    found, control_plane = claims(ok(stored(A)))
    traced = {"audit_id": "a-1", "traceparent": "00-1-2-01", "tracestate": "x=y"}
    forged = {"impersonate_user": "admin", "impersonate_group": "system:masters", "x_remote_user": "admin"}
    await found.handle(request("GET", ONE, **traced, **forged, authorization="Bearer t"), ANA)
    [sent] = control_plane.sent
    shown = [(key, value) for key, value in sent.headers.lines if key.startswith(("impersonate", "x-", "auth"))]
    assert shown == [
        ("impersonate-user", f"{SCOPE.cluster}:ana"),
        ("impersonate-uid", f"{SCOPE.cluster}:u-1"),
        ("impersonate-group", f"{SCOPE.cluster}:staff"),
        ("impersonate-group", f"{SCOPE.cluster}:system:masters"),
        ("impersonate-extra-mcp-connector.upbound.io%2fapp-user-extra", "scopes=a"),
        ("impersonate-extra-mcp-connector.upbound.io%2fapp-user-extra", "scopes=b"),
    ]
    assert [sent.headers.get(key) for key in ("audit-id", "traceparent", "tracestate")] == ["a-1", "00-1-2-01", "x=y"]


@pytest.mark.requirement("connector:impersonation")
@given(texts, texts, st.sampled_from(["one", "two"]), st.sampled_from(["one", "two"]))
def test_two_callers_have_one_name_only_if_they_are_one(name: str, other: str, cluster: str, another: str) -> None:
    same = (cluster, name) == (another, other)
    assert (impersonating.user(cluster, Principal(name)) == impersonating.user(another, Principal(other))) is same
    for key, value in impersonating.headers(cluster, Principal(name, other, (other,))):
        assert value.startswith(f"{cluster}:"), key


@pytest.mark.requirement("connector:impersonation")
@pytest.mark.parametrize(
    "principal",
    [
        Principal("ana\r\nimpersonate-group: system:masters"),
        Principal("ana "),
        Principal("ana", groups=("a\nb",)),
        Principal("ana", extra=(("k", ("a\x00",)),)),
    ],
)
async def test_a_name_that_no_header_holds_is_refused_before_anything_is_sent(principal: Principal) -> None:
    found, control_plane = claims()
    answer = await found.handle(request("GET", ONE), principal)
    assert (answer.status, control_plane.sent) == (403, [])


@pytest.mark.requirement("connector:impersonation", "connector:verified-uid")
async def test_what_one_callers_requests_made_known_is_not_used_for_another() -> None:
    found, control_plane = claims(*[ok(stored(A))] * 5)
    for principal in (ANA, ANA, BOB):
        await found.handle(request("DELETE", ONE), principal)
    users = [(each.method, each.headers.get("impersonate-user")) for each in control_plane.sent]
    ana, bob = (impersonating.user(SCOPE.cluster, each) for each in (ANA, BOB))
    assert users == [("GET", ana), ("DELETE", ana), ("DELETE", ana), ("GET", bob), ("DELETE", bob)]


# -- what comes back ---------------------------------------------------------------------------------------------------


def forbidden(user: str, why: str = "") -> Response:
    name = A.backend("claim-")
    sentence = (
        f'databases.demo.example.org "{name}" is forbidden: User "{user}" cannot get resource "databases" in API group '
        f'"demo.example.org" in the namespace "{SCOPE.namespace}"{why}'
    )
    return no(statuses.Forbidden(sentence, {"name": name, "group": "demo.example.org", "kind": "databases"}))


@pytest.mark.requirement("connector:impersonation-refused")
async def test_a_refusal_of_the_caller_is_told_in_its_own_names() -> None:
    found, _ = claims(forbidden(f"{SCOPE.cluster}:ana", ': RBAC: clusterrole "secret" not found'))
    answer = await found.handle(request("GET", ONE), ANA)
    assert encoding.from_json(cast("bytes", answer.body)) == {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Forbidden", "code": 403,
        "message": 'databases.demo.example.org "orders" is forbidden: User "ana" cannot get resource "databases" in '
        'API group "demo.example.org" in the namespace "team-a"',
        "details": {"name": "orders", "group": "demo.example.org", "kind": "databases"},
    }  # fmt: skip


@pytest.mark.requirement("connector:impersonation-refused")
@pytest.mark.parametrize("user", ["system:serviceaccount:x:connector", f"{SCOPE.cluster}:other", "ana"])
async def test_a_refusal_of_the_connector_is_none_of_the_callers(user: str) -> None:
    not_ours = (
        f'users "{SCOPE.cluster}:ana" is forbidden: User "{user}" cannot impersonate resource "users" in API group'
    )
    for answer in (forbidden(user), no(statuses.Forbidden(not_ours))):
        found, _ = claims(answer)
        told = await found.handle(request("GET", ALL), ANA)
        assert told.status == 500
        assert user not in str(told.body)


# -- before real rights ------------------------------------------------------------------------------------------------


def served(control_plane: Client, catalog: Any, scope: Scope) -> Claims:
    return Claims(
        scope, control_plane.connection, lambda: catalog, Phases({"shop": "Active"}), allowed, impersonates=True
    )


@pytest.fixture
async def prepared(pair: Pair, unique: Callable[[str], str]) -> AsyncIterator[tuple[Client, Any, Scope]]:
    """A control plane in which only `ana` of this cluster may do anything."""
    namespace = unique("impersonated")
    async with pair.control_plane.open() as client:
        crd = kind.crd()
        crd["spec"]["group"] = group = f"{unique('imp')}.example.org"
        crd["metadata"]["name"] = f"widgets.{group}"
        await client.create(manifests.CRDS, crd)
        await client.create(manifests.NAMESPACES, manifests.namespace(namespace))
        rule = {"apiGroups": [group], "resources": ["widgets"], "verbs": ["create", "get", "patch"]}
        scope = Scope(unique("cluster"), namespace)
        await client.create(ROLES, manifest("Role", namespace, rules=[rule]))
        subject = {"kind": "User", "name": f"{scope.cluster}:ana", "apiGroup": "rbac.authorization.k8s.io"}
        reference = {"kind": "Role", "name": "one", "apiGroup": "rbac.authorization.k8s.io"}
        await client.create(BINDINGS, manifest("RoleBinding", namespace, subjects=[subject], roleRef=reference))

        async def catalog() -> Any:
            found = of_crd(await client.get(manifests.CRDS, f"widgets.{group}"))
            assert found is not None
            sources = Sources().applied(SourceName("crd", f"widgets.{group}"), found)
            try:
                return await Synchronizer(client).catalog(sources, None)
            except IncompleteError as error:
                raise AssertionError from error

        yield client, await eventually(catalog), scope
        await client.delete(manifests.CRDS, f"widgets.{group}")


def manifest(what: str, namespace: str, **more: Any) -> Object:
    metadata = {"name": "one", "namespace": namespace}
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": what, "metadata": metadata, **more}


@pytest.mark.requirement("connector:impersonation", "connector:impersonation-refused")
async def test_the_control_plane_decides_by_who_asks(prepared: tuple[Client, Any, Scope], pair: Pair) -> None:
    client, catalog, scope = prepared
    found = served(client, catalog, scope)
    [group] = [each.name for each in catalog.groups]
    widgets = Resource(group, "v1", "widgets")
    body = {**kind.widget("one", "shop"), "apiVersion": f"{group}/v1"}

    async def ask(method: str, path: str, who: Principal, sent: Any = None) -> tuple[int, Object]:
        answer = await found.handle(request(method, path, sent), who)
        return answer.status, encoding.from_json(cast("bytes", answer.body))

    async def created() -> None:
        code, told = await ask("POST", widgets.path("shop"), replace(ANA, groups=("system:authenticated",)), body)
        assert code == 201, told

    await eventually(created)
    code, told = await ask("GET", widgets.path("shop", "one"), BOB)
    assert code == 403
    assert told["message"] == (
        f'widgets.{group} "one" is forbidden: User "bob" cannot get resource "widgets" in API group "{group}" in the '
        'namespace "shop"'
    )
    code, told = await ask("GET", widgets.path("shop"), ANA)
    assert (code, told["message"].partition(": ")[2].partition(" resource")[0]) == (403, 'User "ana" cannot list')
    code, told = await ask("DELETE", widgets.path("shop", "one"), ANA)
    assert (code, scope.cluster in str(told), scope.namespace in str(told)) == (403, False, False)
    async with pair.control_plane_server.access("nobody", []).open() as powerless:
        found = served(powerless, catalog, scope)
        assert (await ask("GET", widgets.path("shop", "one"), ANA))[0] == 500

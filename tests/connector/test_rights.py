"""What the control plane does not let the connector have, between two API servers."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast
from unittest.mock import AsyncMock

import pytest

from fairlead.client.api import Client
from fairlead.connector import running, synchronizing
from fairlead.connector.catalog import Offered
from fairlead.connector.rights import REMEMBERED_SECONDS, Rights
from fairlead.machinery import statuses
from fairlead.machinery.paths import Resource
from tests.clusters import Pair
from tests.connector.test_running import World, eventually, offer, world

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("connector:apis-without-rights")]

Object = dict[str, Any]
ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", namespaced=False)
BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "clusterrolebindings", namespaced=False)
ONE = Offered("example.org", "things")


def answering(*answers: object) -> tuple[Rights, AsyncMock, list[float]]:
    client, now = AsyncMock(spec=Client), [0.0]
    said = [each if isinstance(each, Exception) else {"status": {"allowed": each}} for each in answers]
    client.create.side_effect = said
    return Rights(cast("Client", client), "app-one", lambda: now[0]), client, now


async def test_what_is_permitted_is_remembered_for_a_while_and_what_is_not_is_asked_again() -> None:
    rights, client, now = answering(False, True, False)
    assert await rights.lacking([ONE]) == {ONE}
    assert await rights.lacking([ONE]) == frozenset()
    assert await rights.lacking([ONE]) == frozenset()
    assert client.create.call_count == 2
    now[0] = REMEMBERED_SECONDS
    assert await rights.lacking([ONE]) == {ONE}
    asked = client.create.call_args.args[1]["spec"]["resourceAttributes"]
    assert asked == {"namespace": "app-one", "verb": "list", "group": "example.org", "resource": "things"}


async def test_where_nobody_may_ask_nothing_is_held_back() -> None:
    rights, _, _ = answering(statuses.Forbidden("no"), statuses.ServiceUnavailable("later"))
    assert await rights.lacking([ONE]) == frozenset()
    with pytest.raises(statuses.ServiceUnavailable):
        await rights.lacking([Offered("example.org", "others")])


def role(name: str, *groups: str) -> Object:
    """What a connector needs, and the claims of these groups."""
    rules: list[Object] = [
        {"apiGroups": ["apiextensions.crossplane.io"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["apiextensions.k8s.io"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["configmaps", "namespaces"], "verbs": ["*"]},
    ]
    rules += [{"apiGroups": [each], "resources": ["*"], "verbs": ["*"]} for each in groups]
    about = {"apiVersion": str(ROLES.group_version), "kind": "ClusterRole", "metadata": {"name": name}}
    return {**about, "rules": rules}


def binding(name: str, user: str) -> Object:
    subject = {"apiGroup": ROLES.group, "kind": "User", "name": user}
    reference = {"apiGroup": ROLES.group, "kind": "ClusterRole", "name": name}
    about = {"apiVersion": str(ROLES.group_version), "kind": "ClusterRoleBinding", "metadata": {"name": name}}
    return {**about, "roleRef": reference, "subjects": [subject]}


@pytest.mark.whole
async def test_a_later_api_without_rights_is_published_only_when_they_come_and_then_stays(
    pair: Pair, unique: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synchronizing, "RIGHTS_SECONDS", 0.1)
    first, later, name = f"{unique('first')}.example.org", f"{unique('later')}.example.org", unique("limited")
    limited = pair.control_plane_server.access(name, [])
    async with world(pair, unique) as found:
        await found.control_plane.create(ROLES, role(name, first))
        await found.control_plane.create(BINDINGS, binding(name, name))
        for group in (later, first):
            await offer(found.control_plane, group)
        settings = replace(found.settings, control_plane_kubeconfig=limited.kubeconfig)
        async with running.serve(settings) as replica:
            state = replica.connector.state
            await eventually(lambda: found.api_service(first))
            await found.withdrawn(later)
            assert f"databases.{later}" in state.without_rights

            await found.control_plane.replace(ROLES, await changed(found, name, first, later))
            await eventually(lambda: found.app.list(found.claims(later)))
            assert f"databases.{later}" not in state.without_rights

        await found.control_plane.replace(ROLES, await changed(found, name, first))
        async with running.serve(settings) as replica:
            assert f"databases.{later}" in replica.connector.state.without_rights
            await found.api_service(later)


async def changed(found: World, name: str, *groups: str) -> Object:
    metadata = (await found.control_plane.get(ROLES, name))["metadata"]
    return {**role(name, *groups), "metadata": metadata}

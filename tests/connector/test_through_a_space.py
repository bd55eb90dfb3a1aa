"""The connector reaches its control plane through the double of a Space, and nothing else is different."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fairlead.client.connection import Connection
from fairlead.client.kubeconfig import load
from fairlead.connector import running
from fairlead.connector.naming import Identity
from tests.clusters import Pair
from tests.connector import doubles
from tests.connector.doubles import Router, TokenHost
from tests.connector.test_running import CLUSTER, eventually, offer, world
from tests.e2e import manifests

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("space_hosts"), pytest.mark.requirement("connector:space")]


@pytest.mark.whole
async def test_claims_work_through_a_space_and_outlive_its_bearer(
    pair: Pair, unique: Callable[[str], str], tmp_path: Path
) -> None:
    group, namespace = f"{unique('spaced')}.example.org", unique("spaced")
    tokens = TokenHost()
    async with (
        world(pair, unique) as found,
        Connection(load(pair.control_plane.kubeconfig)) as behind,
        doubles.hosts(tmp_path, tokens, router := Router(tokens, behind)) as space,
        running.serve(replace(found.settings, control_plane_kubeconfig=None, space=space)),
    ):
        await offer(found.control_plane, group)
        await found.app.create(manifests.NAMESPACES, manifests.namespace(namespace))
        claim = {**manifests.claim("orders", namespace), "apiVersion": f"{group}/v1alpha1"}
        await eventually(lambda: found.app.create(found.claims(group), claim))
        tokens.revoke()
        made = await found.app.get(found.claims(group), "orders", namespace)
        backend = Identity(CLUSTER, namespace, "orders").backend()
        there = await found.control_plane.get(found.claims(group), backend, found.settings.claim_namespace)
        await found.app.delete(found.claims(group), "orders", namespace)
    assert there["metadata"]["uid"] == made["metadata"]["uid"]
    assert len(tokens.issued) == 2
    assert {each.split()[0] for each in router.refused} == {"401"}

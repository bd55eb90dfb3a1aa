"""A namespace with a thousand claims is deleted, by the real namespace controller."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from fairlead.connector import naming
from tests.e2e import manifests
from tests.e2e.manifests import DATABASES, NAMESPACES
from tests.e2e.world import CLAIMS
from tests.torture.churning import send
from tests.torture.stages import Stage, eventually

pytestmark = pytest.mark.requirement("torture:namespace-deletion")
COUNT = 1000
HELD = 50
"""So many are held by a finalizer in the control plane, as Crossplane holds every claim."""
FINALIZER = "finalizer.apiextensions.crossplane.io"


def stored(stage: Stage, namespace: str) -> list[str]:
    """Backend names of the namespace's claims in the control plane."""
    query = f"labelSelector={naming.RESERVED}app-namespace%3D{namespace}"
    items = stage.control_plane.send("GET", DATABASES.path(CLAIMS), query=query)["items"]
    return [each["metadata"]["name"] for each in items]


def filled(stage: Stage, namespace: str, count: int) -> None:
    stage.namespaced(namespace)

    def create(number: int) -> int:
        return send(stage.app, "POST", DATABASES.path(namespace), manifests.claim(f"orders-{number}", namespace)).status

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(create, range(count))) == {201}


def held(stage: Stage, names: list[str], finalizers: list[str] | None) -> None:
    for name in names:
        stage.control_plane.patch(DATABASES, name, CLAIMS, "merge", {"metadata": {"finalizers": finalizers}})


def absent(stage: Stage, namespace: str) -> None:
    assert namespace not in stage.app.names(NAMESPACES)


def test_with_a_thousand_claims_it_goes_and_takes_nothing_else_along(
    stage: Stage, unique: Callable[[str], str]
) -> None:
    going, staying = unique("going"), unique("staying")
    filled(stage, staying, 10)
    filled(stage, going, COUNT)
    assert len(stored(stage, going)) == COUNT
    holding = stored(stage, going)[:: COUNT // HELD]
    held(stage, holding, [FINALIZER])
    before = sorted(stored(stage, staying))

    stage.app.send("DELETE", NAMESPACES.path(None, going))
    eventually(partial(_left, stage, going, holding))
    assert stage.app.get(NAMESPACES, going)["status"]["phase"] == "Terminating", "what is held is waited for"
    refused = send(stage.app, "POST", DATABASES.path(going), manifests.claim("too-late", going))
    assert refused.status == 403

    held(stage, holding, None)
    eventually(lambda: absent(stage, going))
    assert stored(stage, going) == []
    assert sorted(stored(stage, staying)) == before
    assert len(stage.app.names(DATABASES, staying)) == len(before)


def _left(stage: Stage, namespace: str, expected: list[str]) -> None:
    assert sorted(stored(stage, namespace)) == sorted(expected)


def test_a_namespace_of_that_name_made_again_is_empty(stage: Stage, unique: Callable[[str], str]) -> None:
    name = unique("again")
    filled(stage, name, 3)
    stage.app.send("DELETE", NAMESPACES.path(None, name))
    eventually(lambda: absent(stage, name))
    filled(stage, name, 1)
    assert stage.app.names(DATABASES, name) == ["orders-0"]

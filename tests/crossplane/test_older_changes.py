"""Pausing, reconciling, usages and shared data on real Crossplane 1.20, where less is said of what was done."""

from collections.abc import Callable

import pytest

from tests.crossplane.agents import Hand
from tests.crossplane.conftest import GROUP, NAMESPACE
from tests.crossplane.older import composite_of
from tests.e2e import manifests
from tests.e2e.hands import Kubectl, Refused

pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.whole]


@pytest.fixture
def composite(older_plane: Kubectl, unique: Callable[[str], str]) -> tuple[str, str]:
    """A claim's name and its composite's."""
    name = unique("older")
    older_plane.apply(manifests.claim(name, NAMESPACE))
    return name, composite_of(older_plane, name, f"databases.{GROUP}")


@pytest.mark.requirement("crossplane-operations:reconcile")
async def test_a_pause_is_proved_and_a_request_is_not(older: Hand, composite: tuple[str, str]) -> None:
    claim, made = composite
    one = {"kind": f"databases.{GROUP}", "name": claim, "namespace": NAMESPACE}
    asked = await older("reconcile_resource", **one, action="now", wait_seconds=1)
    assert "no proof within 1 s: Crossplane before 2.3" in asked
    paused = await older("reconcile_resource", **one, action="pause", tree=True, wait_seconds=30)
    assert f"Database {claim} in namespace {NAMESPACE}, XDatabase {made}: seen by its controller" in paused
    resumed = await older("reconcile_resource", **one, action="resume", tree=True, wait_seconds=30)
    assert "no condition says that it is paused" in resumed


@pytest.mark.requirement("crossplane-operations:usages")
async def test_a_usage_is_changed_and_its_end_replays_a_deletion(
    older: Hand, older_plane: Kubectl, composite: tuple[str, str]
) -> None:
    _, made = composite
    own = {"name": f"{made}-usage"}
    of = {"of_kind": f"xdatabases.{GROUP}", "of_name": made}
    await older("create_usage", **of, reason="ours", wait_seconds=30)
    changed = await older("update_usage", **own, reason="still ours", replay_deletion=True)
    assert "because still ours" in changed
    with pytest.raises(Refused, match="in-use"):
        older_plane.run("delete", f"xdatabases.{GROUP}", made)
    ended = await older("delete_usage", **own)
    assert f"Crossplane then deletes XDatabase/{made}" in older.talk.asked[-1]
    assert "its deletion was replayed; something has made it anew" in ended, "the claim is still there"


@pytest.mark.requirement("crossplane-operations:environments")
async def test_shared_data_is_changed_and_goes(older: Hand, unique: Callable[[str], str]) -> None:
    name = unique("env")
    await older("create_environment_config", name=name, data="{region: eu}")
    await older("update_environment_config", name=name, set=["data.region=us"])
    assert "region: us" in await older("get_environment_config", name=name)
    await older("delete_environment_config", name=name)
    assert "no composition reads it" in older.talk.asked[-1]

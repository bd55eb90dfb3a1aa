"""client-go informers of every kind, while claims are written and the connector is restarted and killed under them."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e import manifests
from tests.e2e.informing import INFORMERS, Informer, beginning, compare, informer
from tests.torture import stages
from tests.torture.churning import RETRYABLE, Churn, churning
from tests.torture.stages import Replica, Stage, eventually

pytestmark = pytest.mark.requirement("torture:informers")
NAMESPACES = ("informed-one", "informed-two")


@pytest.fixture(scope="module")
def bare(folder: Path, crossplane_crds: Path) -> Iterator[Stage]:
    """Without a connector yet."""
    with stages.staged(folder, crossplane_crds) as staged:
        staged.namespaced(*NAMESPACES)
        yield staged


@pytest.fixture(scope="module")
def replica(bare: Stage) -> Iterator[Replica]:
    with bare.replica() as started:
        bare.await_apis()
        yield started


def equal(stage: Stage, informers: dict[str, Informer]) -> None:
    for kind, each in informers.items():
        flags = INFORMERS[kind][1]
        eventually(lambda each=each, flags=flags: compare(stage.app, each, flags))  # type: ignore[misc] # bound now


def restarted(replica: Replica, churn: Churn, *, killed: bool) -> None:
    if killed:
        replica.kill()
    else:
        assert replica.stop() == 0, replica.said()
    replica.start()
    churn.go_on()


def test_all_caches_equal_a_list_after_restarts_and_kills_under_churn(
    bare: Stage, replica: Replica, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        informers: dict[str, Informer] = {}
        for kind, (features, flags) in INFORMERS.items():
            place = tmp_path / kind
            place.mkdir()
            informers[kind] = stack.enter_context(informer(bare.app.cluster.kubeconfig, place, features, *flags))
        for killed in (False, True, False, True):
            with churning(bare, NAMESPACES) as churn:
                churn.go_on()
                restarted(replica, churn, killed=killed)
            assert {code for code, _ in churn.refused} <= RETRYABLE, churn.refused
            equal(bare, informers)
        assert informers["watch-list"].cache(), "something was compared"


def test_an_informer_that_starts_while_the_connector_is_away_syncs_when_it_is_back(
    bare: Stage, replica: Replica, tmp_path: Path
) -> None:
    bare.app.apply(manifests.claim("late", NAMESPACES[0]))
    replica.kill()
    features, flags = INFORMERS["watch-list"]
    with beginning(bare.app.cluster.kubeconfig, tmp_path, features, *flags) as late:
        replica.start()
        late.await_synced()
        eventually(lambda: compare(bare.app, late, flags))
        assert f"{NAMESPACES[0]}/late" in late.cache()

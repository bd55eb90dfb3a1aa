"""The same random operations on a server that stores the kind itself and through the connector."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import Phase

from fairlead.connector import mapping, naming, patching, rewriting, selecting
from fairlead.serving import loops
from tests.differential import machine, servers
from tests.differential.comparing import Difference
from tests.differential.twins import Twins

REAL_SEQUENCES, FAULT_SEQUENCES = 8, 12


def differences(portal: BlockingPortal, twins: Twins) -> Iterator[set[str]]:
    """In words, of one sequence after the other: the same operations on objects of the same names each time."""
    twins.sequence = 0
    for number in range(FAULT_SEQUENCES):
        found: list[Difference] = []
        machine.run(portal, twins, 1, start=number, tell=found.extend, phases=(Phase.generate,))
        yield set(map(str, found))


@pytest.mark.whole
@pytest.mark.real
@pytest.mark.requirement("connector:differential")
def test_no_operation_tells_the_connector_from_a_server_that_stores_the_kind(
    tmp_path: Path, crossplane_crds: Path
) -> None:
    xrd_crd = crossplane_crds / "apiextensions.crossplane.io_compositeresourcedefinitions.yaml"
    with (
        servers.real(tmp_path, xrd_crd) as sides,
        start_blocking_portal(backend_options={"loop_factory": loops.factory()}) as portal,
        portal.wrap_async_context_manager(servers.twins(*sides)) as twins,
    ):
        found: list[Difference] = []
        machine.run(portal, twins, REAL_SEQUENCES, tell=found.extend, phases=(Phase.generate,))
        print(twins.coverage.table())
    assert not found, "\n".join(map(str, found[:20]))
    assert twins.coverage.total >= (REAL_SEQUENCES - 1) * machine.STEPS


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BlockingPortal, Twins, set[str]]]:
    with (
        start_blocking_portal(backend_options={"loop_factory": loops.factory()}) as portal,
        portal.wrap_async_context_manager(servers.embedded(tmp_path_factory.mktemp("differential"))) as twins,
    ):
        yield portal, twins, set().union(*differences(portal, twins))


@contextmanager
def broken(fault: str) -> Iterator[None]:
    """One thing that the rewriting does, left undone."""
    with pytest.MonkeyPatch.context() as patch:
        if fault == "reserved labels are shown":
            patch.setattr(mapping, "_visible", lambda members: members)
        elif fault == "owner references are not given back":
            patch.setattr(mapping, "_references", lambda stashed: None)
        elif fault == "the namespace is not part of the selector":
            patch.setattr(selecting, "_own", lambda scope, namespace: [f"{naming.APP_CLUSTER}={scope.cluster}"])
            patch.setattr(selecting, "check", lambda labels, scope, namespace: None)
        elif fault == "lists stay in the order of hashes":
            patch.setattr(rewriting, "_sorted", lambda shown: [each for _, each in shown])
        elif fault == "names are shown as stored":
            patch.setattr(mapping, "_named", lambda metadata, name, namespace: metadata)
        elif fault == "patches of mapped metadata are passed on":
            patch.setattr(patching, "_touches_names", lambda operation: False)
        yield


FAULTS = (
    "reserved labels are shown",
    "owner references are not given back",
    "the namespace is not part of the selector",
    "lists stay in the order of hashes",
    "names are shown as stored",
    "patches of mapped metadata are passed on",
)


@pytest.mark.requirement("connector:differential-catches")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_rewriting_is_caught(fault: str, embedded: tuple[BlockingPortal, Twins, set[str]]) -> None:
    portal, twins, without = embedded
    with broken(fault):
        assert any(each - without for each in differences(portal, twins))


@pytest.mark.requirement("connector:differential-shrinks")
def test_a_sequence_that_fails_is_made_short(embedded: tuple[BlockingPortal, Twins, set[str]]) -> None:
    portal, twins, _ = embedded

    def tell(found: list[Difference]) -> None:
        if any("ownerReferences" in each.where for each in found):
            machine.refuse(found)

    with broken("owner references are not given back"), pytest.raises(machine.DifferenceError) as raised:
        machine.run(portal, twins, FAULT_SEQUENCES, tell=tell, steps=10)
    shown = "\n".join(raised.value.__notes__)
    assert shown.count("state.") <= len(("begin", "one operation", "teardown")), shown

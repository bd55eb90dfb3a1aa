"""The same random operations on a server that stores the kind itself and through the connector."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, Phase, given, settings

from fairlead.connector import mapping, naming, patching, rewriting, selecting
from tests.differential import generating, servers
from tests.differential.operations import Operation
from tests.differential.twins import Twins

SEQUENCE, REAL_SEQUENCES, FAULT_SEQUENCES = 40, 8, 8
QUICK = settings(
    database=None, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


def run(portal: BlockingPortal, twins: Twins, sequences: int, *, watching: bool) -> list[str]:
    """Every difference in words."""
    found: list[str] = []

    @settings(QUICK, max_examples=sequences)
    @given(generating.sequences(SEQUENCE, watching=watching))
    def sequence(operations: list[Operation]) -> None:
        portal.call(twins.clean)
        for operation in operations:
            found.extend(map(str, portal.call(twins.do, operation)))

    sequence()
    return found


@pytest.mark.real
@pytest.mark.requirement("connector:differential")
def test_no_operation_tells_the_connector_from_a_server_that_stores_the_kind(
    tmp_path: Path, crossplane_crds: Path
) -> None:
    xrd_crd = crossplane_crds / "apiextensions.crossplane.io_compositeresourcedefinitions.yaml"
    with (
        servers.real(tmp_path, xrd_crd) as sides,
        start_blocking_portal(backend_options={"use_uvloop": True}) as portal,
        portal.wrap_async_context_manager(servers.twins(*sides)) as twins,
    ):
        found = run(portal, twins, REAL_SEQUENCES, watching=True)
        print(twins.coverage.table())
    assert not found, "\n".join(found[:20])
    assert twins.coverage.total >= (REAL_SEQUENCES - 1) * SEQUENCE


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BlockingPortal, Twins, set[str]]]:
    with (
        start_blocking_portal(backend_options={"use_uvloop": True}) as portal,
        portal.wrap_async_context_manager(servers.embedded(tmp_path_factory.mktemp("differential"))) as twins,
    ):
        yield portal, twins, set(run(portal, twins, FAULT_SEQUENCES, watching=False))


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
        assert set(run(portal, twins, FAULT_SEQUENCES, watching=False)) - without

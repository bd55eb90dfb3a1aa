"""Real Crossplane comes up, or says why not, and goes."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from testenv import building
from testenv.crossplane import PROGRAMS, RealCrossplane
from testenv.processes import ServerError
from testenv.servers import RealCluster
from tests.clusters import running

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """Crossplane's objects stay in a cluster, so not one that others share."""
    with running("own", tmp_path_factory.mktemp("own")) as started:
        yield started


@pytest.fixture
def dead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """In the place of Crossplane, a program that initializes as it does and cannot start."""
    found = building.binary
    program = tmp_path / "crossplane"
    script = f'#!/bin/sh\n[ $2 = init ] && exec {found("crossplane")} "$@"\necho no such port >&2\nexit 3\n'
    program.write_text(script, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(building, "binary", lambda name: program if name == "crossplane" else found(name))
    return program


@pytest.mark.requirement("testenv:crossplane-core")
def test_both_processes_run_and_none_is_left(own: RealCluster, tmp_path: Path) -> None:
    with RealCrossplane(own, tmp_path) as crossplane:
        pids = [crossplane.process(name).pid for name in ("crossplane", "function")]
        assert all(crossplane.process(name).running for name in ("crossplane", "function"))
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    keys = list(tmp_path.rglob("tls.key"))
    assert len(keys) == 2
    assert {path.stat().st_mode & 0o777 for path in keys} == {0o600}


@pytest.mark.requirement("testenv:crossplane-trouble-told")
@pytest.mark.usefixtures("dead")
def test_a_crossplane_that_cannot_start_is_told_in_one_line_and_leaves_nothing(
    own: RealCluster, tmp_path: Path
) -> None:
    crossplane = RealCrossplane(own, tmp_path / "dead")
    with pytest.raises(ServerError, match=r"crossplane ended with status 3: no such port; its log is") as told:
        crossplane.__enter__()
    assert "\n" not in str(told.value)
    with pytest.raises(KeyError):
        crossplane.process("function")


@pytest.mark.requirement("testenv:crossplane-trouble-told")
@pytest.mark.parametrize(("version", "program"), PROGRAMS.items())
def test_a_crossplane_that_is_not_built_is_told(
    own: RealCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, program: str
) -> None:
    found = building.binary
    monkeypatch.setattr(building, "binary", lambda name: None if name == program else found(name))
    with pytest.raises(ServerError, match=rf"{program} is not built.*make testenv"):
        RealCrossplane(own, tmp_path, version=version).__enter__()

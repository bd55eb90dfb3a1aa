"""The fixtures themselves: one test, two targets; and a skip that cannot pass for a success where it must not."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clusters import ApiServer, Pair

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("testenv:one-suite-two-targets")]
ROOT = Path(__file__).parents[2]
SUITE = """
import sys, pytest
def test_one(cluster): assert cluster.open()
def test_two(pair): assert pair.app.kubeconfig != pair.control_plane.kubeconfig
def test_program(kubectl): assert kubectl.is_file()
def test_plain(): assert not {"testenv.servers", "fairlead.embedded.cluster"} & set(sys.modules)
"""
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """pytest on that suite, on a machine where nothing is built."""
    (tmp_path / "test_suite.py").write_text(SUITE, encoding="utf-8")
    others = ("KUBEBUILDER_ASSETS", "FAIRLEAD_REQUIRE_REAL", "PYTEST_ADDOPTS")
    bare = {key: value for key, value in os.environ.items() if key not in others}
    bare["XDG_CACHE_HOME"] = str(tmp_path / "cache")

    def start(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        options = ["-p", "tests.clusters", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml"), "-v"]
        command = [sys.executable, "-m", "pytest", *options, *arguments, str(tmp_path / "test_suite.py")]
        return subprocess.run(
            command, cwd=ROOT, env=bare | environment, capture_output=True, text=True, timeout=120, check=False
        )

    return start


def outcomes(done: "subprocess.CompletedProcess[str]") -> dict[str, str]:
    lines = [line.split() for line in done.stdout.splitlines() if "::" in line and line.rstrip().endswith("%]")]
    return {words[0].rpartition("::")[2]: words[1] for words in lines}


def test_each_test_has_both_targets_and_the_real_half_is_skipped_with_one_line(run: Run) -> None:
    done = run("-k", "plain or real or program")
    assert done.returncode == 0, done.stdout
    assert outcomes(done) == {
        "test_one[real]": "SKIPPED",
        "test_two[real]": "SKIPPED",
        "test_program": "SKIPPED",
        "test_plain": "PASSED",
    }
    reasons = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    assert len(reasons) == 1
    assert "not built: kube-apiserver, kube-controller-manager, kubectl, etcd" in reasons[0]
    assert "run `make testenv`" in reasons[0]


def test_where_real_servers_are_required_their_lack_is_a_failure(run: Run) -> None:
    done = run("-m", "real", FAIRLEAD_REQUIRE_REAL="1")
    assert done.returncode == 1
    assert "3 errors" in done.stdout or "3 failed" in done.stdout
    assert "not built: kube-apiserver" in done.stdout
    assert "Traceback" not in done.stdout


def test_the_fast_part_needs_nothing_real_and_passes_where_it_is_required(run: Run) -> None:
    done = run("-m", "not real", "-k", "plain or program", FAIRLEAD_REQUIRE_REAL="1")
    assert done.returncode == 0, done.stdout
    assert outcomes(done) == {"test_plain": "PASSED"}


def test_storage_answers_for_both_targets(pair: Pair) -> None:
    group = "apiregistration.k8s.io"
    assert any(key.endswith(f"{group}/apiservices/v1.") for key in pair.stored(group))
    assert pair.stored("never.example.org") == []


async def test_the_owner_may_do_all_and_another_user_nothing(
    api_server: ApiServer, unique: Callable[[str], str]
) -> None:
    name, path = unique("stranger"), "/api/v1/namespaces/default/configmaps"
    async with api_server.cluster.open() as owner, api_server.access(name, ["some"]).open() as stranger:
        assert (await owner.connection.request("GET", path)).status == 200
        refused = await stranger.connection.request("GET", path)
    assert refused.status == 403
    assert isinstance(refused.body, bytes)
    assert f'User \\"{name}\\" cannot list resource'.encode() in refused.body

"""The recorded answers are still those of the real server: what the fast tests compare with is asked for again."""

import json
from pathlib import Path
from typing import Any

import pytest

from fairlead.client.targets import Cluster
from testenv.servers import RealCluster
from tests.machinery import gather_patch_answers, gather_schema_answers

pytestmark = pytest.mark.real


@pytest.fixture
def real(real_app: RealCluster) -> Cluster:
    return real_app.cluster


def _in_order(answer: Any) -> Any:
    """Go visits members in random order, so causes and warnings come in any."""
    ordered = {
        key: sorted(answer[key], key=lambda each: json.dumps(each, sort_keys=True))
        for key in ("causes", "warnings")
        if key in answer
    }
    return {**answer, **ordered}


def _gathered(gather: Any, cluster: Cluster, kubectl: Path) -> Any:
    found: list[Any] = []
    gather_schema_answers.through_kubectl(
        str(cluster.kubeconfig), lambda raw: found.append(gather(raw)), kubectl=str(kubectl)
    )
    return json.loads(json.dumps(found[0]))


@pytest.mark.requirement("schemas:validates-in-the-servers-words", "schemas:formats")
def test_schemas_are_judged_as_recorded(real: Cluster, kubectl: Path) -> None:
    found = _gathered(gather_schema_answers.gather, real, kubectl)
    recorded = json.loads(gather_schema_answers.ANSWERS.read_text())
    assert found["formats"] == recorded["formats"]
    for name, answer in recorded["answers"].items():
        assert _in_order(found["answers"][name]) == _in_order(answer), name


@pytest.mark.requirement("patches:json", "patches:merge", "patches:strategic")
def test_patches_are_applied_as_recorded(real: Cluster, kubectl: Path) -> None:
    assert _gathered(gather_patch_answers.gather, real, kubectl) == json.loads(gather_patch_answers.ANSWERS.read_text())

"""Helm's own life of a release whose chart holds a claim, through the connector, with real Crossplane behind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e import manifests
from tests.e2e.hands import Refused
from tests.e2e.helm import Helm, lives
from tests.e2e.manifests import DATABASES
from tests.e2e.platforms import Platform

pytestmark = pytest.mark.real


@pytest.fixture
def namespace(platform: Platform, unique: Callable[[str], str]) -> str:
    name = unique("helm")
    platform.app.create(manifests.namespace(name))
    return name


@pytest.fixture
def helm(platform: Platform, namespace: str, tmp_path: Path) -> Helm:
    return Helm(platform.app_cluster.kubeconfig, tmp_path, namespace)


@pytest.mark.requirement("e2e:helm-release")
@pytest.mark.parametrize("server_side", ["true", "false"])
def test_a_release_is_installed_upgraded_rolled_back_and_uninstalled(
    platform: Platform, helm: Helm, namespace: str, server_side: str
) -> None:
    lives(platform, helm, namespace, f"--server-side={server_side}")


@pytest.mark.requirement("e2e:helm-refusals")
def test_what_the_api_refuses_helm_says_under_the_claims_own_name(
    platform: Platform, helm: Helm, namespace: str
) -> None:
    with pytest.raises(Refused) as told:
        helm.run("install", "orders", str(helm.chart), "--set=size=huge")
    assert 'Database.demo.example.org "orders" is invalid' in str(told.value)
    assert 'spec.size: Unsupported value: "huge"' in str(told.value)
    assert platform.app.names(DATABASES, namespace) == []


@pytest.mark.requirement("e2e:helm-refusals")
def test_a_claim_that_is_not_of_a_release_is_not_taken_over(platform: Platform, helm: Helm, namespace: str) -> None:
    platform.app.apply(manifests.claim("orders", namespace, size="large"))
    with pytest.raises(Refused, match="cannot be imported into the current release"):
        helm.run("install", "orders", str(helm.chart))
    assert platform.app.get(DATABASES, "orders", namespace)["spec"]["size"] == "large"

"""Helm 4, applying on the server and on the client, and Helm 3: the life of a release whose chart holds a claim."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e import manifests, platforms
from tests.e2e.helm import Helm, lives
from tests.e2e.platforms import Platform

HELMS = {
    "4-server-side": ("helm", "--server-side=true"),
    "4-client-side": ("helm", "--server-side=false"),
    "3": ("helm-3",),
}


@pytest.fixture(scope="module")
def platform(folder: Path) -> Iterator[Platform]:
    """With real Crossplane, so that `--wait` has something to wait for."""
    with platforms.started(folder) as running:
        yield running


@pytest.mark.requirement("torture:helm")
@pytest.mark.parametrize("kind", HELMS)
def test_a_release_is_installed_upgraded_rolled_back_and_uninstalled(
    platform: Platform, unique: Callable[[str], str], tmp_path: Path, kind: str
) -> None:
    namespace = unique("helm")
    platform.app.create(manifests.namespace(namespace))
    program, *how = HELMS[kind]
    lives(platform, Helm(platform.app_cluster.kubeconfig, tmp_path, namespace, program), namespace, *how)


@pytest.mark.requirement("torture:helm")
def test_a_release_of_helm_3_is_upgraded_by_helm_4(
    platform: Platform, unique: Callable[[str], str], tmp_path: Path
) -> None:
    namespace = unique("helm")
    platform.app.create(manifests.namespace(namespace))
    old, new = (Helm(platform.app_cluster.kubeconfig, tmp_path, namespace, each) for each in ("helm-3", "helm"))
    old.run("install", "orders", str(old.chart))
    new.run("upgrade", "orders", str(new.chart), "--set=size=large")
    assert platform.app.get(manifests.DATABASES, "orders", namespace)["spec"]["size"] == "large"
    new.run("uninstall", "orders", "--wait", "--timeout=60s")
    assert platform.app.names(manifests.DATABASES, namespace) == []

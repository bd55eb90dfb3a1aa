from dataclasses import replace
from pathlib import Path

import pytest

from fairlead.connector.settings import ServiceName, Settings, SettingsError

GOOD = Settings(None, Path("cp"), "claims", ServiceName("kube-system", "connector"))
pytestmark = pytest.mark.requirement("connector:settings")


def test_good_settings_pass() -> None:
    replace(GOOD, cluster_id="my-appcluster", allowed_crds=frozenset({"things.example.org"})).check()


@pytest.mark.parametrize(
    "bad",
    [
        replace(GOOD, claim_namespace="A"), replace(GOOD, claim_namespace=""), replace(GOOD, cluster_id="a b"),
        replace(GOOD, cluster_id="x" * 64), replace(GOOD, allowed_crds=frozenset({"things"})),
        replace(GOOD, allowed_crds=frozenset({"Things.example.org"})), replace(GOOD, service_port=0),
        replace(GOOD, service_port=65536),
    ],
)  # fmt: skip
def test_bad_settings_are_one_line(bad: Settings) -> None:
    with pytest.raises(SettingsError) as caught:
        bad.check()
    assert "\n" not in str(caught.value)


def test_a_service_is_a_namespace_and_a_name() -> None:
    assert ServiceName.parse("kube-system/connector").dns == "connector.kube-system.svc"


@pytest.mark.parametrize("text", ["", "connector", "a/b/c", "/b", "a/", "A/b"])
def test_anything_else_is_not(text: str) -> None:
    with pytest.raises(SettingsError):
        ServiceName.parse(text)

"""Quotas that count objects; the words are those of a kube-apiserver asked about a CRD of its own."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery import quotas
from fairlead.machinery.paths import Resource
from fairlead.machinery.quotas import QuotaError

pytestmark = pytest.mark.requirement("machinery:quotas")

NAME = quotas.counted(Resource("demo.local", "v1", "boxes"))


def quota(hard: str | None, used: str | None, name: str = "two", **spec: Any) -> dict[str, Any]:
    status = {key: {NAME: value, "pods": "3"} for key, value in (("hard", hard), ("used", used)) if value is not None}
    return {"metadata": {"name": name, "resourceVersion": "7"}, "spec": spec, "status": status}


def test_objects_are_counted_under_plural_and_group() -> None:
    assert NAME == "count/boxes.demo.local"
    assert quotas.counted(Resource("", "v1", "configmaps")) == "count/configmaps"


def test_a_quota_covers_what_its_status_names() -> None:
    unseen = {"metadata": {"name": "unseen"}, "spec": {"hard": {NAME: "0"}}, "status": {}}
    other = {"metadata": {"name": "other"}, "status": {"hard": {"pods": "1"}}}
    assert quotas.covering([quota("2", "0", "b"), unseen, other, quota("1", "0", "a")], NAME) == [
        quota("1", "0", "a"),
        quota("2", "0", "b"),
    ]


@pytest.mark.parametrize(
    "spec", [{"scopes": ["NotTerminating"]}, {"scopeSelector": {"matchExpressions": [{"operator": "Exists"}]}}]
)
def test_a_quota_with_scopes_covers_nothing_that_is_only_counted(spec: dict[str, Any]) -> None:
    assert quotas.covering([quota("0", "0", **spec)], NAME) == []


def test_a_charge_adds_one_and_nothing_else() -> None:
    before = quota("2", "1")
    after = quotas.charged(before, NAME)
    assert after == quota("2", "2") | {"status": {"hard": {NAME: "2", "pods": "3"}, "used": {NAME: "2", "pods": "3"}}}
    assert before == quota("2", "1")


def test_one_too_many_is_refused_in_the_servers_words() -> None:
    with pytest.raises(QuotaError) as caught:
        quotas.charged(quota("2", "2"), NAME)
    assert str(caught.value) == (
        "exceeded quota: two, requested: count/boxes.demo.local=1, "
        "used: count/boxes.demo.local=2, limited: count/boxes.demo.local=2"
    )


def test_what_was_not_counted_yet_is_refused() -> None:
    with pytest.raises(QuotaError, match=r"^status unknown for quota: two, resources: count/boxes\.demo\.local$"):
        quotas.charged(quota("2", None), NAME)


@given(st.integers(0, 30), st.integers(0, 30))
def test_as_many_fit_as_there_is_room(hard: int, used: int) -> None:
    found, count = quota(str(hard), str(used)), 0
    try:
        while count <= 30:
            found = quotas.charged(found, NAME)
            count += 1
    except QuotaError:
        pass
    assert count == max(0, hard - used)

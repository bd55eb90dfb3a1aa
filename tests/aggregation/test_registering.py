import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.aggregation import registering
from fairlead.aggregation.registering import AUTOMANAGED, DISCOVERY_HASH, Backend, Conflict, Plan, Registration
from fairlead.machinery.paths import GroupVersion

Object = dict[str, Any]
LABELS = {"app.kubernetes.io/managed-by": "fairlead"}
BACKEND = Backend("claims-system", "claims-api", 8443, b"-----CA-----")


def wanted(group: str = "db.example.org", digest: str = "h1", backend: Backend = BACKEND) -> Object:
    return registering.desired(Registration(GroupVersion(group, "v1"), digest), backend, LABELS)


def stored(obj: Object) -> Object:
    """As the API server returns it, with what others added."""
    obj = copy.deepcopy(obj)
    obj["metadata"] |= {"uid": "u1", "resourceVersion": "5", "creationTimestamp": "2026-11-21T10:00:00Z"}
    obj["metadata"].setdefault("annotations", {})["someone/else"] = "kept"
    obj["status"] = {"conditions": [{"type": "Available", "status": "True", "message": "all checks passed"}]}
    return obj


@pytest.mark.requirement("aggregation:registration-plan")
class TestPlan:
    def test_the_object(self) -> None:
        assert wanted() == {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1.db.example.org", "labels": LABELS, "annotations": {DISCOVERY_HASH: "h1"}},
            "spec": {
                "group": "db.example.org",
                "version": "v1",
                "groupPriorityMinimum": 1500,
                "versionPriority": 100,
                "caBundle": "LS0tLS1DQS0tLS0t",
                "service": {"namespace": "claims-system", "name": "claims-api", "port": 8443},
            },
        }

    def test_what_is_missing_is_created(self) -> None:
        assert registering.plan([wanted()], [], LABELS) == Plan(create=(wanted(),))

    def test_what_is_as_it_should_be_is_left_alone(self) -> None:
        assert registering.plan([wanted()], [stored(wanted())], LABELS) == Plan()

    def test_only_the_difference_is_patched_and_only_as_it_was_read(self) -> None:
        moved = wanted(backend=Backend("claims-system", "claims-api", 9443, b"-----CA-----"))
        plan = registering.plan([moved], [stored(wanted())], LABELS)
        patch = {"spec": {"service": {"port": 9443}}, "metadata": {"resourceVersion": "5"}}
        assert plan == Plan(patch=(("v1.db.example.org", patch),))

    def test_what_is_no_longer_listed_is_removed(self) -> None:
        old = stored(wanted("old.example.org"))
        assert registering.plan([wanted()], [stored(wanted()), old], LABELS) == Plan(remove=(old,))

    def test_no_label_would_make_everything_ours(self) -> None:
        with pytest.raises(ValueError, match="without a label"):
            registering.plan([], [stored(wanted())], {})

    @given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)))
    def test_a_difference_to_itself_is_nothing(self, value: Any) -> None:
        assert registering.difference({"a": value}, {"a": value}) == {}

    def test_service_names(self) -> None:
        assert registering.service_names([BACKEND, BACKEND]) == ["claims-api.claims-system.svc"]


@pytest.mark.requirement("aggregation:discovery-hash")
def test_the_hash_is_rewritten_only_when_it_changes() -> None:
    plan = registering.plan([wanted(digest="h2")], [stored(wanted())], LABELS)
    patch = {"metadata": {"annotations": {DISCOVERY_HASH: "h2"}, "resourceVersion": "5"}}
    assert plan == Plan(patch=(("v1.db.example.org", patch),))
    assert registering.plan([wanted(digest="h1")], [stored(wanted())], LABELS) == Plan()


@pytest.mark.requirement("aggregation:registration-conflicts")
class TestConflicts:
    def test_a_crd_of_the_same_group_and_version(self) -> None:
        theirs = stored(wanted())
        theirs["metadata"]["labels"] = {AUTOMANAGED: "true"}
        del theirs["spec"]["service"]
        (conflict,) = registering.plan([wanted()], [theirs], LABELS).conflicts
        assert conflict.name == "v1.db.example.org"
        assert "a CRD or a built-in API" in conflict.owner

    def test_automanaged_counts_even_beside_our_label(self) -> None:
        taken = stored(wanted())
        taken["metadata"]["labels"][AUTOMANAGED] = "onstart"
        assert registering.plan([], [taken], LABELS) == Plan()
        assert [each.name for each in registering.plan([wanted()], [taken], LABELS).conflicts] == ["v1.db.example.org"]

    def test_another_extension_server(self) -> None:
        theirs = stored(wanted())
        theirs["metadata"]["labels"] = {}
        owner = "another extension server, Service claims-system/claims-api"
        assert registering.plan([wanted()], [theirs], LABELS) == Plan(conflicts=(Conflict("v1.db.example.org", owner),))

    def test_somebody_elses_is_never_touched(self) -> None:
        theirs = stored(wanted("other.example.org"))
        theirs["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "helm"}
        local = stored(wanted("local.example.org"))
        del local["metadata"]["labels"], local["spec"]["service"]
        assert registering.plan([], [theirs, local], LABELS) == Plan()
        assert registering.owner(local) == "somebody who registered it as local"


@pytest.mark.requirement("aggregation:registration-plan")
def test_availability_is_read() -> None:
    assert registering.available(stored(wanted())) == (True, "all checks passed")
    assert registering.available(wanted()) == (False, "the aggregator has not looked yet")

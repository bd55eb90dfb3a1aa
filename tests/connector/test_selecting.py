import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.connector import naming, selecting
from fairlead.connector.naming import Identity
from fairlead.machinery import statuses
from fairlead.machinery.selectors import FieldSelector, LabelSelector
from tests.connector.objects import PREFIX, SCOPE, identities

OWN = f"{naming.APP_CLUSTER}={SCOPE.cluster}"


def chosen(identity: Identity, namespace: str, labels: str = "", fields: str = "", **more: str) -> bool:
    """Whether the control plane would answer with that object, which has `more` labels of its own."""
    found = selecting.select(SCOPE, PREFIX, namespace, labels, fields)
    selecting.check(found.labels, SCOPE, namespace)
    stored = {"metadata.name": identity.backend(PREFIX), "metadata.namespace": SCOPE.namespace}
    return LabelSelector.parse(found.labels).matches({**identity.labels, **more}) and FieldSelector.parse(
        found.fields
    ).matches(lambda field: stored.get(field, ""))


@pytest.mark.requirement("connector:selectors")
@given(identities, identities)
def test_a_namespace_holds_its_own_objects_only(one: Identity, other: Identity) -> None:
    assert chosen(one, "")
    assert chosen(one, other.namespace) == (one.namespace == other.namespace)
    assert not chosen(Identity("another", one.namespace, one.name), one.namespace)


@pytest.mark.requirement("connector:selectors")
@given(identities, identities, st.sampled_from(["=", "==", "!="]), st.booleans())
def test_field_selectors_speak_of_app_side_names(one: Identity, other: Identity, operator: str, wide: bool) -> None:
    namespace = "" if wide else one.namespace
    same = {"=": True, "==": True, "!=": False}[operator]
    assert chosen(one, namespace, fields=f"metadata.name{operator}{other.name}") == ((one.name == other.name) == same)
    assert chosen(one, namespace, fields=f"metadata.namespace{operator}{other.namespace}") == (
        (one.namespace == other.namespace) == same
    )


@pytest.mark.requirement("connector:selectors", "connector:reserved-keys")
@pytest.mark.parametrize("key", [naming.APP_CLUSTER, naming.APP_NAMESPACE, naming.RESERVED + "later"])
@pytest.mark.parametrize(
    ("term", "seen"),
    [("{}", False), ("{}=team-a", False), ("{} in (team-a)", False), ("!{}", True), ("{}!=team-a", True),
     ("{} notin (team-a)", True), ("{}>1", False)],
)  # fmt: skip
def test_a_hidden_label_behaves_as_an_absent_one(key: str, term: str, seen: bool) -> None:
    assert chosen(Identity(SCOPE.cluster, "team-a", "orders"), "team-a", term.format(key)) == seen


@pytest.mark.requirement("connector:selectors")
@given(st.sampled_from(["team=shop", "team!=shop", "team in (shop,x)", "!team", "team", "a=b,team=shop"]))
def test_the_clients_terms_only_narrow(labels: str) -> None:
    one = Identity(SCOPE.cluster, "team-a", "orders")
    assert chosen(one, "team-a", labels, team="shop") == LabelSelector.parse(labels).matches({"team": "shop"})


@pytest.mark.requirement("connector:selectors")
@pytest.mark.parametrize("value", ["", "x" * 64, "A_", "no/label", "a b"])
def test_a_value_that_no_object_can_have_finds_nothing(value: str) -> None:
    one = Identity(SCOPE.cluster, "team-a", "orders")
    for field in ("metadata.namespace", "metadata.name"):
        assert not chosen(one, "", fields=f"{field}={value}")
        assert chosen(one, "", fields=f"{field}!={value}")


@pytest.mark.requirement("connector:selectors")
@pytest.mark.parametrize("namespace", ["a%b", "..x", "A_", "x" * 64, "a,b=c", "a\x00"])
def test_a_namespace_that_no_object_can_be_in_is_empty(namespace: str) -> None:
    """As a kube-apiserver's is; what no selector can hold was a failure of ours."""
    found = selecting.select(SCOPE, PREFIX, namespace)
    selecting.check(found.labels, SCOPE, namespace)
    for one in (Identity(SCOPE.cluster, "team-a", "orders"), Identity(SCOPE.cluster, "", "orders")):
        assert not LabelSelector.parse(found.labels).matches(one.labels)


@pytest.mark.requirement("connector:selectors")
@pytest.mark.parametrize(("labels", "fields"), [("a,,b", ""), ("a in", ""), ("", "a"), ("=", "")])
def test_what_is_no_selector_is_a_bad_request(labels: str, fields: str) -> None:
    with pytest.raises(statuses.BadRequest):
        selecting.select(SCOPE, PREFIX, "", labels, fields)


@pytest.mark.requirement("connector:selectors")
def test_other_fields_are_the_control_planes_to_know() -> None:
    assert selecting.select(SCOPE, PREFIX, "", "", "spec.size=small").fields == "spec.size=small"


@pytest.mark.requirement("connector:selectors")
@pytest.mark.parametrize(
    ("labels", "namespace"),
    [("", ""), ("team=shop", ""), (f"{naming.APP_CLUSTER}!={SCOPE.cluster}", ""), (naming.APP_CLUSTER, ""),
     (f"{naming.APP_CLUSTER}=another", ""), (OWN, "team-a"), (f"{OWN},{naming.APP_NAMESPACE}=b", "team-a"),
     (f"{naming.APP_CLUSTER} in ({SCOPE.cluster},another)", ""), ("a,,", "")],
)  # fmt: skip
def test_nothing_is_sent_without_our_own_selector(labels: str, namespace: str) -> None:
    with pytest.raises(selecting.UnscopedError):
        selecting.check(labels, SCOPE, namespace)


@pytest.mark.requirement("connector:query")
def test_only_known_options_travel() -> None:
    sent = {"limit": "5", "labelSelector": "x", "watch": "1", "pretty": "true", "timeout": "1s", "as": "root"}
    assert selecting.passed("list", sent) == {"limit": "5"}
    assert selecting.passed("patch", {"force": "true", "fieldManager": "m"}) == {"force": "true", "fieldManager": "m"}
    assert selecting.passed("patch", {"force": "true"}, {"force"}) == {}

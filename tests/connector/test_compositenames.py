import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.connector import compositenames, mapping, patching, selecting
from fairlead.connector.compositenames import LABEL
from fairlead.connector.mapping import raw
from fairlead.connector.naming import CLAIM_PREFIX, COMPOSITE_PREFIX, Identity
from fairlead.machinery.selectors import LabelSelector
from tests.connector.objects import SCOPE

pytestmark = pytest.mark.requirement("connector:composite-label")

IDENTITY = Identity(SCOPE.cluster, "team-a", "orders")
LABELS = st.dictionaries(st.sampled_from([LABEL, "team"]), st.sampled_from(["orders", "other", ""]))


@given(LABELS)
def test_labels_of_a_composite_survive_the_way_there_and_back(labels: dict[str, str]) -> None:
    metadata = {"name": raw("orders"), "namespace": raw("team-a"), "labels": raw(labels)}
    stored = mapping.inward(metadata, IDENTITY, SCOPE, COMPOSITE_PREFIX)
    there = msgspec.json.decode(stored["labels"])
    if LABEL in labels:
        expected = IDENTITY.backend(COMPOSITE_PREFIX) if labels[LABEL] == "orders" else labels[LABEL]
        assert there[LABEL] == expected
    seen = mapping.outward(stored, IDENTITY)
    assert msgspec.json.decode(seen.get("labels", raw({}))) == labels


@given(
    labels=LABELS,
    name=st.sampled_from(["orders", "other"]),
    selector=st.sampled_from(
        ["{}=orders", "{}!=orders", "{} in (orders,x)", "{} notin (orders)", "{}", "!{}", "team=other"]
    ),
)
def test_a_selector_finds_what_is_shown(labels: dict[str, str], name: str, selector: str) -> None:
    identity, asked = Identity(SCOPE.cluster, "team-a", name), selector.format(LABEL)
    metadata = {"name": raw(name), "namespace": raw("team-a"), "labels": raw(labels)}
    stored = msgspec.json.decode(mapping.inward(metadata, identity, SCOPE, COMPOSITE_PREFIX)["labels"])
    selection = selecting.select(SCOPE, COMPOSITE_PREFIX, "team-a", asked)
    assert LabelSelector.parse(selection.labels).matches(stored) == LabelSelector.parse(asked).matches(labels)


def test_a_claim_keeps_what_it_has() -> None:
    labels = {LABEL: raw("orders")}
    assert compositenames.inward(labels, "orders", IDENTITY.backend(CLAIM_PREFIX)) is labels
    labels = {LABEL: raw(IDENTITY.backend(CLAIM_PREFIX))}
    assert compositenames.outward(labels, IDENTITY.backend(CLAIM_PREFIX), "orders") is labels


def test_a_merge_patch_of_the_label_is_carried_out_where_the_names_are_known() -> None:
    assert patching.merge_fast(b'{"metadata":{"labels":{"team":"a"}}}', "u")
    assert patching.merge_fast(b'{"metadata":{"labels":{"crossplane.io/composite":"orders"}}}', "u") is None

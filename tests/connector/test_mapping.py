"""What goes in comes out; what is the connector's own never does; what is the control plane's own stays."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.connector import mapping, naming
from fairlead.connector.naming import Identity, Scope
from fairlead.machinery import statuses
from tests.connector.objects import PREFIX, SCOPE, app_objects, decode, encode, identities, stored

AN_IDENTITY = Identity(SCOPE.cluster, "team-a", "orders")


def to_backend(metadata: dict[str, Any], identity: Identity = AN_IDENTITY, **more: Any) -> dict[str, Any]:
    found = mapping.inward(mapping.fields(encode(metadata)), identity, SCOPE, PREFIX, **more)
    result: dict[str, Any] = decode(encode(found))
    return result


def to_app(metadata: dict[str, Any], identity: Identity = AN_IDENTITY) -> dict[str, Any]:
    result: dict[str, Any] = decode(encode(mapping.outward(mapping.fields(encode(metadata)), identity)))
    return result


@pytest.mark.requirement("connector:mapping-round-trip")
@given(app_objects())
def test_out_undoes_in(sent: tuple[Identity, dict[str, Any]]) -> None:
    identity, found = sent
    assert to_app(to_backend(found["metadata"], identity), identity) == found["metadata"]


@pytest.mark.requirement("connector:mapping-round-trip")
@given(app_objects())
def test_what_went_in_is_identified(sent: tuple[Identity, dict[str, Any]]) -> None:
    identity, found = sent
    kept = mapping.inward(mapping.fields(encode(found["metadata"])), identity, SCOPE, PREFIX)
    assert mapping.identify(kept, SCOPE, PREFIX) == identity


@pytest.mark.requirement("connector:mapping-round-trip")
@given(app_objects())
def test_values_keep_their_bytes(sent: tuple[Identity, dict[str, Any]]) -> None:
    identity, found = sent
    before = mapping.fields(encode(found["metadata"]))
    after = mapping.outward(mapping.inward(before, identity, SCOPE, PREFIX), identity)
    assert {key: bytes(value) for key, value in after.items()} == {key: bytes(value) for key, value in before.items()}


@pytest.mark.requirement("connector:mapping-round-trip")
def test_escapes_of_label_values_are_kept() -> None:
    sent = b'{"annotations":{"a":"\\u003cb\\u003e \\/ \\u00e9"}}'
    kept = mapping.inward(mapping.fields(sent), AN_IDENTITY, SCOPE, PREFIX)
    assert bytes(kept["annotations"]) == b'{"a":"\\u003cb\\u003e \\/ \\u00e9"}'


@pytest.mark.requirement("connector:identity-labels")
@given(identities, identities)
def test_an_object_is_only_its_own_identitys(one: Identity, other: Identity) -> None:
    found = mapping.fields(encode(stored(one)["metadata"]))
    assert (mapping.identify(found, SCOPE, PREFIX) == other) == (one == other)


@pytest.mark.requirement("connector:foreign-hidden")
@pytest.mark.parametrize(
    "fault",
    [
        {"name": "claim-0000000000000000"},
        {"name": AN_IDENTITY.backend("nxr-")},
        {"namespace": "default"},
        {"labels": {naming.APP_CLUSTER: "another"}},
        {"labels": {naming.APP_NAMESPACE: "another"}},
        {"labels": {naming.APP_RESOURCE_NAME: ""}},
        {"labels": None},
    ],
)
def test_each_mismatch_makes_an_object_foreign(fault: dict[str, Any]) -> None:
    metadata = stored(AN_IDENTITY)["metadata"]
    labels = metadata["labels"] | (fault.get("labels") or {})
    metadata |= fault | {"labels": labels if fault.get("labels", True) else None}
    assert mapping.identify(mapping.fields(encode(metadata)), SCOPE, PREFIX) is None


@pytest.mark.requirement("connector:foreign-hidden")
def test_another_clusters_object_is_foreign() -> None:
    metadata = mapping.fields(encode(stored(AN_IDENTITY)["metadata"]))
    assert mapping.identify(metadata, Scope("another", SCOPE.namespace), PREFIX) is None


@pytest.mark.requirement("connector:reserved-keys")
@given(
    st.dictionaries(
        st.sampled_from(["a", naming.APP_CLUSTER, naming.OWNER_REFERENCES, naming.RESERVED + "x"]), st.text()
    )
)
def test_reserved_keys_of_the_sender_are_dropped(sent: dict[str, str]) -> None:
    kept = to_backend({"name": "orders", "labels": sent, "annotations": sent})
    assert kept["labels"] == {k: v for k, v in sent.items() if k == "a"} | AN_IDENTITY.labels
    assert kept.get("annotations", {}) == {k: v for k, v in sent.items() if k == "a"}


@pytest.mark.requirement("connector:reserved-keys")
def test_every_reserved_key_is_hidden() -> None:
    metadata = stored(AN_IDENTITY, labels={naming.RESERVED + "later": "x"}, annotations={naming.RESERVED + "y": "z"})
    assert to_app(metadata["metadata"]) == {
        "name": "orders", "namespace": "team-a", "uid": "u-1", "resourceVersion": "7",
    }  # fmt: skip


@pytest.mark.requirement("connector:owner-references")
def test_owners_travel_in_an_annotation() -> None:
    owners = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "1", "blockOwnerDeletion": True}]
    kept = to_backend({"name": "orders", "ownerReferences": owners})
    assert "ownerReferences" not in kept
    assert decode(kept["annotations"][naming.OWNER_REFERENCES].encode()) == owners
    assert to_app(stored(AN_IDENTITY, annotations=kept["annotations"])["metadata"])["ownerReferences"] == owners


@pytest.mark.requirement("connector:owner-references")
def test_the_control_planes_own_owners_are_not_shown_and_not_erased() -> None:
    native = [{"apiVersion": "example.org/v1", "kind": "XDatabase", "name": "x", "uid": "9"}]
    metadata = stored(AN_IDENTITY, ownerReferences=native, annotations={naming.RESERVED + "later": "v"})["metadata"]
    assert "ownerReferences" not in to_app(metadata)
    hidden = mapping.hidden_of(mapping.fields(encode(metadata)))
    replaced = to_backend(to_app(metadata), hidden=hidden)
    assert replaced["ownerReferences"] == native
    assert replaced["annotations"] == {naming.RESERVED + "later": "v"}


@pytest.mark.requirement("connector:owner-references")
@pytest.mark.parametrize("value", ["", "null", "{}", "[1]", "nonsense", "[]"])
def test_an_annotation_that_holds_no_references_gives_none(value: str) -> None:
    shown = to_app(stored(AN_IDENTITY, annotations={naming.OWNER_REFERENCES: value})["metadata"])
    assert "ownerReferences" not in shown


@pytest.mark.requirement("connector:verified-uid")
def test_the_verified_uid_is_carried_and_the_senders_own_wins() -> None:
    assert to_backend({"name": "orders"}, uid="u")["uid"] == "u"
    assert to_backend({"name": "orders", "uid": "theirs"}, uid="u")["uid"] == "theirs"
    assert "uid" not in to_backend({"name": "orders"})


@pytest.mark.requirement("connector:mapping-refuses")
@pytest.mark.parametrize(
    "fault", [{"labels": 3}, {"annotations": ["a"]}, {"ownerReferences": {"a": 1}}, {"ownerReferences": [1]}]
)
def test_what_cannot_be_mapped_is_a_bad_request(fault: dict[str, Any]) -> None:
    with pytest.raises(statuses.BadRequest):
        to_backend({"name": "orders", **fault})


@pytest.mark.requirement("connector:mapping-round-trip")
def test_null_maps_count_as_absent() -> None:
    kept = to_backend({"name": "orders", "labels": None, "annotations": None, "ownerReferences": None})
    assert kept["labels"] == AN_IDENTITY.labels
    assert "annotations" not in kept


MANAGED = [
    {
        "manager": "kubectl",
        "operation": "Apply",
        "fieldsV1": {
            "f:metadata": {
                "f:labels": {f"f:{naming.APP_CLUSTER}": {}, f"f:{naming.APP_NAMESPACE}": {}, "f:mine": {}},
                "f:annotations": {".": {}, f"f:{naming.OWNER_REFERENCES}": {}},
                "f:ownerReferences": {".": {}, 'k:{"uid":"1"}': {}},
            },
            "f:spec": {"f:size": {}},
        },
    },
    {"manager": "m", "fieldsV1": {"f:metadata": {"f:labels": {f"f:{naming.APP_CLUSTER}": {}}}}},
    {"manager": "crossplane", "subresource": "status", "fieldsV1": {"f:status": {"f:conditions": {}}}},
]


@pytest.mark.requirement("connector:managed-fields")
def test_hidden_fields_leave_no_trace_in_managed_fields() -> None:
    assert to_app(stored(AN_IDENTITY, managedFields=MANAGED)["metadata"])["managedFields"] == [
        {
            "manager": "kubectl",
            "operation": "Apply",
            "fieldsV1": {"f:metadata": {"f:labels": {"f:mine": {}}}, "f:spec": {"f:size": {}}},
        },
        MANAGED[2],
    ]


@pytest.mark.requirement("connector:managed-fields")
def test_a_list_of_which_nothing_is_left_is_absent() -> None:
    assert "managedFields" not in to_app(stored(AN_IDENTITY, managedFields=[MANAGED[1]])["metadata"])


@pytest.mark.requirement("connector:managed-fields")
@given(st.booleans())
def test_managed_fields_that_come_back_as_they_were_shown_are_no_change(reordered: bool) -> None:
    shown = to_app(stored(AN_IDENTITY, managedFields=MANAGED)["metadata"])["managedFields"]
    echo = [dict(reversed(each.items())) for each in shown] if reordered else shown
    sent = mapping.fields(msgspec.json.encode({"name": "orders", "managedFields": echo}))
    assert "managedFields" not in mapping.without_echo(sent, msgspec.json.encode(MANAGED))
    assert mapping.without_echo(sent, msgspec.json.encode(MANAGED[:1])) == sent
    reset = mapping.fields(b'{"managedFields":[]}')
    assert mapping.without_echo(reset, msgspec.json.encode(MANAGED)) == reset


def last_applied(document: Any) -> dict[str, Any]:
    text = msgspec.json.encode(document).decode() + "\n"
    metadata: dict[str, Any] = stored(AN_IDENTITY, annotations={mapping.LAST_APPLIED: text})["metadata"]
    return metadata


@pytest.mark.requirement("connector:last-applied")
def test_a_last_applied_of_the_stored_object_is_mapped() -> None:
    kept = stored(AN_IDENTITY, annotations={naming.OWNER_REFERENCES: "[]", "a": "b"})
    kept["spec"] = {"exact": 9007199254740993}
    shown = to_app(last_applied(kept))["annotations"][mapping.LAST_APPLIED]
    assert shown.endswith("\n")
    metadata = {
        "name": "orders",
        "namespace": "team-a",
        "resourceVersion": "7",
        "annotations": {"a": "b"},
    }
    assert decode(shown.encode()) == {**kept, "metadata": metadata}


@pytest.mark.requirement("connector:last-applied")
@pytest.mark.parametrize("text", ["nonsense", "[]", "{}", '{"metadata":{"name":"orders","labels":{"a":"b"}}}'])
def test_any_other_last_applied_is_left_alone(text: str) -> None:
    metadata = stored(AN_IDENTITY, annotations={mapping.LAST_APPLIED: text})["metadata"]
    assert to_app(metadata)["annotations"][mapping.LAST_APPLIED] == text

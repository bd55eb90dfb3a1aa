import pytest

from fairlead.connector import bodies, mapping
from fairlead.machinery import statuses
from tests.connector.objects import encode

OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "", "uid": "u"}


@pytest.mark.requirement("connector:duplicate-keys")
@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"kind":"A","kind":"B"}', ["kind"]),
        (b'{"metadata":{"labels":{"a":"b","a":"c"}}}', ["metadata.labels.a"]),
        (b'{"spec":{"a":1,"a":2}}', []),
        (b'{"spec":{"a":1,"a":2,"writeConnectionSecretToRef":{}}}', []),
        (
            b'{"spec":{"a":1,"a":2,"b":{"c":1,"c":2},"writeConnectionSecretToRef":{"name":"x","name":"y"}}}',
            ["spec.a", "spec.writeConnectionSecretToRef.name"],
        ),
        (b"a: 1", []),
        (b"{", []),
    ],
)
def test_keys_that_mapping_would_lose_are_found(body: bytes, found: list[str]) -> None:
    assert bodies.duplicates(body) == found


@pytest.mark.requirement("connector:first-refusal")
def test_a_new_object_is_refused_for_its_name_and_its_owners_at_once() -> None:
    metadata = bodies.metadata_of({"metadata": mapping.raw({"ownerReferences": [OWNER]})})
    with pytest.raises(statuses.Invalid) as refused:
        bodies.check_new(metadata, "Bad_Name", "g", "Widget")
    assert [each["field"] for each in refused.value.causes] == ["metadata.name", "metadata.ownerReferences.name"]


@pytest.mark.requirement("connector:first-refusal")
def test_the_owners_of_a_change_are_refused_as_often_as_the_api_server_validates_them_and_told_once() -> None:
    metadata = bodies.metadata_of({"metadata": mapping.raw({"ownerReferences": [OWNER]})})
    with pytest.raises(statuses.Invalid) as refused:
        bodies.check_owners(metadata, "a", "g", "Widget", times=3)
    assert len(refused.value.causes) == 3
    assert refused.value.message.count("must not be empty") == 1


@pytest.mark.requirement("connector:apply-creates")
def test_an_applied_object_has_a_namespace_if_it_was_sent_with_one() -> None:
    stored = mapping.fields(encode({"name": "claim-x", "namespace": "claims"}))
    assert bodies.as_applied(stored, {"namespace": mapping.raw("team-a")}) == stored
    assert "namespace" not in bodies.as_applied(stored, {})

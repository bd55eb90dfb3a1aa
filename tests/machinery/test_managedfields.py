from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery import fieldsets, managedfields

HIDDEN = [fieldsets.label("our/label"), fieldsets.annotation("our/note"), fieldsets.owner("u-1")]


def entry(fields: dict[str, Any], manager: str = "m") -> dict[str, Any]:
    return {"manager": manager, "operation": "Update", "time": "2026-01-01T00:00:00Z", "fieldsV1": fields}


@pytest.mark.requirement("machinery:managed-fields-hidden")
class TestWithout:
    def test_what_is_hidden_goes_with_its_emptied_parents(self) -> None:
        fields = {
            "f:metadata": {
                "f:annotations": {".": {}, "f:our/note": {}},
                "f:labels": {".": {}, "f:our/label": {}, "f:theirs": {}},
                "f:ownerReferences": {".": {}, 'k:{"uid":"u-1"}': {".": {}, "f:name": {}}},
            },
            "f:spec": {"f:size": {}},
        }
        assert managedfields.without([entry(fields)], HIDDEN) == [
            entry({"f:metadata": {"f:labels": {".": {}, "f:theirs": {}}}, "f:spec": {"f:size": {}}})
        ]

    def test_an_entry_without_fields_goes(self) -> None:
        ours = entry({"f:metadata": {"f:labels": {".": {}, "f:our/label": {}}}}, "ours")
        theirs = entry({"f:spec": {}}, "theirs")
        assert managedfields.without([ours, theirs], HIDDEN) == [theirs]

    def test_an_owner_written_with_spaces_is_found(self) -> None:
        fields: dict[str, Any] = {"f:metadata": {"f:ownerReferences": {'k:{"uid": "u-1"}': {}}}, "f:spec": {}}
        assert managedfields.without([entry(fields)], HIDDEN) == [entry({"f:spec": {}})]

    def test_what_cannot_be_read_is_kept(self) -> None:
        strange = [
            entry({}),
            {"manager": "m", "fieldsV1": None},
            entry({"f:metadata": {"f:ownerReferences": {"k:": {}}}}),
        ]
        assert managedfields.without(strange, HIDDEN) == strange

    @given(
        st.frozensets(
            st.tuples(
                st.just("f:metadata"),
                st.sampled_from(["f:labels", "f:annotations"]),
                st.sampled_from(["f:our/label", "f:our/note", "f:theirs"]),
            )
        ),
        st.frozensets(st.sampled_from([("f:metadata", "f:labels"), ("f:metadata", "f:annotations"), ("f:spec",)])),
    )
    def test_it_says_what_the_field_sets_say(self, leaves: fieldsets.FieldSet, parents: fieldsets.FieldSet) -> None:
        whole = leaves | parents
        shown = managedfields.without([entry(fieldsets.write(whole))] if whole else [], HIDDEN)
        left = fieldsets.read(shown[0]["fieldsV1"]) if shown else frozenset()
        expected = fieldsets.without(whole, HIDDEN)
        lost = {each[:2] for each in whole - expected}
        kept = {each[:2] for each in expected if len(each) > 2}
        assert left == expected - (lost - kept)

import pytest

from fairlead.machinery import redacting
from fairlead.resources import cleaning
from fairlead.resources.cleaning import NoSuchFieldError

pytestmark = pytest.mark.requirement("resources:cleaned-objects")

OBJECT = {
    "status": {"phase": "Active"},
    "spec": {"replicas": 2, "password": "hush"},
    "metadata": {
        "name": "a",
        "managedFields": [{}],
        "annotations": {redacting.LAST_APPLIED: "{}", "example.org/note": "x"},
        "finalizers": ["f"],
    },
    "kind": "Web",
    "apiVersion": "example.org/v1",
}


def test_bookkeeping_goes_and_the_rest_is_in_reading_order() -> None:
    shown = cleaning.cleaned(OBJECT)
    assert list(shown) == ["apiVersion", "kind", "metadata", "spec", "status"]
    assert shown["metadata"] == {"name": "a", "finalizers": ["f"], "annotations": {"example.org/note": "x"}}
    assert shown["spec"] == {"replicas": 2, "password": redacting.MARKER}
    assert OBJECT["metadata"]["managedFields"] == [{}]  # type: ignore[index]  # the table above is one plain dict


def test_chosen_fields_stay_in_their_places() -> None:
    shown = cleaning.selected(cleaning.cleaned(OBJECT), ["spec.replicas", "metadata.annotations.example.org/note"])
    assert shown == {"spec": {"replicas": 2}, "metadata": {"annotations": {"example.org/note": "x"}}}


def test_a_field_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(NoSuchFieldError, match=r"no field 'spec\.size'; there are: replicas, password"):
        cleaning.selected(OBJECT, ["spec.size"])

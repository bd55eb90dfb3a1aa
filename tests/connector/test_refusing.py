import pytest

from fairlead.connector import refusing
from fairlead.machinery import statuses
from fairlead.machinery.statuses import StatusError

pytestmark = pytest.mark.requirement("connector:first-refusal")

OWNERS, LABELS = "metadata.ownerReferences.name", "metadata.labels"
PLACE = statuses.BadRequest("the name of the object (b) does not match the name on the URL (a)")
NO_NAMESPACE = statuses.NotFound('namespaces "x" not found', {"name": "x", "kind": "namespaces"})
NO_OBJECT = statuses.NotFound('widgets.g "a" not found', {"name": "a", "group": "g", "kind": "widgets"})
STALE = statuses.Conflict("the object has been modified", {"name": "a"})


def invalid(*fields: str) -> statuses.Invalid:
    return statuses.invalid("g", "Widget", "a", [statuses.cause(each, "wrong", "FieldValueInvalid") for each in fields])


@pytest.mark.parametrize(
    ("ours", "theirs", "first"),
    [
        (NO_NAMESPACE, statuses.BadRequest("strict decoding error"), "theirs"),
        (NO_NAMESPACE, invalid("spec.size"), "ours"),
        (NO_NAMESPACE, STALE, "theirs"),
        (NO_NAMESPACE, statuses.InternalError("out of order"), "ours"),
        (PLACE, NO_OBJECT, "ours"),
        (PLACE, STALE, "ours"),
        (invalid(OWNERS), invalid("kind", "spec.size"), "theirs"),
        (invalid(OWNERS), NO_OBJECT, "theirs"),
        (invalid(OWNERS), STALE, "theirs"),
    ],
)
def test_what_a_server_that_stores_the_object_would_say_first_is_said(
    ours: StatusError, theirs: StatusError, first: str
) -> None:
    assert refusing.sooner(ours, theirs, readable=True) is (ours if first == "ours" else theirs)


def test_that_there_is_no_such_object_comes_first_where_the_request_is_about_it() -> None:
    assert refusing.sooner(PLACE, NO_OBJECT, readable=True, concerns=True) is NO_OBJECT


@pytest.mark.parametrize(
    ("ours", "theirs", "told"),
    [
        (["metadata.name", OWNERS], ["metadata.generateName", "spec.size"],
         ["metadata.generateName", "metadata.name", OWNERS, "spec.size"]),
        ([OWNERS] * 3, [LABELS, "metadata.finalizers", LABELS, LABELS, "spec.size"],
         [LABELS, OWNERS, "metadata.finalizers", LABELS, OWNERS, LABELS, OWNERS, "spec.size"]),
        ([OWNERS] * 3, ["spec.size"], [OWNERS, OWNERS, OWNERS, "spec.size"]),
    ],
)  # fmt: skip
def test_both_refusals_are_told_in_the_order_of_validation(ours: list[str], theirs: list[str], told: list[str]) -> None:
    both = refusing.sooner(invalid(*ours), invalid(*theirs), readable=True)
    assert [each["field"] for each in both.causes] == told

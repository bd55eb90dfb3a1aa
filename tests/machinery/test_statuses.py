import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery import statuses
from fairlead.machinery.paths import Resource
from fairlead.machinery.statuses import StatusError

THINGS = Resource("g.io", "v1", "things")


@pytest.mark.requirement("machinery:status-wording")
@pytest.mark.parametrize(
    ("error", "code", "reason", "message"),
    [
        (statuses.not_found(THINGS, "x"), 404, "NotFound", 'things.g.io "x" not found'),
        (statuses.already_exists(THINGS, "x"), 409, "AlreadyExists", 'things.g.io "x" already exists'),
        (
            statuses.conflict(THINGS, "x", statuses.STALE),
            409,
            "Conflict",
            'Operation cannot be fulfilled on things.g.io "x": the object has been modified; '
            "please apply your changes to the latest version and try again",
        ),
        (statuses.forbidden(THINGS, "", "no"), 403, "Forbidden", "things.g.io is forbidden: no"),
        (
            statuses.invalid("g.io", "Thing", "x", [statuses.cause("spec.a", "Required value", "FieldValueRequired")]),
            422,
            "Invalid",
            'Thing.g.io "x" is invalid: spec.a: Required value',
        ),
        (
            statuses.invalid("", "Pod", "x", [statuses.cause("a", "no"), statuses.cause("b", "no")]),
            422,
            "Invalid",
            'Pod "x" is invalid: [a: no, b: no]',
        ),
    ],
)
def test_wording(error: StatusError, code: int, reason: str, message: str) -> None:
    body = error.to_object()
    assert (body["kind"], body["apiVersion"], body["status"]) == ("Status", "v1", "Failure")
    assert (body["code"], body["reason"], body["message"]) == (code, reason, message)


@pytest.mark.requirement("machinery:status-wording")
def test_details_name_the_plural_but_an_invalid_object_names_its_kind() -> None:
    assert statuses.not_found(THINGS, "x").details == {"name": "x", "group": "g.io", "kind": "things"}
    assert statuses.invalid("g.io", "Thing", "x", [statuses.cause("a", "no")]).details["kind"] == "Thing"
    assert statuses.no_such_resource().to_object()["details"] == {}
    assert "details" not in statuses.BadRequest("no").to_object()
    assert statuses.success(THINGS, "x", "u")["details"]["uid"] == "u"


@pytest.mark.requirement("machinery:status-round-trip")
@given(st.sampled_from(sorted(statuses._BY_REASON)), st.text(min_size=1), st.dictionaries(st.text(), st.integers()))
def test_a_status_reads_back(reason: str, message: str, details: dict[str, int]) -> None:
    error = statuses._BY_REASON[reason](message, details)
    again = statuses.from_object(error.to_object())
    assert type(again) is type(error)
    assert again.to_object() == error.to_object()


@pytest.mark.requirement("machinery:status-round-trip")
@pytest.mark.parametrize(
    ("body", "code", "kind"),
    [
        ({}, 404, statuses.NotFound),
        ({"reason": "Brand New", "code": 409}, None, statuses.Conflict),
        ({"reason": "AlreadyExists"}, 409, statuses.AlreadyExists),
        ({"reason": "Gone"}, 410, statuses.Expired),
        ({}, None, statuses.InternalError),
        ({}, 418, StatusError),
    ],
)
def test_a_poor_status_still_says_what_it_can(
    body: dict[str, object], code: int | None, kind: type[StatusError]
) -> None:
    assert type(statuses.from_object(body, code)) is kind


@pytest.mark.requirement("machinery:status-round-trip")
def test_causes_and_retry_are_readable() -> None:
    error = statuses.from_object({"code": 429, "details": {"retryAfterSeconds": 3, "causes": [{"field": "a"}]}})
    assert (error.retry_after, error.causes) == (3, [{"field": "a"}])

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.connector import answering
from fairlead.connector.answering import Names
from fairlead.connector.naming import Identity, Scope
from fairlead.machinery import statuses
from fairlead.machinery.messages import Headers
from fairlead.machinery.paths import Resource
from tests.connector.objects import PREFIX, SCOPE, decode, identities

A = Identity(SCOPE.cluster, "team-a", "orders")
NAMES = Names(SCOPE, PREFIX, A)
DATABASES = Resource("demo.example.org", "v1", "databases")


@pytest.mark.requirement("connector:status-names")
@given(identities)
def test_every_name_of_a_status_is_mapped_back(identity: Identity) -> None:
    stored, shown = identity.backend(PREFIX), identity.name
    names = Names(SCOPE, PREFIX, identity)
    for make in (statuses.not_found, statuses.already_exists):
        found = answering.failure(make(DATABASES, stored).to_object(), make(DATABASES, stored).status_code, names)
        assert found.to_object() == make(DATABASES, shown).to_object()


@pytest.mark.requirement("connector:status-names")
def test_causes_are_mapped_and_codes_kept() -> None:
    causes = [statuses.cause("metadata.name", f'Invalid value: "{A.backend(PREFIX)}": no')]
    status = statuses.invalid("demo.example.org", "Database", A.backend(PREFIX), causes).to_object()
    found = answering.failure(status, 422, NAMES)
    assert found.message == 'Database.demo.example.org "orders" is invalid: metadata.name: Invalid value: "orders": no'
    assert found.causes[0]["message"] == 'Invalid value: "orders": no'
    assert found.details["name"] == "orders"


@pytest.mark.requirement("connector:nothing-leaks")
@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "StorageError: invalid object, Code: 4, Key: /registry/demo.example.org/databases/claims-of-a/"
            "claim-0000000000000000, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID",
            "StorageError: invalid object, Code: 4, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID",
        ),
        (
            f"Code: 4, Key: /registry/g/databases/claims-of-a/{NAMES.backend}, x",
            "Code: 4, Key: /registry/g/databases/team-a/orders, x",
        ),
        ('Invalid value: {"labels":{"mcp-connector.upbound.io/app-cluster":"x"}}: no', "Invalid value: {...}: no"),
        ('in the namespace "claims-of-a"', 'in the namespace "team-a"'),
        ("claims-of-a/x and 'claims-of-a'", "claims-of-a/x and 'team-a'"),
        ("claim-0123456789abcdef is not yours", "(unknown) is not yours"),
    ],
)
def test_what_only_the_control_plane_knows_does_not_pass(said: str, shown: str) -> None:
    assert NAMES.text(said) == shown


@pytest.mark.requirement("connector:own-credentials")
@pytest.mark.parametrize(
    ("status", "code"),
    [
        ({"reason": "Unauthorized", "message": "Unauthorized"}, 401),
        (
            {
                "reason": "Forbidden",
                "message": 'databases.demo.example.org is forbidden: User "system:serviceaccount:c:connector" cannot '
                'list resource "databases" in API group "demo.example.org" in the namespace "claims-of-a"',
            },
            403,
        ),
    ],
)
def test_a_refusal_of_our_own_credentials_is_not_the_callers(status: dict[str, Any], code: int) -> None:
    found = answering.failure(status, code, NAMES)
    assert found.status_code == 500
    assert "connector:" not in str(found)


@pytest.mark.requirement("connector:own-credentials")
def test_a_refusal_by_admission_is_the_callers() -> None:
    status = {"reason": "Forbidden", "message": f'admission webhook "w" denied {A.backend(PREFIX)}', "details": {}}
    found = answering.failure(status, 403, NAMES)
    assert (found.status_code, found.message) == (403, 'admission webhook "w" denied orders')


@pytest.mark.requirement("connector:outage-answers")
def test_an_api_that_is_gone_for_the_moment_is_unavailable_not_absent() -> None:
    found = answering.failure(statuses.no_such_resource().to_object(), 404, NAMES)
    assert (found.status_code, found.retry_after) == (503, 5)


@pytest.mark.requirement("connector:outage-answers")
def test_a_missing_claim_namespace_is_not_the_callers() -> None:
    missing = statuses.not_found(Resource("", "v1", "namespaces"), SCOPE.namespace)
    found = answering.failure(missing.to_object(), 404, NAMES)
    assert found.status_code == 500
    assert SCOPE.namespace not in str(found)


@pytest.mark.requirement("connector:outage-answers")
@pytest.mark.parametrize(
    ("sent", "writes", "code"), [(False, False, 503), (False, True, 503), (True, False, 503), (True, True, 504)]
)
def test_only_a_write_that_was_sent_is_a_timeout(sent: bool, writes: bool, code: int) -> None:
    answer = answering.respond(answering.unreachable(sent=sent, writes=writes))
    assert answer.status == code
    assert (answer.headers.get("retry-after") != "") == (code == 503)
    assert isinstance(answer.body, bytes)
    assert decode(answer.body)["code"] == code


@pytest.mark.requirement("connector:headers")
def test_warnings_keep_order_and_number_and_nothing_else_passes() -> None:
    upstream = Headers(
        [
            ("Warning", f'299 - "{A.backend(PREFIX)} is old"'),
            ("Audit-Id", "x"),
            ("Warning", '299 - "two"'),
            ("X-Kubernetes-Pf-Flowschema-Uid", "y"),
            ("Retry-After", "3"),
            ("Content-Length", "7"),
        ]
    )
    assert answering.headers(upstream, NAMES).lines == (
        ("content-type", "application/json"),
        ("warning", '299 - "orders is old"'),
        ("warning", '299 - "two"'),
        ("retry-after", "3"),
    )


@pytest.mark.requirement("connector:nothing-leaks")
@given(st.text(max_size=20), st.text(max_size=20))
def test_no_hashed_name_ever_passes(before: str, after: str) -> None:
    names = Names(Scope("c", "ns"), PREFIX)
    assert A.backend(PREFIX) not in names.text(f"{before} {A.backend(PREFIX)} {after}")

"""Which CEL policies of the app cluster would have matched claims, had anybody evaluated them."""

import logging
from typing import Any

import pytest

from fairlead.client.api import Client
from fairlead.client.watching import Applied, Deleted, Interrupted, Listed
from fairlead.connector import policies
from fairlead.connector.policies import BINDINGS, POLICIES, PolicyWatch, Unenforced, unenforced
from fairlead.machinery import statuses
from fairlead.machinery.paths import Resource
from testenv.servers import RealCluster
from tests.connector.test_running import eventually

pytestmark = pytest.mark.requirement("connector:policies-unenforced")
Object = dict[str, Any]
DATABASES, QUEUES = Resource("demo.example.org", "v1", "databases"), Resource("demo.example.org", "v1", "queues")
SERVED = (DATABASES, QUEUES)
VALIDATING = "ValidatingAdmissionPolicy"


def rule(*resources: str, versions: tuple[str, ...] = ("*",), operations: tuple[str, ...] = ("*",)) -> Object:
    return {
        "apiGroups": ["demo.example.org"], "apiVersions": [*versions], "operations": [*operations],
        "resources": [*resources],
    }  # fmt: skip


def policy(*rules: Object, kind: str = VALIDATING, **more: Any) -> Object:
    constraints = {"resourceRules": [*rules], **more}
    spec = {"matchConstraints": constraints, "validations": [{"expression": "true"}], "failurePolicy": "Fail"}
    document = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": "p"}}
    return {**document, "spec": spec}


def binding(kind: str = VALIDATING, **more: Any) -> Object:
    document = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": f"{kind}Binding", "metadata": {"name": "b"}}
    return {**document, "spec": {"policyName": "p", "validationActions": ["Deny"], **more}}


DATABASE_ONLY = [Unenforced(VALIDATING, "p", ("databases.demo.example.org",))]
BOTH = [Unenforced(VALIDATING, "p", ("databases.demo.example.org", "queues.demo.example.org"))]


@pytest.mark.parametrize(
    ("found", "bound", "expected"),
    [
        (policy(rule("databases")), [binding()], DATABASE_ONLY),
        (policy(rule("*")), [binding()], BOTH),
        (policy(rule("databases/status")), [binding()], DATABASE_ONLY),
        (policy(rule("databases", versions=("v2",))), [binding()], DATABASE_ONLY),
        (policy(rule("databases", versions=("v2",)), matchPolicy="Exact"), [binding()], []),
        (policy(rule("databases", operations=("CONNECT",))), [binding()], []),
        (policy(rule("*"), excludeResourceRules=[rule("queues")]), [binding()], DATABASE_ONLY),
        (policy(rule("deployments")), [binding()], []),
        (policy(rule("databases")), [], []),
        (policy(rule("databases")), [binding("MutatingAdmissionPolicy")], []),
        (policy(rule("databases")), [binding(matchResources={"resourceRules": [rule("pods")]})], []),
        (policy(rule("databases")), [binding(matchResources={"namespaceSelector": {}})], DATABASE_ONLY),
    ],
)
def test_a_policy_counts_that_is_bound_and_names_what_is_served(
    found: Object, bound: list[Object], expected: list[Unenforced]
) -> None:
    assert unenforced([found], bound, SERVED) == expected


def test_each_is_told_once_and_only_while_it_is_there(caplog: pytest.LogCaptureFixture) -> None:
    watch = PolicyWatch(Client.__new__(Client), lambda: SERVED)
    watch.heard(POLICIES[0], Listed([policy(rule("databases"))], "1"))
    watch.heard(POLICIES[1], Interrupted(statuses.no_such_resource()))
    assert watch.found() == []
    with caplog.at_level(logging.WARNING, logger=policies.__name__):
        watch.heard(BINDINGS[0], Applied(binding()))
        assert watch.found() == watch.found() == DATABASE_ONLY
    assert [each.getMessage() for each in caplog.records] == [
        f"{VALIDATING} p (databases.demo.example.org) of the app cluster is not evaluated for claims: its CEL runs for "
        "local objects only"
    ]
    watch.heard(BINDINGS[0], Deleted(binding()))
    assert watch.found() == []


@pytest.mark.anyio
@pytest.mark.real
async def test_they_are_read_from_a_real_server(real_app: RealCluster) -> None:
    """Whose own defaults and lists without kinds are what is read."""
    async with real_app.cluster.open() as client:
        await client.create(POLICIES[0], policy(rule("databases")))
        await client.create(BINDINGS[0], binding())
        try:

            async def seen() -> None:
                assert await policies.look(client, SERVED) == DATABASE_ONLY

            await eventually(seen)
        finally:
            await client.delete(BINDINGS[0], "b")
            await client.delete(POLICIES[0], "p")

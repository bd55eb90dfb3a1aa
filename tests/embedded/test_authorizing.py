import pytest

from fairlead.embedded.authorizing import Policy
from fairlead.embedded.reviewing import asked
from fairlead.machinery.paths import RequestInfo
from fairlead.machinery.principals import Principal
from tests.embedded import rbac

pytestmark = pytest.mark.requirement("embedded:rbac")

POLICY = Policy(rbac.CLUSTER_ROLES, rbac.CLUSTER_ROLE_BINDINGS, rbac.ROLES, rbac.ROLE_BINDINGS)


@pytest.mark.parametrize(("principal", "question", "allowed"), rbac.CASES)
def test_cases(principal: Principal, question: rbac.Object, allowed: bool) -> None:
    assert POLICY.decide(principal, asked(question)).allowed == allowed


@pytest.mark.parametrize(
    ("principal", "question", "reason"),
    [
        (
            rbac.READER,
            rbac.resource("list", "pods"),
            'RBAC: allowed by ClusterRoleBinding "case-readers" of ClusterRole "case-reader" to Group "case-readers"',
        ),
        (
            rbac.ROBOT,
            rbac.resource("create", "configmaps", **rbac.IN),
            'RBAC: allowed by RoleBinding "case-editors/rbac-cases" of Role "case-editor" '
            'to ServiceAccount "robot/rbac-cases"',
        ),
        (
            Principal("namer"),
            rbac.resource("get", "configmaps", name="one", **rbac.IN),
            'RBAC: allowed by RoleBinding "case-namers/rbac-cases" of ClusterRole "case-named" to User "namer"',
        ),
        (rbac.MASTER, rbac.resource("get", "pods"), ""),
        (rbac.READER, rbac.resource("get", "secrets"), ""),
        (
            Principal("dangler"),
            rbac.resource("get", "pods"),
            'RBAC: clusterrole.rbac.authorization.k8s.io "case-absent" not found',
        ),
        (
            Principal("dangler"),
            rbac.resource("get", "pods", **rbac.IN),
            'RBAC: [clusterrole.rbac.authorization.k8s.io "case-absent" not found, '
            'role.rbac.authorization.k8s.io "case-absent" not found]',
        ),
    ],
)
def test_reasons(principal: Principal, question: rbac.Object, reason: str) -> None:
    assert POLICY.decide(principal, asked(question)).reason == reason


def test_without_roles_only_masters_may() -> None:
    info = RequestInfo("get", "", True, "", "v1", "ns", "pods")
    assert not Policy().decide(rbac.OWNER, info).allowed
    assert Policy().decide(rbac.MASTER, info).allowed


def test_a_service_account_subject_without_a_namespace_is_of_the_bindings() -> None:
    bound = rbac.binding("b", "case-editor", {"kind": "ServiceAccount", "name": "robot"}, namespace=rbac.NAMESPACE)
    policy = Policy(roles=rbac.ROLES, role_bindings=[bound])
    info = RequestInfo("get", "", True, "", "v1", rbac.NAMESPACE, "configmaps")
    decision = policy.decide(rbac.ROBOT, info)
    assert decision.reason.endswith('to ServiceAccount "robot/rbac-cases"')


def test_a_role_without_rules_and_a_binding_without_subjects_allow_nothing() -> None:
    empty = {"metadata": {"name": "empty"}, "rules": None}
    unbound = {**rbac.binding("u", "case-everything"), "subjects": None}
    policy = Policy([empty, *rbac.CLUSTER_ROLES], [rbac.binding("e", "empty", rbac.user("a")), unbound])
    assert not policy.decide(Principal("a"), RequestInfo("get", "/")).allowed

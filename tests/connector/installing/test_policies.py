from typing import Any

import pytest

from fairlead.client.api import Client
from fairlead.connector.installing import policies
from fairlead.connector.installing.gathering import gather
from fairlead.connector.installing.installed import Installed
from fairlead.connector.settings import ServiceName
from fairlead.machinery.paths import Resource
from tests.clusters import Pair

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("connector:doctor-policies")]
Object = dict[str, Any]
SERVED = [Resource("demo.example.org", "v1alpha1", "databases")]


def rule(**changed: Any) -> Object:
    found = {"apiGroups": ["demo.example.org"], "apiVersions": ["v1alpha1"], "resources": ["databases"]}
    return {**found, "operations": ["CREATE"], **changed}


def policy(*rules: Object, kind: str = policies.VALIDATING, **spec: Any) -> Object:
    constraints = {"resourceRules": list(rules), **spec}
    return {"kind": kind, "metadata": {"name": "limits"}, "spec": {"matchConstraints": constraints}}


def binding(kind: str = policies.VALIDATING, name: str = "limits") -> Object:
    return {"kind": f"{kind}Binding", "metadata": {"name": "b"}, "spec": {"policyName": name}}


@pytest.mark.parametrize("kind", [policies.VALIDATING, policies.MUTATING])
def test_a_bound_policy_that_matches_is_named(kind: str) -> None:
    assert policies.unenforced([policy(rule(), kind=kind)], [binding(kind)], SERVED) == (f"{kind} limits",)


@pytest.mark.parametrize(
    ("each", "matches"),
    [
        (policy(rule(resources=["*"])), True),
        (policy(rule(apiGroups=["*"], operations=["*"])), True),
        (policy(rule(apiVersions=["v9"])), True),
        (policy(rule(apiVersions=["v9"]), matchPolicy="Exact"), False),
        (policy(rule(operations=["CONNECT"])), False),
        (policy(rule(apiGroups=["apps"])), False),
        (policy(rule(resources=["databases/status"])), False),
        (policy(rule(scope="Cluster")), False),
        (policy(rule(), excludeResourceRules=[rule(resources=["*"])]), False),
        (policy(rule(), excludeResourceRules=[rule(operations=["UPDATE"])]), True),
        (policy(), False),
        ({"kind": policies.VALIDATING, "metadata": {"name": "limits"}}, False),
    ],
)
def test_which_policies_match(each: Object, matches: bool) -> None:
    assert bool(policies.unenforced([each], [binding()], SERVED)) == matches


def test_a_policy_that_nothing_binds_holds_for_nothing() -> None:
    for other in ([], [binding(name="another")], [binding(policies.MUTATING)]):
        assert policies.unenforced([policy(rule())], other, SERVED) == ()


async def test_a_real_server_tells_them(real_pair: Pair, unique: Any) -> None:
    name = unique("policy")
    async with Client.from_kubeconfig(real_pair.app.kubeconfig) as app:
        resources = [
            Resource(policies.GROUP, "v1", f"validatingadmissionpolic{end}", namespaced=False)
            for end in ("ies", "ybindings")
        ]
        spec = {
            "matchConstraints": {"resourceRules": [rule(apiGroups=["apiregistration.k8s.io"], resources=["*"],
                                                        apiVersions=["v1"])]},
            "validations": [{"expression": "true"}],
        }  # fmt: skip
        await app.create(resources[0], {"metadata": {"name": name}, "spec": spec})
        bound = {"metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Warn"]}}
        await app.create(resources[1], bound)
        try:
            listed, bindings = [(await app.list(each)).items for each in resources]
            served = [Resource("apiregistration.k8s.io", "v1", "apiservices", namespaced=False)]
            assert f"ValidatingAdmissionPolicy {name}" in policies.unenforced(listed, bindings, served)
            facts = await gather(app, Installed(ServiceName("kube-system", name)), None)
            assert facts.unenforced_policies == ()
        finally:
            for each in reversed(resources):
                await app.delete(each, name)

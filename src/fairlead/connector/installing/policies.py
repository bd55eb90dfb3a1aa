"""CEL admission policies of the app cluster that would hold for claims if those were stored there. Pure.

They are evaluated inside an API server and nowhere else, so the connector cannot have them evaluated. Who relies on
them has to know. `matchConditions`, `namespaceSelector` and `objectSelector` count as matching: more is told, never
less.

Source: issue Connector, 2; Kubernetes API, `admissionregistration.k8s.io`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from fairlead.machinery.admission import Rule
from fairlead.machinery.paths import Resource

Object = dict[str, Any]

GROUP = "admissionregistration.k8s.io"
VALIDATING, MUTATING = "ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"
OPERATIONS = ("CREATE", "UPDATE", "DELETE")


def unenforced(policies: Iterable[Object], bindings: Iterable[Object], served: Iterable[Resource]) -> tuple[str, ...]:
    """Titles of policies that are bound and match; both kinds may be mixed."""
    resources = list(served)
    bound = {(_policy_kind(each), (each.get("spec") or {}).get("policyName")) for each in bindings}
    found = {
        f"{each['kind']} {each['metadata']['name']}"
        for each in policies
        if (each["kind"], each["metadata"]["name"]) in bound and _matches(each, resources)
    }
    return tuple(sorted(found))


def _policy_kind(binding: Mapping[str, Any]) -> str:
    return str(binding["kind"]).removesuffix("Binding")


def _matches(policy: Mapping[str, Any], resources: Iterable[Resource]) -> bool:
    spec = (policy.get("spec") or {}).get("matchConstraints") or {}
    equivalent = spec.get("matchPolicy", "Equivalent") == "Equivalent"
    wanted = [_rule(each, equivalent=equivalent) for each in spec.get("resourceRules") or ()]
    excluded = [_rule(each, equivalent=equivalent) for each in spec.get("excludeResourceRules") or ()]

    def covers(resource: Resource, operation: str) -> bool:
        def any_of(rules: list[Rule]) -> bool:
            return any(each.matches(operation, resource, "") for each in rules)

        return any_of(wanted) and not any_of(excluded)

    return any(covers(resource, operation) for resource in resources for operation in OPERATIONS)


def _rule(rule: Mapping[str, Any], *, equivalent: bool) -> Rule:
    """Another version of the same resource is equivalent to it."""
    found = Rule.of(rule)
    return replace(found, versions=("*",)) if equivalent else found

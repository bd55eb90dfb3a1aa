"""Admission policies of the app cluster that nobody evaluates for claims.

ValidatingAdmissionPolicy and MutatingAdmissionPolicy are CEL programs that the API server runs itself, and only for
what it stores itself. They are not evaluated here. What would have matched is told instead, so that nobody believes in
a policy that does not hold.

Source: `admissionregistration.k8s.io/v1`; reference/aggregation-layer.md §10.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.client import watching
from fairlead.client.api import Client
from fairlead.client.watching import Applied, Deleted, Interrupted, Listed
from fairlead.machinery import statuses
from fairlead.machinery.admission import Rule
from fairlead.machinery.paths import Resource

Object = Mapping[str, Any]


def _resource(plural: str) -> Resource:
    return Resource("admissionregistration.k8s.io", "v1", plural, namespaced=False)


POLICIES = (_resource("validatingadmissionpolicies"), _resource("mutatingadmissionpolicies"))
BINDINGS = (_resource("validatingadmissionpolicybindings"), _resource("mutatingadmissionpolicybindings"))
_OPERATIONS = ("CREATE", "UPDATE", "DELETE")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, order=True)
class Unenforced:
    """A policy that is bound and names a served resource."""

    kind: str
    name: str
    resources: tuple[str, ...]
    """`plural.group`, sorted."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name} ({', '.join(self.resources)})"


def unenforced(
    policies: Iterable[Object], bindings: Iterable[Object], served: Collection[Resource]
) -> list[Unenforced]:
    """Of policies and bindings with their `kind`. Selectors and match conditions count as fulfilled."""
    bound = {
        (str(each.get("kind")).removesuffix("Binding"), str((each.get("spec") or {}).get("policyName")))
        for each in bindings
        if _matches_any((each.get("spec") or {}).get("matchResources"), served)
    }
    found = []
    for each in policies:
        kind, name = str(each.get("kind")), str(each["metadata"]["name"])
        resources = _matched((each.get("spec") or {}).get("matchConstraints") or {}, served)
        if resources and (kind, name) in bound:
            found.append(Unenforced(kind, name, resources))
    return sorted(found)


def _matches_any(constraints: Object | None, served: Collection[Resource]) -> bool:
    """A binding without rules of its own adds none to those of the policy."""
    rules = (constraints or {}).get("resourceRules")
    return not rules or bool(_matched(constraints or {}, served))


def _matched(constraints: Object, served: Collection[Resource]) -> tuple[str, ...]:
    """Other versions of a resource count, unless the match is to be exact."""
    exact = constraints.get("matchPolicy") == "Exact"
    rules = [_rule(each, exact=exact) for each in constraints.get("resourceRules") or ()]
    excluded = [_rule(each, exact=True) for each in constraints.get("excludeResourceRules") or ()]
    return tuple(
        sorted(
            {
                each.qualified
                for each in served
                if any(
                    any(rule.matches(operation, each, "") for rule in rules)
                    and not any(rule.matches(operation, each, "") for rule in excluded)
                    for operation in _OPERATIONS
                )
            }
        )
    )


def _rule(rule: Object, *, exact: bool) -> Rule:
    """Subresources are as good as the resource here: the policy is told, not evaluated."""
    resources = [str(each).partition("/")[0] for each in rule.get("resources") or ()]
    return Rule.of({**rule, "resources": resources} | ({} if exact else {"apiVersions": ["*"]}))


class PolicyWatch:
    """Follows policies and bindings; where the server does not have or give them there are none known."""

    def __init__(self, app: Client, served: Callable[[], Collection[Resource]]) -> None:
        self._app = app
        self._served = served
        self._known: dict[Resource, dict[str, Object]] = {}
        self._told: set[Unenforced] = set()

    def found(self) -> list[Unenforced]:
        """Each is told in the log once."""
        policies = [each for resource in POLICIES for each in self._known.get(resource, {}).values()]
        bindings = [each for resource in BINDINGS for each in self._known.get(resource, {}).values()]
        found = unenforced(policies, bindings, self._served())
        for each in found:
            if each not in self._told:
                self._told.add(each)
                _log.warning(
                    "%s of the app cluster is not evaluated for claims: its CEL runs for local objects only", each
                )
        return found

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.gather(*(self._follow(each) for each in (*POLICIES, *BINDINGS)))

    async def _follow(self, resource: Resource) -> None:
        async for event in watching.watch(self._app, resource):
            self.heard(resource, event)
            self.found()

    def heard(self, resource: Resource, event: watching.Event) -> None:
        known = self._known.get(resource, {})
        match event:
            case Listed(items):
                self._known[resource] = {each["metadata"]["name"]: each for each in items}
            case Applied(each):
                self._known[resource] = known | {each["metadata"]["name"]: each}
            case Deleted(each):
                self._known[resource] = {key: kept for key, kept in known.items() if key != each["metadata"]["name"]}
            case Interrupted(error):
                level = logging.DEBUG if isinstance(error, statuses.NotFound) else logging.WARNING
                _log.log(level, "%s of the app cluster cannot be watched: %s", resource.qualified, error)


async def look(app: Client, served: Collection[Resource]) -> list[Unenforced]:
    """Once. Raises `StatusError` where they may not be read, `ClientError` where they cannot."""
    found: dict[Resource, list[Object]] = {}
    for resource in (*POLICIES, *BINDINGS):
        try:
            found[resource] = list((await app.list(resource)).items)
        except statuses.NotFound:
            found[resource] = []
    policies = [each for resource in POLICIES for each in found[resource]]
    return unenforced(policies, [each for resource in BINDINGS for each in found[resource]], served)

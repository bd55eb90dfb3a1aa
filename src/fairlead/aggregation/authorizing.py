"""Whether the caller may do what it asks: the API server is asked (SubjectAccessReview).

The aggregator has authorised the request already, but upstream warns not to build on that: direct connections come past
it. So every request is reviewed; answers are kept for ten seconds, as the generic API server does. A review that cannot
be made is an internal error, never a refusal: to controllers a 403 is final, a 500 is not.

Source: `plugin/pkg/authorizer/webhook` and `pkg/endpoints/filters/authorization.go` of k8s.io/apiserver.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fairlead.aggregation.remembering import Remembered
from fairlead.aggregation.tokens import Create
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import RequestInfo, Resource
from fairlead.machinery.principals import MASTERS, Principal

Object = dict[str, Any]

LIFETIME = 10.0
PATH = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
ALWAYS_ALLOWED = ("/healthz", "/livez", "/readyz")


@dataclass(frozen=True)
class Selectors:
    """What a caller asked for (never what we add of our own), as in the query; some authorizers weigh it."""

    label: str = ""
    field: str = ""


NO_SELECTORS = Selectors()


@dataclass(frozen=True)
class Decision:
    allowed: bool
    reason: str = ""


class Authorizer:
    """`lifetime` in seconds holds for allowing and for refusing alike."""

    def __init__(
        self, create: Create, *, lifetime: float = LIFETIME, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._create = create
        self._known: Remembered[tuple[Principal, RequestInfo, Selectors], Decision] = Remembered(lifetime, clock=clock)

    async def authorize(self, principal: Principal, info: RequestInfo, selectors: Selectors = NO_SELECTORS) -> None:
        """Raises `statuses.Forbidden`, or `statuses.InternalError` where the API server cannot be asked."""
        decision = await self.decide(principal, info, selectors)
        if not decision.allowed:
            raise refusal(principal, info, decision.reason)

    async def decide(self, principal: Principal, info: RequestInfo, selectors: Selectors = NO_SELECTORS) -> Decision:
        """As `authorize`, but a refusal is a value."""
        if MASTERS in principal.groups or always_allowed(info):
            return Decision(True)
        return await self._known.get((principal, info, selectors), lambda: self._ask(principal, info, selectors))

    async def _ask(self, principal: Principal, info: RequestInfo, selectors: Selectors) -> Decision:
        try:
            return reviewed(await self._create(review(principal, info, selectors)))
        except FairleadError as error:
            raise statuses.InternalError(f"Internal error occurred: access could not be reviewed: {error}") from error


def always_allowed(info: RequestInfo) -> bool:
    """Health, for anyone: `/livez` itself and single checks below it."""
    return not info.is_resource and any(
        info.path == path or info.path.startswith(f"{path}/") for path in ALWAYS_ALLOWED
    )


def review(principal: Principal, info: RequestInfo, selectors: Selectors = NO_SELECTORS) -> Object:
    spec: Object = {"user": principal.name}
    described = principal.to_user_info()
    spec |= {key: described[key] for key in ("uid", "groups", "extra") if key in described}
    if info.is_resource:
        spec["resourceAttributes"] = resource_attributes(info) | _raw(selectors)
    else:
        spec["nonResourceAttributes"] = {"path": info.path, "verb": info.verb}
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}


def resource_attributes(info: RequestInfo) -> Object:
    """Empty ones are left out."""
    found = {
        "namespace": info.namespace,
        "verb": info.verb,
        "group": info.group,
        "version": info.version,
        "resource": info.plural,
        "subresource": info.subresource,
        "name": info.name,
    }
    return {key: value for key, value in found.items() if value}


def _raw(selectors: Selectors) -> Object:
    """The API server parses these itself; one before 1.32 drops them unread."""
    raw = {"labelSelector": selectors.label, "fieldSelector": selectors.field}
    return {key: {"rawSelector": value} for key, value in raw.items() if value}


def reviewed(answer: Object) -> Decision:
    """An `evaluationError` beside a refusal is no failure: a binding to a role that is gone leaves one."""
    status = answer.get("status") or {}
    return Decision(bool(status.get("allowed")) and not status.get("denied"), str(status.get("reason") or ""))


def refusal(principal: Principal, info: RequestInfo, reason: str = "") -> statuses.Forbidden:
    """The API server's own sentence, which people and tools match on."""
    because = f": {reason}" if reason else ""
    if not info.is_resource:
        return statuses.Forbidden(f'forbidden: User "{principal.name}" cannot {info.verb} path "{info.path}"{because}')
    plural = f"{info.plural}/{info.subresource}" if info.subresource else info.plural
    scope = f'in the namespace "{info.namespace}"' if info.namespace else "at the cluster scope"
    why = f'User "{principal.name}" cannot {info.verb} resource "{plural}" in API group "{info.group}" {scope}{because}'
    return statuses.forbidden(Resource(info.group, info.version, info.plural), info.name, why)

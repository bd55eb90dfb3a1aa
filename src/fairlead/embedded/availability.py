"""Whether an extension server answers, and what it says that it serves.

Both are what the real aggregator finds out: the Available condition from the service, its endpoints and one request for
the group version; the discovery document from `/apis`, or the older documents of servers that know no other. A server
that does not answer is published as stale with nothing in it, never as gone: clients then know that they do not know.

Source: `pkg/controllers/status/remote` and `pkg/apiserver/handler_discovery.go` of k8s.io/kube-aggregator.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from fairlead.embedded.proxying import Destination, Unresolved
from fairlead.machinery import discovery, encoding
from fairlead.machinery.discovery import APIGroup, APIVersion
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.machinery.paths import GroupVersion
from fairlead.machinery.principals import MASTERS, Principal

Object = dict[str, Any]
Ask = Callable[[Request, Principal], Awaitable[Response]]
"""Sends to the server behind; the body is read. `FairleadError` where it does not answer."""

PROBER = Principal("system:kube-aggregator", groups=(MASTERS,))
LEGACY_PROBER = Principal("system:kube-aggregator")
_ACCEPT = (
    f"{discovery.AGGREGATED_CONTENT_TYPE},application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
)


def condition(status: str, reason: str, message: str, now: str, previous: Object | None = None) -> Object:
    """`now` as RFC 3339; the time of the last change of status is kept from `previous`."""
    same = previous is not None and previous.get("status") == status
    since = previous["lastTransitionTime"] if same and previous is not None else now
    return {"type": "Available", "status": status, "lastTransitionTime": since, "reason": reason, "message": message}


LOCAL = ("True", "Local", "Local APIServices are always available")
PASSED = ("True", "Passed", "all checks passed")


def unresolved(error: Unresolved) -> tuple[str, str, str]:
    return "False", error.reason, str(error)


async def check(group_version: GroupVersion, destination: Destination, ask: Ask) -> tuple[str, str, str]:
    """Status, reason and message of the condition."""
    url = f"{destination.url}{group_version.path}"
    try:
        answer = await ask(Request("GET", group_version.path), PROBER)
        why = "" if 200 <= answer.status < 300 else f"bad status from {url}: {answer.status}"
    except FairleadError as error:
        why = str(error)
    return ("False", "FailedDiscoveryCheck", f"failing or missing response from {url}: {why}") if why else PASSED


async def fetch(group_version: GroupVersion, ask: Ask) -> APIVersion:
    """What the server serves of the group version; stale where it does not say."""
    try:
        answer = await ask(Request("GET", "/apis", headers=Headers([("accept", _ACCEPT)])), PROBER)
        if answer.status == 503:
            return _stale(group_version)
        if answer.status == 200 and discovery.content_type_is_aggregated(answer.headers.get("content-type")):
            return _found(discovery.read_aggregated(_json(answer)), group_version)
        return await _legacy(group_version, ask)
    except (FairleadError, KeyError, TypeError, AttributeError):  # no answer, or a document of another shape
        return _stale(group_version)


async def _legacy(group_version: GroupVersion, ask: Ask) -> APIVersion:
    plain = Headers([("accept", "application/json")])
    answer = await ask(Request("GET", group_version.path, headers=plain), LEGACY_PROBER)
    if answer.status != 200:
        return _stale(group_version)
    return APIVersion(group_version.version, discovery.read_resource_list(_json(answer)))


def _found(groups: list[APIGroup], group_version: GroupVersion) -> APIVersion:
    """A group version that a good document leaves out has no resources; the document's own freshness does not count."""
    for group in groups:
        version = group.version(group_version.version) if group.name == group_version.group else None
        if version is not None:
            return APIVersion(version.version, version.resources)
    return APIVersion(group_version.version)


def _stale(group_version: GroupVersion) -> APIVersion:
    return APIVersion(group_version.version, fresh=False)


def _json(answer: Response) -> Object:
    """Raises `DecodeError`."""
    found = encoding.from_json(answer.body) if isinstance(answer.body, bytes) else None
    if not isinstance(found, dict):
        raise encoding.DecodeError("the discovery document is no object")
    return found

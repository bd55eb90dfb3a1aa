"""Whether Crossplane is here, whole, and running: what no object of a control plane says of itself.

Where Crossplane is not, nothing refuses to answer: its kinds are merely not served, and every list of what it would
have made is empty. Where its Pods are gone, each object keeps the last conditions that it was given, so a platform that
nobody looks after reads as healthy. Either has to be said before anything else, or it passes for good news.

Source: reference/crossplane.md §1 (API inventory); `cluster/crds` of Crossplane 1.14 to 2.4.
"""

import re
from collections.abc import Mapping
from typing import Any

from fairlead.crossplane import references
from fairlead.crossplane.references import Reference
from fairlead.machinery.errors import FairleadError
from fairlead.resources.kinds import Kinds, UnknownKindError
from fairlead.resources.reading import Reader

Object = Mapping[str, Any]
_EXTENSIONS, _PACKAGES = "apiextensions.crossplane.io", "pkg.crossplane.io"
_XRDS = f"compositeresourcedefinitions.{_EXTENSIONS}"
_CORE: Mapping[str, str] = {
    **{
        f"{kind.lower()}s.{_EXTENSIONS}": kind
        for kind in ("CompositeResourceDefinition", "Composition", "CompositionRevision", "EnvironmentConfig")
    },
    **{
        f"{kind.lower()}{plural}.{_PACKAGES}": f"{kind}{suffix}"
        for kind in ("Provider", "Configuration", "Function")
        for suffix, plural in (("", "s"), ("Revision", "revisions"))
    },
    f"locks.{_PACKAGES}": "Lock",
    f"deploymentruntimeconfigs.{_PACKAGES}": "DeploymentRuntimeConfig",
}
"""What every version has, by plural and group."""
_SECOND: Mapping[str, str] = {
    f"managedresourcedefinitions.{_EXTENSIONS}": "ManagedResourceDefinition",
    f"managedresourceactivationpolicies.{_EXTENSIONS}": "ManagedResourceActivationPolicy",
}
"""And what 2.x has."""
_NEEDED = (
    ("Usage", f"{_EXTENSIONS}/v1beta1"),
    ("EnvironmentConfig", f"{_EXTENSIONS}/v1beta1"),
    ("Function", f"{_PACKAGES}/v1"),
)
"""What was served in an earlier version alone before 1.19, 1.18 and 1.17."""
_SINCE: Mapping[str, str] = {
    "defaultCompositionRevisionSelector": "2.2",
    "requiredSchemas": "2.2",
    "runtime": "2.2",
    "subresources": "2.3",
}
"""Fields of Crossplane's own kinds, by the version that brought them."""
_UNDECLARED = re.compile(
    r" (?:apiextensions|pkg|ops|protection)\.crossplane\.io/\w+, Kind=(\w+)\): "
    r"(?P<path>\S*?(?P<field>\w+)): field not declared in schema"
)
_MADE = ("claim", "composite", "managed")
ABSENT = "Crossplane is not installed here"
_CORE_NAME, _RIGHTS_NAME = "crossplane", "crossplane-rbac-manager"
"""As its chart labels Crossplane's own Deployments."""


class PresenceError(FairleadError):
    """Crossplane is not here, or not whole."""


def is_absent(kinds: Kinds) -> bool:
    """Neither its API is served nor anything that it makes; not while discovery itself is not whole."""
    there = any(kinds.serves(each) for each in _CORE) or any(kinds.category(each) for each in _MADE)
    return not there and not kinds.stale


def missing(kinds: Kinds) -> list[str]:
    """The kinds that every Crossplane of its generation has and this one lacks; none where it is absent.

    XRDs alone are the playground's plane, in which nothing is amiss.
    """
    if kinds.stale or not any(kinds.serves(each) for each in _CORE if each != _XRDS):
        return []
    wanted = {**_CORE, **_SECOND} if _is_second(kinds) else _CORE
    return [kind for name, kind in wanted.items() if not kinds.serves(name)]


def _is_second(kinds: Kinds) -> bool:
    return _has(kinds, "CompositeResourceDefinition", f"{_EXTENSIONS}/v2")


def _has(kinds: Kinds, kind: str, api_version: str) -> bool:
    try:
        kinds.find(kind, api_version)
    except UnknownKindError:
        return False
    return True


def outdated(kinds: Kinds) -> list[str]:
    """The kinds that this Crossplane serves in an earlier version alone than any tool asks for."""
    groups = ((kind, version, f"{kind.lower()}s.{version.partition('/')[0]}") for kind, version in _NEEDED)
    return [kind for kind, version, name in groups if kinds.serves(name) and not _has(kinds, kind, version)]


def refusal(kinds: Kinds, error: FairleadError | None = None) -> PresenceError | None:
    """Why it came to an error, or what to know of an answer without one; None where these say all."""
    if is_absent(kinds):
        return PresenceError(ABSENT, f"its API {_EXTENSIONS} is not served", "install it, or name another cluster")
    told = " ".join(str(each).lower() for each in _chain(error) if isinstance(each, UnknownKindError))
    old = outdated(kinds)
    if old and (error is None or any(f"'{kind.lower()}" in told for kind in old)):
        why = f"{', '.join(old)}: not read, for they are served in an earlier version alone"
        return PresenceError("this Crossplane is older than 1.19", why, "upgrade it before you rely on what is said")
    lacking = missing(kinds)
    if any(f"'{kind.lower()}" in told for kind in lacking):
        remedy = "restart Crossplane's Pods: each start installs the CRDs that are missing"
        return PresenceError("Crossplane is only half installed", f"not served: {', '.join(lacking)}", remedy)
    return _undeclared(str(error or ""))


def _undeclared(told: str) -> PresenceError | None:
    """The API server's own words name a patch that nobody has made."""
    found = _UNDECLARED.search(told)
    if found is None:
        return None
    since = _SINCE.get(found["field"])
    why = f"it came with Crossplane {since}" if since else "it is misspelt, or of another version of Crossplane"
    return PresenceError(f"{found[1]} has no field {found['path'].lstrip('.')} here", why, "leave it out")


async def warnings(reader: Reader, kinds: Kinds) -> list[str]:
    """Raises what `Reader` raises."""
    if is_absent(kinds):
        return [f"{ABSENT}: its API {_EXTENSIONS} is not served"]
    lacking = missing(kinds)
    found = [f"Crossplane is only half installed: not served: {', '.join(lacking)}"] if lacking else []
    if halt := await stopped(reader):
        found.append(f"Crossplane does not run: {halt[1]}")
    elif still := await _still(reader, _RIGHTS_NAME):
        rights = "what a new XRD or provider brings gets no rights, so nothing of it is reconciled"
        found.append(f"Crossplane's RBAC manager does not run: {references.of(still)} {_why(still)}: {rights}")
    return found


def _chain(error: BaseException | None) -> list[BaseException]:
    return [] if error is None else [error, *_chain(error.__cause__)]


async def stopped(reader: Reader) -> tuple[Reference, str] | None:
    """Its Deployment, and why nobody looks after the objects; None where one runs, or none is in this cluster.

    Raises what `Reader` raises.
    """
    still = await _still(reader, _CORE_NAME)
    if still is None:
        return None
    reference = references.of(still)
    return reference, f"{reference} {_why(still)}: nothing is reconciled, and conditions are those of before"


async def _still(reader: Reader, name: str) -> Object | None:
    try:
        found = await reader.every("Deployment", "apps/v1", label_selector=f"app={name}")
    except UnknownKindError:
        return None
    running = any((each.get("status") or {}).get("readyReplicas") for each in found)
    return found[0] if found and not running else None


def _why(deployment: Object) -> str:
    return "is scaled to zero" if is_off(deployment) else "has no ready Pod"


def is_off(deployment: Object) -> bool:
    return (deployment.get("spec") or {}).get("replicas") == 0

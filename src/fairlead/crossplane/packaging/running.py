"""What runs a revision of a package: a Deployment by its name, and Pods that carry its name as a label.

Crossplane says of it that it is not available, and no more; why that is stands in the Pods, which wait for an image or
end again and again.

Source: reference/crossplane.md §1.5, §7, 7; crossplane `internal/controller/pkg/runtime`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairlead.crossplane import references
from fairlead.crossplane.judging import State, judge
from fairlead.crossplane.references import Reference
from fairlead.resources.reading import Reader

Object = Mapping[str, Any]
KINDS = frozenset({"ProviderRevision", "FunctionRevision"})
REVISION = "pkg.crossplane.io/revision"


@dataclass(frozen=True)
class Runtime:
    deployment: Reference | None
    """None where there is none."""
    pod: Reference | None
    """The first that is not well, or else the first."""
    troubles: tuple[tuple[Reference, str], ...]
    """What is not well, Pods first, with the reason."""
    fails: bool
    """Whether any of that is more than on its way."""


async def runtime(reader: Reader, revision: Reference) -> Runtime:
    """Raises what `Reader` raises."""
    pods = await reader.every("Pod", "v1", label_selector=f"{REVISION}={revision.name}")
    deployments = await _deployments(reader, revision)
    wrong = [*_troubles(pods), *_troubles(deployments)]
    unwell = [each for each, _ in wrong if each.kind == "Pod"] + [references.of(each) for each in pods]
    deployment = references.of(deployments[0]) if deployments else None
    fails = any(judge(each).state is State.UNHEALTHY for each in (*pods, *deployments))
    return Runtime(deployment, unwell[0] if unwell else None, tuple(wrong), fails)


async def _deployments(reader: Reader, revision: Reference) -> Sequence[Object]:
    kind = await reader.kind("Deployment", "apps/v1")
    found = await reader.client.list(kind.resource, field_selector=f"metadata.name={revision.name}")
    typed = [{**each, "apiVersion": kind.api_version, "kind": kind.api.kind} for each in found.items]
    return [each for each in typed if _is_owned(each, revision)]


def _is_owned(obj: Object, revision: Reference) -> bool:
    owners = (obj.get("metadata") or {}).get("ownerReferences") or ()
    return any((each.get("kind"), each.get("name")) == (revision.kind, revision.name) for each in owners)


def _troubles(objects: Sequence[Object]) -> list[tuple[Reference, str]]:
    """Those on their way too: a Pod that is never ready says nothing worse. One that goes makes room for another."""
    judged = [(each, judge(each)) for each in objects]
    return [
        (references.of(each), ": ".join(filter(None, (health.reason, health.message))))
        for each, health in judged
        if health.state not in (State.HEALTHY, State.DELETING)
    ]

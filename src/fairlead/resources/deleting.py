"""Deleting one object, tried out first, on the condition that it is the one that was shown.

Crossplane protects an object that something uses by a webhook, which refuses its deletion and records that it was
attempted, a dry run included: some usages then delete it themselves later on. So an object that says that it is in use
is not tried out; its usages are shown instead, to whoever has to say whether the attempt shall be made.

Source: issue MCP serving, 5; Crossplane, Usages (`replayDeletion`).
"""

from collections.abc import Mapping
from typing import Any

from fairlead.client.errors import ClientError
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import GroupVersion
from fairlead.resources.kinds import Kind
from fairlead.resources.planning import Change, as_seen, live, subject
from fairlead.resources.reading import Reader

Object = dict[str, Any]
IN_USE = "crossplane.io/in-use"
ATTEMPT = "usage.crossplane.io/deletion-attempt-with-policy"
_USAGES = (
    "usages.protection.crossplane.io",
    "clusterusages.protection.crossplane.io",
    "usages.apiextensions.crossplane.io",
)
_REFUSED = "This resource is in-use by"
"""How Crossplane's webhook begins a refusal, which has the code of a conflict."""
PROPAGATION = ("Background", "Foreground", "Orphan")


class InUseError(FairleadError):
    """A usage protects the object; the attempt is recorded, and nothing was deleted."""


async def planned(
    reader: Reader,
    kind: Kind,
    name: str,
    namespace: str = "",
    *,
    propagation: str = "",
    grace_seconds: int | None = None,
) -> Change:
    """Raises what `Client` raises, and `ScopeError`; what is in use is refused with `InUseError` when it is sent."""
    before = await reader.one(kind, name, namespace)
    metadata = before["metadata"]
    options: Object = {"propagationPolicy": propagation} if propagation else {}
    options |= {} if grace_seconds is None else {"gracePeriodSeconds": grace_seconds}

    async def delete(version: str, **more: Any) -> Object:
        preconditions = {"uid": metadata["uid"], "resourceVersion": version}
        wanted = {**options, "preconditions": preconditions, **more}
        try:
            return await reader.client.delete(kind.resource, name, namespace or None, options=wanted)
        except statuses.Conflict as error:
            said = error.message if _REFUSED in error.message else ""
            if said or await attempted():
                what = f"{subject(kind, name, namespace)} is in use, so it was not deleted, and the attempt is recorded"
                raise InUseError(what, said, "end its usages first") from error
            raise

    async def attempted() -> bool:
        """The record of a first attempt is a change too, and then the refusal speaks of that alone."""
        now = await live(reader, kind, name, namespace)
        marks = [(each or {}).get("metadata", {}).get("annotations") or {} for each in (before, now)]
        return ATTEMPT not in marks[0] and ATTEMPT in marks[1]

    async def send() -> Object:
        return await as_seen(before, lambda: live(reader, kind, name, namespace), delete)

    notes = _consequences(kind, metadata)
    if is_used(before):
        notes += await _usages(reader, kind, name, namespace)
    else:
        try:
            await as_seen(
                before, lambda: live(reader, kind, name, namespace), lambda version: delete(version, dryRun=["All"])
            )
        except statuses.BadRequest as error:
            if "dry run" not in error.message:
                raise
            notes.append(f"not tried out: {error.message}")
    return Change("delete", kind, name, namespace, before, None, options, send, tuple(notes))


def is_used(obj: Mapping[str, Any]) -> bool:
    """Whether it says that a usage protects it."""
    return bool((obj["metadata"].get("labels") or {}).get(IN_USE) == "true")


def _consequences(kind: Kind, metadata: Mapping[str, Any]) -> list[str]:
    """What does not follow from the object being gone."""
    found = []
    if metadata.get("deletionTimestamp"):
        found.append(f"it is being deleted since {metadata['deletionTimestamp']}")
    if metadata.get("finalizers"):
        found.append(f"it stays until its finalizers are done: {', '.join(metadata['finalizers'])}")
    owners = [each for each in metadata.get("ownerReferences") or () if each.get("controller")]
    found += [f"{each.get('kind')} {each.get('name')} controls it and may make it anew" for each in owners]
    if kind.resource.qualified == "namespaces":
        found.append("everything in the namespace goes with it")
    if kind.resource.qualified == "customresourcedefinitions.apiextensions.k8s.io":
        found.append("every object of that kind goes with it")
    return found


async def _usages(reader: Reader, kind: Kind, name: str, namespace: str) -> list[str]:
    """One line for each; deleting is refused by the cluster while there are any."""
    found = [f"it is in use ({IN_USE}): it was not tried out, the cluster will refuse it and record the attempt"]
    served = {each.resource.qualified: each for each in reversed((await reader.kinds()).all)}
    for usages in (served[each] for each in _USAGES if each in served):
        try:
            items = (await reader.client.list(usages.resource)).items
        except (statuses.StatusError, ClientError) as error:
            found.append(f"{usages.resource.qualified} cannot be listed: {error}")
            continue
        found += [
            _usage(usages, each)
            for each in items
            if protects(each, kind.resource.group, kind.api.kind, name, namespace if kind.resource.namespaced else "")
        ]
    return found


def protects(usage: Mapping[str, Any], group: str, kind: str, name: str, namespace: str = "") -> bool:
    """Whether a usage is of that object; without a namespace for what is in none."""
    of = (usage.get("spec") or {}).get("of") or {}
    reference = of.get("resourceRef") or {}
    where = reference.get("namespace") or (usage.get("metadata") or {}).get("namespace") or ""
    named = (GroupVersion.parse(str(of.get("apiVersion") or "")).group, of.get("kind"), reference.get("name"))
    return named == (group, kind, name) and (not where or not namespace or where == namespace)


def _usage(usages: Kind, usage: Mapping[str, Any]) -> str:
    spec, metadata = usage["spec"], usage["metadata"]
    by = spec.get("by") or {}
    user = f" by {by.get('kind')} {(by.get('resourceRef') or {}).get('name', '')}".rstrip() if by else ""
    reason = f": {spec['reason']}" if spec.get("reason") else ""
    replay = " (it deletes the object itself once it ends)" if spec.get("replayDeletion") else ""
    return f"used{user}, says {subject(usages, metadata['name'], metadata.get('namespace') or '')}{reason}{replay}"

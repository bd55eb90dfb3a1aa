"""Deletions that ask a garbage collector for something.

`Orphan` and `Foreground` concern dependents in the app cluster, so the finalizers that stand for them are set under
reserved names first (see `finalizers`), and the deletion itself is sent as `Background`. Between the two requests the
object is complete and not deleted: a caller who is told of a failure repeats the deletion, and nothing is lost.

The preconditions of the caller are checked on the version that the finalizers are added to, which is where the
deletion takes effect for whoever watches.

Source: reference/aggregation-layer.md §7.7.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fairlead.connector import bodies, finalizers, mapping
from fairlead.connector.mapping import fields, raw
from fairlead.connector.reading import missing
from fairlead.connector.rewriting import ForeignObjectError, Stored, is_status
from fairlead.connector.upstream import PARTIAL, Call, Upstream
from fairlead.connector.verifying import Known
from fairlead.machinery import encoding, statuses

Options = Mapping[str, Any]
_ATTEMPTS = 5
_PARTIAL_LIST = PARTIAL.replace("PartialObjectMetadata", "PartialObjectMetadataList")


@dataclass(frozen=True)
class Wish:
    """What a deletion asks of the app cluster's garbage collector."""

    policy: str
    """`Orphan`, `Foreground`, `Background`; empty for what is in the object already."""
    dry_run: bool

    @classmethod
    def of(cls, options: Options) -> "Wish":
        return cls(finalizers.policy(options), bool(options.get("dryRun")))

    @property
    def holds(self) -> bool:
        """Whether finalizers are to be set first."""
        return self.policy in ("Orphan", "Foreground") and not self.dry_run

    @property
    def releases(self) -> bool:
        """Whether finalizers that an earlier deletion asked for are to be taken off."""
        return self.policy == "Background" and not self.dry_run


def without_policy(options: Options) -> dict[str, Any]:
    """What is sent once the finalizers are set: the preconditions have been checked."""
    left_out = ("orphanDependents", "preconditions")
    return {key: value for key, value in options.items() if key not in left_out} | {"propagationPolicy": "Background"}


class Finalizing:
    def __init__(self, upstream: Upstream, known: Known) -> None:
        self._upstream = upstream
        self._known = known

    async def hold(self, call: Call, options: Options, policy: str) -> None:
        """Sets the finalizers that the policy stands for. Raises `NotFound`, and `Conflict` for a precondition."""
        for attempt in range(1, _ATTEMPTS + 1):
            stored = await self._stored(call)
            _check_preconditions(call, stored, options.get("preconditions") or {})
            try:
                await self._set(call, stored, policy)
                return
            except statuses.Conflict:
                if attempt == _ATTEMPTS:
                    raise

    async def release(self, call: Call) -> bool:
        """Takes the finalizers off an object that an explicit `Background` has marked; whether it is gone now."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                stored = await self._stored(call)
                return not mapping.finalizers_of(fields(await self._set(call, stored, "Background")))
            except statuses.NotFound:
                return True
            except statuses.Conflict:
                if attempt == _ATTEMPTS:
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def _stored(self, call: Call) -> Stored:
        _, _, body = await self._upstream.send(call, "GET", call.path(subresource=False), accept=PARTIAL)
        try:
            stored = call.rewriter.single(body, call.identity)
        except ForeignObjectError:
            raise missing(call) from None
        self._known.remember(call.offer.resource, stored)
        return stored

    async def _set(self, call: Call, stored: Stored, policy: str) -> bytes:
        """The metadata afterwards.

        Nothing can be added to an object that is being deleted: whoever asks then for the other collector's finalizer
        leaves it as it was asked for first, since to take that away alone could end the object and orphan nothing.
        """
        found = mapping.finalizers_of(stored.metadata)
        wanted = finalizers.asked_for(found, policy)
        too_late = "deletionTimestamp" in stored.metadata and not set(wanted) <= set(found)
        if too_late or wanted == found:
            return encoding.to_json(stored.metadata)
        condition = {"uid": stored.uid, "resourceVersion": stored.resource_version}
        patch = encoding.to_json({"metadata": {**condition, "finalizers": wanted}})
        path = call.path(subresource=False)
        _, _, body = await self._upstream.send(
            call, "PATCH", path, accept=PARTIAL, body=patch, content_type=bodies.MERGE_PATCH
        )
        return encoding.to_json(fields(body)["metadata"])

    async def calls(self, call: Call, query: Mapping[str, str]) -> list[Call]:
        """One deletion for each object of a collection."""
        kept = {key: query[key] for key in ("labelSelector", "fieldSelector", "limit", "continue") if key in query}
        _, _, body = await self._upstream.send(call, "GET", call.path(), kept, accept=_PARTIAL_LIST)
        items = fields(call.rewriter.collection(body))["items"]
        found = [each["metadata"] for each in encoding.from_json(bytes(items))]
        return [
            replace(call, info=replace(call.info, verb="delete", name=each["name"], namespace=each["namespace"]))
            for each in found
        ]


def _check_preconditions(call: Call, stored: Stored, preconditions: Mapping[str, Any]) -> None:
    """Worded as the API server words it; on this path it names the kind where everything else names the plural."""
    uid, version = preconditions.get("uid"), preconditions.get("resourceVersion")
    if uid and uid != stored.uid:
        why = (
            f"the UID in the precondition ({uid}) does not match the UID in record ({stored.uid}). "
            "The object might have been deleted and then recreated"
        )
    elif version and version != stored.resource_version:
        why = (
            f"the ResourceVersion in the precondition ({version}) does not match the ResourceVersion "
            f"in record ({stored.resource_version}). The object might have been modified"
        )
    else:
        return
    name, group, kind = call.info.name, call.offer.resource.group, call.offer.kind
    raise statuses.Conflict(
        f'Operation cannot be fulfilled on {kind}.{group} "{name}": {why}',
        {"name": name, "group": group, "kind": kind},
    )


def rehearsed(answer: bytes) -> bytes:
    """The answer to a dry run that was passed on with its policy, with the finalizers where we would have put them."""
    found = fields(answer)
    if is_status(found) or "metadata" not in found:
        return answer
    metadata = fields(found["metadata"])
    if "finalizers" in metadata:
        metadata["finalizers"] = raw(finalizers.as_if_asked_here(mapping.finalizers_of(metadata)))
    return encoding.to_json({**found, "metadata": raw(metadata)})


def gone(call: Call, uid: str) -> dict[str, Any]:
    """What the API server answers for an object that nothing held."""
    details = {
        "name": call.info.name,
        "group": call.offer.resource.group,
        "kind": call.offer.resource.plural,
        "uid": uid,
    }
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def lingers_for_a_collector(shown: object) -> bool:
    """Whether an answer may be about such an object: cheap, and sometimes wrongly yes."""
    return isinstance(shown, bytes) and any(name.encode() in shown for name in finalizers.COLLECTORS)


def is_marked(stored: bytes) -> bool:
    """Whether any of the stored objects has one of the two finalizers."""
    return any(name in stored for name in finalizers.MARKS)

"""A manifest applied on the server's side, as a change that is tried out first.

Server-side apply, because it alone says who owns what: a field that another manager owns is not overwritten by
accident, it is named, together with its manager and with both ways to go on. The peer forces its way through
(reference/kubernetes-mcp-server.md §1), which takes fields from controllers and pipelines without a word.

The version of the object that was seen goes along with what is sent, so that what was shown is what is done. An object
that is not there has no version to send; it is looked for once more instead.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.resources.kinds import Kind, UnknownKindError
from fairlead.resources.planning import (
    MANAGER,
    Change,
    ChangedMeanwhileError,
    as_seen,
    as_tried,
    check_scope,
    live,
    subject,
)
from fairlead.resources.reading import Reader, ScopeError

Object = dict[str, Any]


class OwnedByOthersError(FairleadError):
    """Other managers own fields that an apply would change."""

    managers: tuple[str, ...] = ()

    @property
    def is_of_ours(self) -> bool:
        """Whether we own them all, by a patch or by scaling: to the API, those are managers of their own."""
        return all(each.startswith(f'"{MANAGER}"') for each in self.managers)


class OtherNamespaceError(FairleadError):
    """The manifest says one namespace, the call another."""


async def all_planned(
    reader: Reader, manifests: Sequence[Mapping[str, Any]], namespace: str = "", *, force: bool = False
) -> list[Change]:
    """In the order given; what is to be in a namespace that comes with it cannot be tried out. Raises as `planned`."""
    made: set[str] = set()
    found = []
    for each in manifests:
        try:
            found.append(await planned(reader, each, namespace, force=force))
        except statuses.NotFound:
            if (each["metadata"].get("namespace") or namespace) not in made:
                raise
            found.append(await planned(reader, each, namespace, force=force, tried=False))
        except UnknownKindError as error:
            if "CustomResourceDefinition" in {other["kind"] for other in manifests}:
                raise UnknownKindError(error.what, error.why, "apply its definition alone first") from error
            raise
        if each["kind"] == "Namespace":
            made.add(each["metadata"]["name"])
    return found


async def planned(
    reader: Reader, manifest: Mapping[str, Any], namespace: str = "", *, force: bool = False, tried: bool = True
) -> Change:
    """`namespace` is for manifests that name none; `tried` False leaves out the server's dry run.

    Raises what `Client` raises, `ScopeError`, `OtherNamespaceError`, `OwnedByOthersError`.
    """
    try:
        return await _planned(reader, manifest, namespace, force=force, tried=tried)
    except OwnedByOthersError as error:
        if not error.is_of_ours:
            raise
        return await _planned(reader, manifest, namespace, force=True, tried=tried)


async def _planned(reader: Reader, manifest: Mapping[str, Any], namespace: str, *, force: bool, tried: bool) -> Change:
    kind = await reader.kind(manifest["kind"], manifest["apiVersion"])
    namespace = namespace_of(kind, manifest, namespace)
    name = manifest["metadata"]["name"]
    before = await live(reader, kind, name, namespace)
    what = subject(kind, name, namespace)

    async def apply(version: str, **options: str) -> Object:
        try:
            return await reader.client.apply(
                kind.resource,
                versioned(manifest, namespace, version),
                namespace or None,
                manager=MANAGER,
                force=force,
                fieldValidation="Strict",
                **options,
            )
        except statuses.Conflict as error:
            raise explained(error, what) from error

    async def sent(**options: str) -> Object:
        if before is None:
            return await apply("", **options)
        return await as_seen(
            before, lambda: live(reader, kind, name, namespace), lambda version: apply(version, **options)
        )

    async def send() -> Object:
        if before is None and await live(reader, kind, name, namespace) is not None:
            raise ChangedMeanwhileError(f"{what} was made meanwhile", "nothing was done")
        return await sent()

    after = await sent(dryRun="All") if tried else versioned(manifest, namespace)
    notes = () if tried else (f"{subject(kind, name)} was not tried out: its namespace is made by the same call",)
    verb = "change" if before else "create"
    seen = as_tried(before, after, manifest) if before else before
    return Change(verb, kind, name, namespace, seen, after, [dict(manifest), force], send, notes)


def namespace_of(kind: Kind, manifest: Mapping[str, Any], given: str) -> str:
    """Raises `ScopeError` and `OtherNamespaceError`."""
    found = str(manifest["metadata"].get("namespace") or "")
    if not kind.resource.namespaced:
        if found:
            raise ScopeError(f"{kind.api.kind} is in no namespace", "", "leave out metadata.namespace")
        return ""
    if found and given and found != given:
        raise OtherNamespaceError(
            f"{kind.api.kind} {manifest['metadata']['name']} is for namespace {found}, the call for {given}"
        )
    check_scope(kind, found or given)
    return found or given


def versioned(manifest: Mapping[str, Any], namespace: str, version: str = "") -> Object:
    """A version that the manifest itself names stays: whoever wrote it means that one."""
    metadata = dict(manifest["metadata"]) | ({"namespace": namespace} if namespace else {})
    if version:
        metadata.setdefault("resourceVersion", version)
    return {**manifest, "metadata": metadata}


def explained(error: statuses.Conflict, what: str) -> FairleadError:
    """Who owns which field, and how to go on; the error itself where it is about something else."""
    owned: dict[str, list[str]] = {}
    for each in error.causes:
        if each.get("reason") == "FieldManagerConflict":
            manager = str(each.get("message", "")).removeprefix("conflict with ")
            owned.setdefault(manager, []).append(str(each.get("field", "")))
    if not owned:
        return error
    fields = "; ".join(f"{', '.join(paths)} by {manager}" for manager, paths in owned.items())
    found = OwnedByOthersError(
        f"{what} has fields that others manage",
        fields,
        "leave them out of the manifest to let them be, or repeat with force=true to take them over",
    )
    found.managers = tuple(owned)
    return found

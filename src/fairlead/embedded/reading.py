"""Get and list: consistent snapshots, pages, selectors."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fairlead.embedded.kinds import Kind
from fairlead.embedded.options import ListOptions
from fairlead.embedded.store import Compacted, Key, Store
from fairlead.machinery import statuses
from fairlead.machinery.fielderrors import quoted

Object = dict[str, Any]
Pair = tuple[Key, Object]

_TOO_OLD = "The resourceVersion for the provided list is too old."
_INCONSISTENT = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


@dataclass(frozen=True)
class Page:
    objects: list[Object]
    metadata: Object


def get(store: Store, kind: Kind, key: Key) -> Object:
    found = store.get(key)
    if found is None:
        raise statuses.not_found(kind.resource, key.name)
    return kind.shown(found)


def too_large(version: int, current: int) -> statuses.Timeout:
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    return statuses.Timeout(
        f"Timeout: Too large resource version: {version}, current: {current}",
        {"causes": [cause], "retryAfterSeconds": 1},
    )


def matcher(kind: Kind, options: ListOptions) -> Callable[[Object], bool]:
    """Whether a stored object is selected. Raises `BadRequest` for a field that the kind does not offer."""
    for term in options.fields.terms:
        _check_field(kind, term.field)
    if not options.labels and not options.fields:
        return lambda stored: True

    def matches(stored: Object) -> bool:
        def lookup(field: str) -> str:
            if field in kind.selectable:
                return kind.selectable[field](stored)
            return str(stored["metadata"].get(field.removeprefix("metadata."), ""))

        return options.labels.matches(stored["metadata"].get("labels") or {}) and options.fields.matches(lookup)

    return matches


def _check_field(kind: Kind, field: str) -> None:
    known = ["metadata.name", "metadata.namespace"] if kind.namespaced or kind.custom else ["metadata.name"]
    if field in kind.selectable or field in known or (field == "metadata.namespace" and not kind.selectable):
        return
    if kind.custom or kind.selectable:
        raise statuses.BadRequest(f"field label not supported: {field}")
    raise statuses.BadRequest(f'"{field}" is not a known field selector: only "metadata.name", "metadata.namespace"')


def collect(store: Store, kind: Kind, namespace: str, options: ListOptions) -> Page:
    """Raises `Expired` and `Timeout` for a revision that is past or future, `BadRequest` for a bad token."""
    matches = matcher(kind, options)
    revision, start = _position(store, options)
    try:
        found = store.scan(kind.collection, namespace, revision)
    except Compacted:
        raise _expired(options, start) from None
    shown_revision = store.revision if revision is None else revision
    if start:
        found = [pair for pair in found if _place(pair[0], namespace) >= start]
    selected = [pair for pair in found if matches(pair[1])]
    return _page(kind, selected, namespace, options, shown_revision)


def _page(kind: Kind, selected: list[Pair], namespace: str, options: ListOptions, revision: int) -> Page:
    metadata: Object = {"resourceVersion": str(revision)}
    page = selected
    if 0 < options.limit < len(selected):
        page = selected[: options.limit]
        metadata["continue"] = _token(revision, _place(page[-1][0], namespace) + "\0")
        if not options.labels and not options.fields:
            metadata["remainingItemCount"] = len(selected) - len(page)
    return Page([kind.shown(each) for _, each in page], metadata)


def _place(key: Key, namespace: str) -> str:
    """Where a key stands within its list: what a continue token holds."""
    return key.name if namespace or not key.namespace else f"{key.namespace}/{key.name}"


def _token(revision: int, start: str) -> str:
    document = json.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(document.encode()).decode().rstrip("=")


def _position(store: Store, options: ListOptions) -> tuple[int | None, str]:
    """The revision to read (None: now) and where to start."""
    if options.token:
        return _read_token(options)
    text = options.resource_version
    if not text:
        return None, ""
    if not text.isdecimal():
        why = f"strconv.ParseUint: parsing {quoted(text)}: invalid syntax"
        raise statuses.BadRequest(f"invalid resource version: resourceVersion: Invalid value: {quoted(text)}: {why}")
    revision = int(text)
    if revision > store.revision:
        raise too_large(revision, store.revision)
    exact = options.match == "Exact" or (not options.match and options.limit > 0 and revision > 0)
    return (revision if exact else None), ""


def _read_token(options: ListOptions) -> tuple[int | None, str]:
    if options.resource_version and options.resource_version != "0":
        raise statuses.BadRequest("specifying resource version is not allowed when using continue")
    try:
        padded = options.token + "=" * (-len(options.token) % 4)
        document = json.loads(base64.urlsafe_b64decode(padded.encode()))
        revision, start = int(document["rv"]), str(document["start"])
        version = document["v"]
    except (ValueError, KeyError, TypeError):
        raise statuses.BadRequest("invalid continue token: continue key is not valid: it was not made here") from None
    if version != "meta.k8s.io/v1" or not start:
        raise statuses.BadRequest("invalid continue token: continue key is not valid: it was not made here")
    return (None if revision < 0 else revision), start


def _expired(options: ListOptions, start: str) -> statuses.Expired:
    if not options.token:
        return statuses.Expired(_TOO_OLD)
    return statuses.Expired(_INCONSISTENT, metadata={"continue": _token(-1, start)})

"""Which refusal comes first, where the connector has one of its own.

A server that stores an object checks options, decodes the body, compares it with the URL, looks at the namespace, and
validates, in this order. The connector must refuse some of that itself: a missing namespace, a bad name behind a good
hash, a body that it cannot read. The control plane is then asked by dry run what it would have said, and what comes
first is answered. Imitating its decoder instead would be a second, slightly different one.
"""

from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Any

from fairlead.machinery import statuses
from fairlead.machinery.statuses import StatusError

_BEFORE_ALL = (statuses.BadRequest, statuses.NotAcceptable, statuses.UnsupportedMediaType, statuses.TooLarge)
_PLACE = ("the name of the object", "the namespace of the provided object")
_NO_DRY_RUN = "does not support dry run"


def sooner(ours: StatusError, theirs: StatusError, *, readable: bool, concerns: bool = False) -> StatusError:
    """`theirs` is about the mapped body where that is `readable`, else about the bytes as they came; it `concerns` the
    object itself, or a name that no object has.
    """
    if _failed(theirs):
        return ours
    if concerns and theirs.status_code == 404:
        return theirs
    if not readable:
        return ours if theirs.message.startswith(_PLACE) or theirs.status_code == 404 else theirs
    if isinstance(theirs, _BEFORE_ALL) or about_options(theirs) or theirs.status_code >= 500:
        return theirs
    if theirs.status_code == 404 and isinstance(ours, statuses.Invalid):
        return theirs
    if isinstance(theirs, statuses.Conflict) and not isinstance(ours, statuses.BadRequest):  # a version, a uid
        return theirs
    if isinstance(ours, statuses.Invalid) and isinstance(theirs, statuses.Invalid):
        return _both(ours, theirs)
    return ours


def absent(ours: statuses.NotFound, theirs: StatusError) -> StatusError:
    """For a write to an object that is not there: whatever the control plane says of it but a failure."""
    return ours if _failed(theirs) else theirs


def is_about_dry_run(theirs: StatusError) -> bool:
    """Whether the control plane refuses only to rehearse: one of its webhooks cannot."""
    return _NO_DRY_RUN in theirs.message


def _failed(theirs: StatusError) -> bool:
    """Whether it says nothing of the request; a 500 without a reason is an error that nobody gave a better code."""
    failure = theirs.status_code == 429 or (theirs.status_code >= 500 and bool(theirs.status_reason))
    return failure or _NO_DRY_RUN in theirs.message


def about_options(theirs: StatusError) -> bool:
    return isinstance(theirs, statuses.Invalid) and theirs.details.get("group") == "meta.k8s.io"


def about_uid(theirs: StatusError) -> bool:
    """Patches and applies carry the uid that was verified, and one that is not the object's is no conflict there."""
    causes = theirs.details.get("causes") or []
    return isinstance(theirs, statuses.Invalid) and any(each.get("field") == "metadata.uid" for each in causes)


# What metadata is validated for, in this order; all else of an object comes later.
_METADATA = ("generateName", "name", "labels", "annotations", "ownerReferences", "finalizers")


def _both(ours: StatusError, theirs: StatusError) -> StatusError:
    if any(each.get("field") in ("kind", "apiVersion") for each in theirs.causes):
        return theirs  # nothing else of an object of another kind is looked at
    details = ours.details
    kept = [each for each in theirs.causes if not _of_our_label(each, details.get("name", ""))]
    rest = [each for each in kept if _rank(each) == len(_METADATA)]
    mine, others = _passes(ours.causes), _passes([each for each in kept if each not in rest])
    passes: Iterable[tuple[list[Any], list[Any]]] = zip_longest(mine, others, fillvalue=[])
    about = [each for one, other in passes for each in sorted([*one, *other], key=_rank)]
    return statuses.invalid(details.get("group", ""), details["kind"], details.get("name", ""), [*about, *rest])


def _rank(cause: Mapping[str, Any]) -> int:
    member = str(cause.get("field")).removeprefix("metadata.").partition(".")[0]
    return _METADATA.index(member) if member in _METADATA else len(_METADATA)


def _passes(causes: list[Any]) -> list[list[Any]]:
    """Metadata of a changed object is validated more than once: each pass begins with what the last one began with."""
    found: list[list[Any]] = []
    for each in causes:
        if not found or each in found[-1]:
            found.append([])
        found[-1].append(each)
    return found


def _of_our_label(cause: Mapping[str, Any], name: str) -> bool:
    """A name that is none is no label value either."""
    return cause.get("field") == "metadata.labels" and bool(name) and f'Invalid value: "{name}"' in cause["message"]

"""What moving a package to another version means, said before it is done.

Crossplane takes any change of `spec.package` at once: it switches the running revision off whatever the policy says,
and looks at dependencies only afterwards. So the step, those whom it breaks and the trap of the policy Manual are told
beforehand, from what the cluster holds; what the new version itself depends on is known only once it is fetched.

Source: reference/crossplane.md §1.5, §7 (4); seen on Crossplane 2.3.4.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.crossplane import sources
from fairlead.crossplane.judging import is_paused
from fairlead.crossplane.packaging import locking, versions
from fairlead.crossplane.packaging.locking import Locked
from fairlead.crossplane.sources import Source
from fairlead.machinery.errors import FairleadError

Object = Mapping[str, Any]


class NoRevisionError(FairleadError):
    """There is nothing to go back to."""


def is_manual(package: Object) -> bool:
    return (package.get("spec") or {}).get("revisionActivationPolicy") == "Manual"


def notes(package: Object, after: Source, locked: Sequence[Locked]) -> list[str]:
    before = sources.of(package)
    return [_step(package, before, after), *_broken(after, locked), *_trap(package), *_paused(package)]


def _has_content(package: Object, after: Source) -> bool:
    """Revisions are called after the beginning of the digest of what they hold."""
    current = str((package.get("status") or {}).get("currentRevision") or "")
    digest = after.identifier.removeprefix("sha256:")
    return digest != after.identifier and bool(current) and current.rpartition("-")[2] == digest[:12]


def _step(package: Object, before: Source, after: Source) -> str:
    if before.repository != after.repository:
        return f"another repository: from {before} to {after}"
    if _has_content(package, after):
        return f"{before.version} → {after.version}: the content that runs already, so that nothing is replaced"
    kind = versions.step(before.version, after.version)
    told = kind or "which of them is newer cannot be told from a tag that is no version, or from a digest"
    return f"{before.version} → {after.version}: {told}"


def _broken(after: Source, locked: Sequence[Locked]) -> list[str]:
    return [
        f"conflict: {each} needs {constraint}, which {after.identifier} does not meet"
        f"{' as it is no version' if versions.is_incomparable(after.identifier, constraint) else ''}: "
        "it becomes unhealthy"
        for each, constraint in locking.broken_by(locked, after.repository, after.identifier)
    ]


def _trap(package: Object) -> list[str]:
    if not is_manual(package):
        return []
    running = (package.get("status") or {}).get("currentRevision") or "the running revision"
    return [f"its policy is Manual: {running} is switched off at once, and the new revision waits for its activation"]


def _paused(package: Object) -> list[str]:
    return ["it is paused: nothing happens until it is resumed"] if is_paused(package) else []


def former(package: Object, revisions: Sequence[Object], wanted: str = "") -> Object:
    """The revision to go back to: of that number or name, or else the last one before the current.

    `revisions` are in the order of their numbers. Raises `NoRevisionError`.
    """
    current = (package.get("status") or {}).get("currentRevision")
    others = [each for each in revisions if each["metadata"]["name"] != current]
    if not others:
        limit = (package.get("spec") or {}).get("revisionHistoryLimit")
        kept = f"it keeps {limit} (history_limit)" if limit else "it has had one version only"
        raise NoRevisionError(f"{_called(package)} has no former revision", kept, "upgrade_package takes any version")
    found = [each for each in others if wanted in ("", str(number(each)), each["metadata"]["name"])]
    if not found:
        there = ", ".join(f"{number(each)} ({sources.of(each).identifier})" for each in others)
        raise NoRevisionError(f"{_called(package)} has no former revision {wanted}", "", f"there are: {there}")
    if sources.of(found[-1]) == sources.of(package):
        said = f"revision {number(found[-1])} was fetched as {sources.of(package)} too, before the tag moved"
        raise NoRevisionError("the tag no longer means what it did", said, "upgrade_package takes its digest")
    return found[-1]


_CONTROLLED = re.compile(r"already controlled by \w+Revision (?P<revision>\S+)")


def held_back(package: str, message: str) -> str:
    """The former revision of the same package that has not let go of what both bring; empty where it is not that.

    Crossplane switches the one off and the other on at once, and tries again in longer and longer steps.
    """
    found = _CONTROLLED.search(message)
    own = found is not None and found["revision"].rpartition("-")[0] == package[:50]
    return found["revision"] if found and own else ""


def unnamed(revision: Object) -> list[str]:
    """What it has brought without writing down of which kind, so that it could never let go of it.

    Crossplane leaves the kind of what it has only just made out of the revision's status, until it looks at the
    revision again; switched off before that, the revision fails to release it for ever.
    """
    brought = (revision.get("status") or {}).get("objectRefs") or ()
    return [str(each.get("name")) for each in brought if not each.get("kind")]


def number(revision: Object) -> int:
    return int((revision.get("spec") or {}).get("revision") or 0)


def _called(package: Object) -> str:
    return f"{package.get('kind')} {package['metadata']['name']}"


def pruned(revisions: Sequence[Object], limit: int) -> list[Object]:
    """Which of the revisions go where so many former ones are kept; 0 keeps all."""
    return list(revisions[: max(0, len(revisions) - limit - 1)]) if limit else []

"""The two finalizers by which a garbage collector is asked to orphan dependents, or to wait for them.

Dependents of a claim live in the app cluster. Under their own names both finalizers would be worked off at once by the
control plane's collector, which finds no dependents there; the app cluster's would then delete what was to be orphaned.
So they are stored under reserved names, which no collector knows, and shown under their own to the app cluster's. Those
that the control plane has under their own names are the control plane's affair and never shown.

Source: reference/aggregation-layer.md §7.7, §7.8; `deletionFinalizersForGarbageCollection` of k8s.io/apiserver.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from fairlead.connector.naming import RESERVED, is_reserved

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
COLLECTORS = (ORPHAN, FOREGROUND)
_STORED = {name: RESERVED + name for name in COLLECTORS}
MARKS = tuple(f'"{stored}"'.encode() for stored in _STORED.values())
"""As they stand in a stored object."""
_SHOWN = {stored: name for name, stored in _STORED.items()}
_WANTED = {"Orphan": [ORPHAN], "Foreground": [FOREGROUND], "Background": []}


def inward(sent: Iterable[str]) -> list[str]:
    """As stored; other reserved ones are not the sender's to set."""
    return [_STORED.get(each, each) for each in sent if not is_reserved(each)]


def outward(stored: Iterable[str]) -> list[str]:
    return [_SHOWN.get(each, each) for each in stored if not is_hidden(each)]


def is_hidden(stored: str) -> bool:
    """Whether the app cluster does not see it, so that a replacement has to carry it over."""
    return stored in COLLECTORS or (is_reserved(stored) and stored not in _SHOWN)


def as_if_asked_here(answered: Iterable[str]) -> list[str]:
    """Of an answer to a dry run of a deletion that was passed on as it is: its own names are the caller's."""
    return [_STORED.get(each, each) for each in answered]


def owned(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The `f:finalizers` of a managedFields entry, as shown; empty when nothing is left."""
    shown = {}
    for key, value in fields.items():
        name = _value(key)
        if name is None:
            shown[key] = value
        elif not is_hidden(name):
            shown[f"v:{json.dumps(_SHOWN.get(name, name))}"] = value
    return dict(sorted(shown.items())) if shown.keys() - {"."} else {}


def _value(key: str) -> str | None:
    """Of an element `v:"…"` of a set."""
    if not key.startswith("v:"):
        return None
    try:
        found = json.loads(key[2:])
    except ValueError:
        return None
    return found if isinstance(found, str) else None


def policy(options: Mapping[str, Any]) -> str:
    """`Orphan`, `Foreground`, `Background`; empty for none, and for what the API server refuses."""
    asked, orphan = options.get("propagationPolicy"), options.get("orphanDependents")
    if asked is not None and orphan is not None:
        return ""
    if isinstance(orphan, bool):
        return "Orphan" if orphan else "Background"
    return asked if asked in _WANTED else ""


def asked_for(stored: Iterable[str], policy_asked: str) -> list[str]:
    """The stored finalizers after a deletion with an explicit policy, which replaces what an earlier one asked for."""
    kept = [each for each in stored if each not in _SHOWN]
    return kept + [_STORED[name] for name in _WANTED[policy_asked]]

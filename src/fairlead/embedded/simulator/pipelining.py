"""What a composition makes of a composite, as pure functions: which composition it is, its pipeline, what stops it.

Real Crossplane calls the functions of a pipeline over the network. Nothing runs in the playground, so its one function
reads from a step's `input` what it is to do, as the function of the tests' real Crossplane does: compose a ConfigMap of
the composite's settings, or what `compose` names, and say that it is ready unless `ready` forbids it; or fail with the
message in `fatal`. The sentences are Crossplane's, because they are what users search for and what diagnoses read.

Source: crossplane v2.3.4 `internal/controller/apiextensions/composite`; testenv/function.py.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from fairlead.crossplane.references import machinery
from fairlead.machinery import conditions
from fairlead.machinery.errors import FairleadError

Object = dict[str, Any]

FUNCTION = "function-settings"
COMPOSED_NAME = "crossplane.io/composition-resource-name"
DEFAULT_NAME = "settings"
SELECTING, COMPOSING = "SelectComposition", "ComposeResources"


class ComposingError(FairleadError):
    """What keeps a composite from being composed, in Crossplane's words; `event` is the reason of its event."""

    def __init__(self, message: str, event: str = COMPOSING) -> None:
        super().__init__(message)
        self.message = message
        self.event = event


@dataclass
class Desired:
    resources: dict[str, Object] = field(default_factory=dict)
    """By the name that the pipeline gives them."""
    ready: set[str] = field(default_factory=set)


def chosen(composite: Mapping[str, Any], compositions: Sequence[Mapping[str, Any]]) -> str:
    """The name of its composition. Raises `ComposingError`."""
    own = machinery(composite)
    named = str((own.get("compositionRef") or {}).get("name") or "")
    if named:
        if named not in {each["metadata"]["name"] for each in compositions}:
            missing = f'cannot get Composition: Composition.apiextensions.crossplane.io "{named}" not found'
            raise ComposingError(f"cannot fetch Composition: {missing}")
        return named
    labels = (own.get("compositionSelector") or {}).get("matchLabels") or {}
    kind = (composite["apiVersion"], composite["kind"])
    fitting = sorted(
        each["metadata"]["name"]
        for each in compositions
        if composes(each) == kind and labels.items() <= (each["metadata"].get("labels") or {}).items()
    )
    if not fitting:
        raise ComposingError("cannot select Composition: no compatible Compositions found", SELECTING)
    return str(fitting[0])


def composes(composition: Mapping[str, Any]) -> tuple[str, str]:
    """Version and kind of the composites that a composition, or a revision of one, is for."""
    kind = composition["spec"]["compositeTypeRef"]
    return kind["apiVersion"], kind["kind"]


def run(
    pipeline: Sequence[Mapping[str, Any]],
    composite: Mapping[str, Any],
    observed: Mapping[str, Mapping[str, Any]],
    active: Collection[str],
) -> Desired:
    """All steps, one after another; `active`: the functions that can be called. Raises `ComposingError`."""
    found = Desired()
    for step in pipeline:
        name = step["functionRef"]["name"]
        if name not in active:
            lack = "cannot find an active FunctionRevision (a FunctionRevision with spec.desiredState: Active)"
            unreached = f'cannot get gRPC client connection for Function "{name}": {lack}'
            raise ComposingError(
                f'cannot compose resources: cannot run Composition pipeline step "{step["step"]}": {unreached}'
            )
        wanted = step.get("input") or {}
        if wanted.get("fatal"):
            said = f'pipeline step "{step["step"]}" returned a fatal result: {wanted["fatal"]}'
            raise ComposingError(f"cannot compose resources: {said}")
        _call(wanted, composite, observed, found)
    return found


def _call(
    wanted: Mapping[str, Any], composite: Mapping[str, Any], observed: Mapping[str, Mapping[str, Any]], found: Desired
) -> None:
    for name, made in (wanted.get("compose") or {DEFAULT_NAME: _config_map(composite)}).items():
        found.resources[name] = deepcopy(made)
        if name in observed and _is_ready(wanted.get("ready", True), observed[name]):
            found.ready.add(name)


def _is_ready(wanted: Any, seen: Mapping[str, Any]) -> bool:
    """`auto` asks the object, as function-auto-ready does."""
    if wanted == "auto":
        silent = "status" not in seen and "forProvider" not in (seen.get("spec") or {})
        return silent or conditions.is_true(seen, "Ready")
    return bool(wanted)


def _config_map(composite: Mapping[str, Any]) -> Object:
    spec, metadata = composite.get("spec") or {}, composite["metadata"]
    namespace = metadata.get("namespace") or (spec.get("claimRef") or {}).get("namespace")
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": metadata["name"], "namespace": namespace},
        "data": {key: _text(value) for key, value in spec.items() if isinstance(value, str | int | float)},
    }


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def composed_name(composite: Mapping[str, Any], name: str) -> str:
    """Stable, so that what was deleted comes back under its name."""
    metadata = composite["metadata"]
    root = (metadata.get("labels") or {}).get("crossplane.io/composite") or metadata["name"]
    hashed = hashlib.sha256(f"{metadata['uid']}/{name}".encode()).hexdigest()
    return f"{root[:50]}-{hashed[:12]}"

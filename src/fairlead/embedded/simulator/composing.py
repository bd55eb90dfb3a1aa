"""What the Crossplane simulator makes, as pure functions: a composite of a claim, its connection secret, their status.

Names, labels, finalizers, reasons and the fields that pass between claim and composite are real Crossplane's
(reference/crossplane.md §3), so whatever reads them cannot tell. What was made here is annotated all the same, because
nobody must take it for an infrastructure that exists.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.crossplane.references import machinery
from fairlead.crossplane.xrds import Definition
from fairlead.machinery import conditions
from fairlead.machinery.conditions import condition

Object = dict[str, Any]

SIMULATED = {"fairlead.dev/simulated": "true"}
SAYS_SO = "simulated by the Fairlead playground: nothing exists behind it"
CLAIM_FINALIZER = "finalizer.apiextensions.crossplane.io"
SECRET_TYPE = "connection.crossplane.io/v1alpha1"  # noqa: S105 - a type, not a secret

COMPOSITE_FINALIZER = "composite.apiextensions.crossplane.io"
_COMPOSITE = "crossplane.io/composite"
_CLAIM_NAME, _CLAIM_NAMESPACE = "crossplane.io/claim-name", "crossplane.io/claim-namespace"
_CLAIM_FIELDS = frozenset((
    "resourceRef", "writeConnectionSecretToRef", "compositeDeletePolicy", "compositionRef", "compositionSelector",
    "compositionRevisionRef", "compositionRevisionSelector", "compositionUpdatePolicy",
))  # fmt: skip
_KEPT_FIELDS = ("compositionRef", "compositionSelector", "compositionUpdatePolicy", "compositionRevisionSelector")
_RESERVED = ("kubernetes.io", "k8s.io")


def binding(claim: Mapping[str, Any], definition: Definition, suffix: str) -> Object | None:
    """The merge patch by which a claim gets its finalizer and names its composite; None when it has both."""
    metadata = claim["metadata"]
    finalizers = metadata.get("finalizers") or []
    patch: Object = {}
    if CLAIM_FINALIZER not in finalizers:
        patch["metadata"] = {"finalizers": [*finalizers, CLAIM_FINALIZER]}
    if not composite_name(claim):
        name = f"{metadata['name'][:57]}-{suffix}"
        kind = definition.composite.kind
        patch["spec"] = {"resourceRef": {"apiVersion": claim["apiVersion"], "kind": kind, "name": name}}
    if patch:
        patch.setdefault("metadata", {})["resourceVersion"] = metadata["resourceVersion"]
    return patch or None


def composite_name(claim: Mapping[str, Any]) -> str:
    return str(((claim.get("spec") or {}).get("resourceRef") or {}).get("name") or "")


def composite(claim: Mapping[str, Any], definition: Definition) -> Object:
    """The composite of a claim that is bound (`binding`)."""
    metadata, spec = claim["metadata"], claim.get("spec") or {}
    author = {name: value for name, value in spec.items() if name not in _CLAIM_FIELDS}
    kept = {name: spec[name] for name in _KEPT_FIELDS if name in spec}
    about: Object = {
        "name": composite_name(claim),
        "labels": {
            **_passed_on(metadata.get("labels")),
            _COMPOSITE: composite_name(claim),
            _CLAIM_NAME: metadata["name"],
            _CLAIM_NAMESPACE: metadata["namespace"],
        },
        "annotations": {**_passed_on(metadata.get("annotations")), **SIMULATED},
    }
    reference = {key: claim[key] for key in ("apiVersion", "kind")}
    reference |= {"namespace": metadata["namespace"], "name": metadata["name"]}
    return {
        "apiVersion": claim["apiVersion"],
        "kind": definition.composite.kind,
        "metadata": about,
        "spec": {**author, **kept, "claimRef": reference},
    }


def owner(obj: Mapping[str, Any]) -> Object:
    """The reference by which an object is controlled by this one, and goes with it."""
    found = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "name": obj["metadata"]["name"]}
    return {**found, "uid": obj["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True}


def adopting(composite: Mapping[str, Any], *, legacy: bool = False) -> Object | None:
    """The merge patch by which a composite is taken up, or let go; None when there is nothing to do.

    A `legacy` one keeps what is Crossplane's own in its spec itself.
    """
    metadata = composite["metadata"]
    finalizers = metadata.get("finalizers") or []
    patch: Object = {}
    if "deletionTimestamp" in metadata:
        if COMPOSITE_FINALIZER in finalizers:
            kept = [each for each in finalizers if each != COMPOSITE_FINALIZER]
            patch = {"metadata": {"finalizers": kept or None}}
    else:
        patch = _taken_up(composite, finalizers, legacy)
    if patch:
        patch.setdefault("metadata", {})["resourceVersion"] = metadata["resourceVersion"]
    return patch or None


def _taken_up(composite: Mapping[str, Any], finalizers: Sequence[str], legacy: bool) -> Object:
    metadata, patch = composite["metadata"], dict[str, Any]()
    about: Object = {}
    if COMPOSITE_FINALIZER not in finalizers:
        about["finalizers"] = [*finalizers, COMPOSITE_FINALIZER]
    if not (metadata.get("labels") or {}).get(_COMPOSITE):
        about["labels"] = {_COMPOSITE: metadata["name"]}
    if not SIMULATED.items() <= (metadata.get("annotations") or {}).items():
        about["annotations"] = dict(SIMULATED)
    if about:
        patch["metadata"] = about
    if not machinery(composite).get("compositionUpdatePolicy"):
        policy: Object = {"compositionUpdatePolicy": "Automatic"}
        patch["spec"] = policy if legacy else {"crossplane": policy}
    return patch


def _passed_on(texts: Mapping[str, str] | None) -> dict[str, str]:
    """Labels or annotations but for Kubernetes' own."""
    return {
        key: value
        for key, value in (texts or {}).items()
        if not key.partition("/")[0].endswith(_RESERVED) or "/" not in key
    }


def returning(claim: Mapping[str, Any], composite: Mapping[str, Any]) -> Object | None:
    """The merge patch by which a claim is told what its composite is composed by; None when it knows."""
    known, spec = claim.get("spec") or {}, composite.get("spec") or {}
    told = {key: spec[key] for key in ("compositionRef", "compositionRevisionRef") if key in spec}
    return None if told.items() <= known.items() else {"spec": told}


def claim_of(composite: Mapping[str, Any]) -> tuple[str, str] | None:
    """Namespace and name of the claim that a composite belongs to."""
    reference = (composite.get("spec") or {}).get("claimRef") or {}
    if not reference.get("name") or not reference.get("namespace"):
        return None
    return reference["namespace"], reference["name"]


def ready(obj: Mapping[str, Any], time: str) -> list[Object]:
    """The conditions of a composite, or of a claim whose composite is ready."""
    return _conditions(obj, condition("Ready", "True", "Available", time, SAYS_SO))


def waiting(claim: Mapping[str, Any], time: str) -> list[Object]:
    why = "Claim is waiting for composite resource to become Ready"
    return _conditions(claim, condition("Ready", "False", "Waiting", time, why))


def paused(time: str) -> Object:
    why = "Reconciliation (including deletion) is paused via the pause annotation"
    return condition("Synced", "False", "ReconcilePaused", time, why)


def deleting(obj: Mapping[str, Any], time: str) -> list[Object]:
    return _conditions(obj, condition("Ready", "False", "Deleting", time))


def _conditions(obj: Mapping[str, Any], of_ready: Object) -> list[Object]:
    synced = condition("Synced", "True", "ReconcileSuccess", of_ready["lastTransitionTime"])
    return conditions.put(conditions.conditions(obj), synced, of_ready)


def connection_secret(claim: Mapping[str, Any], keys: Sequence[str], password: str) -> Object | None:
    """The secret that the claim asks for; None when it asks for none. `keys`: the XRD's connectionSecretKeys."""
    name = ((claim.get("spec") or {}).get("writeConnectionSecretToRef") or {}).get("name")
    if not name:
        return None
    metadata = claim["metadata"]
    values = {"username": metadata["name"], "password": password, "port": "5432"}
    endpoint = f"{metadata['name']}.{metadata['namespace']}.simulated.invalid"
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": SECRET_TYPE,
        "metadata": {"name": name, "namespace": metadata["namespace"], "annotations": SIMULATED,
                     "ownerReferences": [owner(claim)]},
        "stringData": {key: values.get(key, endpoint) for key in keys or ("endpoint", "username", "password")},
    }  # fmt: skip


def offered(xrd: Mapping[str, Any], definition: Definition, time: str) -> Object:
    """The status of an XRD whose CRDs are established."""
    generation = (xrd.get("metadata") or {}).get("generation", 0)
    wanted = [condition("Established", "True", "WatchingCompositeResource", time, generation=generation)]
    api_version = f"{definition.group}/{definition.referenceable}"
    controllers = {"compositeResourceType": {"apiVersion": api_version, "kind": definition.composite.kind}}
    if definition.claim:
        wanted.append(condition("Offered", "True", "WatchingCompositeResourceClaim", time, generation=generation))
        controllers["compositeResourceClaimType"] = {"apiVersion": api_version, "kind": definition.claim.kind}
    return {"conditions": conditions.put(conditions.conditions(xrd), *wanted), "controllers": controllers}

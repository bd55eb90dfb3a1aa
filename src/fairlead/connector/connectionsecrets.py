"""What becomes of a claim's connection secret in the app cluster; pure.

A copy looks as if Crossplane had written it there: its type, the claim as its controller, the name that the claim asks
for. So the app cluster's garbage collector removes it with the claim even when no connector runs. A label says that it
is ours. A Secret without the label is never changed, whatever it is called.

Source: issue Connector, 4; reference/connector-and-migration.md (b) 26.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fairlead.connector import mapping, secretnames
from fairlead.connector.catalog import Offer
from fairlead.connector.naming import RESERVED, Scope
from fairlead.machinery.encoding import to_json
from fairlead.machinery.paths import GroupVersion

Object = dict[str, Any]

TYPE = "connection.crossplane.io/v1alpha1"
COPY_OF = f"{RESERVED}copied-by"
"""The label of a copy; its value is the cluster id."""


@dataclass(frozen=True)
class Owner:
    group: str
    version: str
    kind: str
    name: str
    uid: str


def owner(secret: Mapping[str, Any]) -> Owner | None:
    """Its controller; None for a Secret that is no connection secret."""
    references = secret["metadata"].get("ownerReferences") or ()
    found = next((each for each in references if each.get("controller")), None)
    if secret.get("type") != TYPE or found is None:
        return None
    version = GroupVersion.parse(found["apiVersion"])
    return Owner(version.group, version.version, found["kind"], found["name"], found["uid"])


def copy(secret: Mapping[str, Any], claim: Mapping[str, Any], offer: Offer, scope: Scope) -> Object | None:
    """The Secret that the app cluster is to have; None unless it is this claim's, and the claim this app cluster's."""
    stored = mapping.fields(to_json(claim["metadata"]))
    identity = mapping.identify(stored, scope, offer.prefix)
    controller = owner(secret)
    asked = secretnames.asked(mapping.fields(to_json(claim)))
    if identity is None or controller is None or controller.uid != claim["metadata"]["uid"]:
        return None
    if asked != secret["metadata"]["name"]:
        return None
    reference = {
        "apiVersion": str(offer.resource.group_version),
        "kind": offer.kind,
        "name": identity.name,
        "uid": controller.uid,
        "controller": True,
    }
    kept = secretnames.original(stored)
    shown = kept if asked == secretnames.stored(kept, identity.namespace, identity.cluster) else asked
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": shown,
            "namespace": identity.namespace,
            "labels": {COPY_OF: scope.cluster},
            "ownerReferences": [reference],
        },
        "type": TYPE,
        "data": dict(secret.get("data") or {}),
    }


Verb = Literal["create", "replace", "nothing", "refuse"]


def to_have(existing: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> tuple[Verb, Object]:
    """What to do, and the object to do it with."""
    if existing is None:
        return "create", dict(wanted)
    if not is_copy(existing, wanted["metadata"]["labels"][COPY_OF], claim_of(wanted)):
        return "refuse", {}
    metadata = {**existing["metadata"], "ownerReferences": wanted["metadata"]["ownerReferences"]}
    after = {**existing, "metadata": metadata, "data": wanted["data"]}
    unchanged = (existing.get("data") or {}) == wanted["data"] and existing["metadata"] == metadata
    return ("nothing", {}) if unchanged else ("replace", after)


Claim = tuple[str, str, str]
"""Group, kind and name; not the uid: a claim that is made anew takes over what its namesake left."""


def claim_of(copied: Mapping[str, Any]) -> Claim | None:
    found = owner(copied)
    return (found.group, found.kind, found.name) if found else None


def is_copy(existing: Mapping[str, Any], cluster: str, claim: Claim | None) -> bool:
    """Whether we wrote it, for that claim: another may be that of another connector's control plane."""
    labels = existing["metadata"].get("labels") or {}
    return existing.get("type") == TYPE and labels.get(COPY_OF) == cluster and claim_of(existing) == claim

"""What an event about a claim, or about the composite behind it, becomes in the app cluster; pure.

`kubectl describe` looks for core events whose involved object has the claim's name, namespace and uid, so that is what
a copy is about, whichever of the two it was told of. Name and namespace are mapped back in the sentence, which alone
may speak of the control plane: an event also says where it was recorded and what else it relates to, and those stay.
Copies are not removed: events expire.

Source: issue Connector, 1 and 4; reference/connector-and-migration.md §2.6.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from fairlead.connector import mapping
from fairlead.connector.answering import Names
from fairlead.connector.catalog import Offer
from fairlead.connector.naming import CLAIM_PREFIX, RESERVED, Identity, Scope
from fairlead.machinery.encoding import to_json
from fairlead.machinery.paths import GroupVersion

Object = dict[str, Any]

COPY_OF = f"{RESERVED}copied-by"
_TOLD = ("type", "reason", "action", "count", "firstTimestamp", "lastTimestamp", "eventTime", "series")
_COMPOSITE = re.compile(rf"({CLAIM_PREFIX}[0-9a-f]{{16}})-[a-z0-9]+")
"""Crossplane names a composite after its claim."""


@dataclass(frozen=True)
class About:
    """The involved object of an event."""

    group: str
    version: str
    kind: str
    namespace: str
    name: str
    uid: str

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> "About":
        found = {key: str(value or "") for key, value in (event.get("involvedObject") or {}).items()}
        version = GroupVersion.parse(found.get("apiVersion") or "v1")
        rest = (found.get(key, "") for key in ("kind", "namespace", "name", "uid"))
        return cls(version.group, version.version, *rest)

    @property
    def claim(self) -> str:
        """The stored name of the claim that this may be the composite of; empty for none."""
        found = _COMPOSITE.fullmatch(self.name)
        return found.group(1) if found and not self.namespace else ""

    def is_composite_of(self, claim: Mapping[str, Any]) -> bool:
        reference = (claim.get("spec") or {}).get("resourceRef") or {}
        group = GroupVersion.parse(str(reference.get("apiVersion") or "v1")).group
        return (group, reference.get("kind"), reference.get("name")) == (self.group, self.kind, self.name)


def identify(claim: Mapping[str, Any], offer: Offer, scope: Scope) -> Identity | None:
    """Whose claim it is; None for one that is not this app cluster's."""
    return mapping.identify(mapping.fields(to_json(claim["metadata"])), scope, offer.prefix)


def copy(event: Mapping[str, Any], claim: Mapping[str, Any], identity: Identity, offer: Offer, scope: Scope) -> Object:
    """`claim` is the stored one, or the stored composite where composites are namespaced."""
    names = Names(scope, offer.prefix, identity, identity.namespace)
    told = {key: event[key] for key in _TOLD if event.get(key) is not None}
    about = {"apiVersion": claim["apiVersion"], "kind": claim["kind"], "uid": claim["metadata"]["uid"]}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": _name(event, identity),
            "namespace": identity.namespace,
            "labels": {COPY_OF: scope.cluster},
        },
        "involvedObject": {**about, "name": identity.name, "namespace": identity.namespace},
        "message": names.text(str(event.get("message") or "")),
        **told,
        **_reporter(event),
    }


def _name(event: Mapping[str, Any], identity: Identity) -> str:
    """Always the same for one event, so that it is told once."""
    metadata = event["metadata"]
    digest = sha256(f"{metadata.get('namespace')}/{metadata['name']}".encode()).hexdigest()
    return f"{identity.name}.{digest[:16]}"


def _reporter(event: Mapping[str, Any]) -> Object:
    """Which controller it was, and not where it runs."""
    component = str((event.get("source") or {}).get("component") or "")
    found: Object = {"source": {"component": component}} if component else {}
    if reporter := event.get("reportingComponent"):
        found |= {"reportingComponent": reporter, "reportingInstance": reporter}
    return found


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether they tell the same, however often it was written."""
    told = ("message", "reason", "count", "lastTimestamp", "series", "type")
    return all(one.get(key) == other.get(key) for key in told)


def is_ours(existing: Mapping[str, Any], cluster: str) -> bool:
    labels = existing["metadata"].get("labels") or {}
    return bool(labels.get(COPY_OF) == cluster)

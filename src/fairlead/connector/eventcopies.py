"""What an event about a claim becomes in the app cluster; pure.

`kubectl describe` looks for core events whose involved object has the claim's name, namespace and uid. The uid is the
same on both sides; name, namespace and the sentences are mapped back. Copies are not removed: events expire.

Source: issue Connector, 4; reference/connector-and-migration.md §2.6.
"""

from collections.abc import Mapping
from typing import Any

from fairlead.connector import mapping
from fairlead.connector.answering import Names
from fairlead.connector.catalog import Offer
from fairlead.connector.naming import RESERVED, Identity, Scope
from fairlead.machinery.encoding import to_json

Object = dict[str, Any]

COPY_OF = f"{RESERVED}copied-by"
_LEFT_OUT = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "ownerReferences", "generation")


def identify(claim: Mapping[str, Any], offer: Offer, scope: Scope) -> Identity | None:
    """Whose claim it is; None for one that is not this app cluster's."""
    return mapping.identify(mapping.fields(to_json(claim["metadata"])), scope, offer.prefix)


def copy(event: Mapping[str, Any], identity: Identity, offer: Offer, scope: Scope) -> Object:
    names = Names(scope, offer.prefix, identity, identity.namespace)
    kept = {key: value for key, value in event["metadata"].items() if key not in _LEFT_OUT}
    about = {key: value for key, value in event["involvedObject"].items() if key != "resourceVersion"}
    return {
        **event,
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            **kept,
            "name": event["metadata"]["name"].replace(identity.backend(offer.prefix), identity.name),
            "namespace": identity.namespace,
            "labels": {COPY_OF: scope.cluster},
        },
        "involvedObject": {**about, "name": identity.name, "namespace": identity.namespace},
        "message": names.text(str(event.get("message") or "")),
    }


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether they tell the same, however often it was written."""
    told = ("message", "reason", "count", "lastTimestamp", "series", "type")
    return all(one.get(key) == other.get(key) for key in told)


def is_ours(existing: Mapping[str, Any], cluster: str) -> bool:
    labels = existing["metadata"].get("labels") or {}
    return bool(labels.get(COPY_OF) == cluster)

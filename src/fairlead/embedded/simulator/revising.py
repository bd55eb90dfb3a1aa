"""Composition revisions, as the simulator makes one of each composition that is new or has changed.

Source: reference/crossplane.md §1.2 (names, labels, owners); crossplane v2.3.4 `internal/controller/apiextensions`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.client.api import Client
from fairlead.embedded.simulator import following
from fairlead.embedded.simulator.composing import SIMULATED, owner
from fairlead.embedded.simulator.crossplanekinds import resource
from fairlead.machinery.conditions import condition

Object = dict[str, Any]

COMPOSITIONS, REVISIONS = resource("Composition"), resource("CompositionRevision")
_TYPED = {"apiVersion": str(REVISIONS.group_version), "kind": "CompositionRevision"}
_NAME, _HASH = "crossplane.io/composition-name", "crossplane.io/composition-hash"


def latest(revisions: Sequence[Mapping[str, Any]], composition: str) -> Object | None:
    own = [dict(each) for each in revisions if (each["metadata"].get("labels") or {}).get(_NAME) == composition]
    return max(own, key=lambda each: int(each["spec"]["revision"]), default=None)


async def revise(client: Client, event: Mapping[str, Any]) -> None:
    """One that has been before is the latest again, instead of being made twice."""
    composition = await client.get(COMPOSITIONS, event["metadata"]["name"])
    if "deletionTimestamp" in composition["metadata"]:
        return
    name, known = composition["metadata"]["name"], (await client.list(REVISIONS)).items
    last = latest(known, name)
    number = int(last["spec"]["revision"]) if last else 0
    wanted = _revision(composition, number + 1)
    there = next((each for each in known if each["metadata"]["name"] == wanted["metadata"]["name"]), None)
    if there is None:
        made = await client.create(REVISIONS, wanted)
        await client.patch(REVISIONS, made["metadata"]["name"], {"status": _valid(made)}, subresource="status")
    elif last is not None and there["metadata"]["name"] != last["metadata"]["name"]:
        await client.patch(REVISIONS, there["metadata"]["name"], {"spec": {"revision": number + 1}})


def _revision(composition: Mapping[str, Any], number: int) -> Object:
    metadata = composition["metadata"]
    labels = dict(metadata.get("labels") or {})
    content = [labels, composition["spec"]]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:63]
    about: Object = {
        "name": f"{metadata['name'][:55]}-{digest[:7]}",
        "labels": {**labels, _NAME: metadata["name"], _HASH: digest},
        "annotations": dict(SIMULATED),
        "ownerReferences": [owner(composition)],
    }
    spec = {**composition["spec"], "revision": number}
    return {**_TYPED, "metadata": about, "spec": spec}


def _valid(revision: Mapping[str, Any]) -> Object:
    """Crossplane looks at the functions that are there alone: one that is missing shows when it is called."""
    time, generation = following.now(), revision["metadata"]["generation"]
    return {
        "conditions": [
            condition("Synced", "True", "ReconcileSuccess", time, generation=generation),
            condition("ValidPipeline", "True", "ValidPipeline", time, generation=generation),
        ]
    }

"""What is made to fall ill, and the doctor who is asked until the diagnosis is the one that it should be."""

from collections.abc import Callable
from typing import Any

import anyio

from fairlead.crossplane.understanding.causes import Cause
from fairlead.crossplane.understanding.diagnosing import Diagnosis, diagnose
from fairlead.resources.reading import Reader
from testenv.crossplane import FUNCTION
from tests.crossplane.conftest import GROUP, NAMESPACE
from tests.e2e.hands import Kubectl

Object = dict[str, Any]
TRIES = 300


def cache(name: str, composition: str = "") -> Object:
    chosen = {"crossplane": {"compositionRef": {"name": composition}}} if composition else {}
    metadata = {"name": name, "namespace": NAMESPACE}
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "Cache",
        "metadata": metadata,
        "spec": {"size": "small", **chosen},
    }


def composition(name: str, function: str = FUNCTION, **wanted: Any) -> Object:
    step: Object = {"step": "settings", "functionRef": {"name": function}}
    if wanted:
        step["input"] = {"apiVersion": "testenv.fairlead.dev/v1", "kind": "Wishes", **wanted}
    spec = {"compositeTypeRef": {"apiVersion": f"{GROUP}/v1alpha1", "kind": "Cache"}, "mode": "Pipeline"}
    return {
        "apiVersion": "apiextensions.crossplane.io/v1",
        "kind": "Composition",
        "metadata": {"name": name},
        "spec": {**spec, "pipeline": [step]},
    }


class Ward:
    """Patients, and the doctor: asks until the first cause is the wanted one, as states take a moment to settle."""

    def __init__(self, plane: Kubectl, reader: Reader, unique: Callable[[str], str]) -> None:
        self.plane = plane
        self.reader = reader
        self.unique = unique

    async def ill(self, name: str, function: str = FUNCTION, **wanted: Any) -> str:
        """A cache whose composition is its own."""
        self.plane.apply(composition(name, function, **wanted))
        self.plane.apply(cache(name, name))
        return name

    async def asked(self, kind: str, name: str, namespace: str = NAMESPACE) -> Diagnosis:
        return await diagnose(self.reader, await self.reader.kind(kind), name, namespace)

    async def first(
        self, wanted: str, kind: str, name: str, namespace: str = NAMESPACE, about: str = "", tries: int = TRIES
    ) -> Cause:
        """`about` is the kind that is to blame, where that decides."""
        seen: list[str] = []
        for _ in range(tries):
            found = await self.asked(kind, name, namespace)
            first = found.causes[0] if found.causes else None
            if first is not None and first.name == wanted and about in ("", first.about.kind):
                return first
            now = [f"{each.name}: {each.what}" for each in found.causes]
            seen += [f"{now}"] if f"{now}" not in seen else []
            await anyio.sleep(0.1)
        raise AssertionError(f"{wanted} never came first: {seen}")

    async def well(self, kind: str, name: str, namespace: str = NAMESPACE) -> Diagnosis:
        """Most things are reconciled once more when they are ready, and meanwhile speak of an earlier generation."""
        for _ in range(TRIES):
            if not (found := await self.asked(kind, name, namespace)).causes:
                return found
            await anyio.sleep(0.1)
        raise AssertionError(found.causes)

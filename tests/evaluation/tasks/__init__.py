"""What people have an agent do with Crossplane, each as the shortest way there; and how one sees that it is done.

A task sets up its case on a real control plane, makes the calls that a good agent would make, and then looks at the
cluster: a reply that says "done" proves nothing. Where the question is one, the truth is read from the cluster too, and
the reply has to hold it. Only what the agent does is measured, in calls and bytes.

Source: reference/mcp-and-gateways.md §6.2 (task cost); issue Crossplane toolset, Must hold.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import anyio

from testenv.crossplane import FUNCTION
from testenv.registry import Registry
from tests.crossplane.planes import NAMESPACE
from tests.e2e import manifests
from tests.e2e.hands import Kubectl, Refused
from tests.evaluation.agents import Agent

Object = dict[str, Any]
GROUP = manifests.GROUP
_ASKED = 300
_PAUSE = 0.1


@dataclass
class Scene:
    agent: Agent
    plane: Kubectl
    registry: Registry
    unique: Callable[[str], str]

    def get(self, kind: str, name: str, namespace: str = "") -> Object:
        """Raises `Refused`."""
        found: Object = json.loads(self.plane.run("get", kind, name, *_within(namespace), "-o", "json"))
        return found

    def names(self, kind: str, *more: str) -> list[str]:
        return [each.rpartition("/")[2] for each in self.plane.run("get", kind, *more, "-o", "name").split()]

    def is_there(self, kind: str, name: str, namespace: str = "") -> bool:
        return bool(self.plane.run("get", kind, name, *_within(namespace), "--ignore-not-found", "-o", "name"))

    async def until(self, holds: Callable[[], object]) -> None:
        """Asks the cluster, up to a deadline, until it says so."""
        last: object = None
        for _ in range(_ASKED):
            try:
                if last := holds():
                    return
            except Refused as refusal:
                last = refusal
            await anyio.sleep(_PAUSE)
        raise AssertionError(f"it never came about: {last}")

    def condition(self, kind: str, name: str, wanted: str, namespace: str = "") -> str:
        """Status and reason of a condition; empty where there is none."""
        found = (self.get(kind, name, namespace).get("status") or {}).get("conditions") or ()
        return next((f"{each['status']} {each.get('reason')}" for each in found if each["type"] == wanted), "")

    async def ready(self, kind: str, name: str, namespace: str = NAMESPACE) -> None:
        await self.until(lambda: self.condition(kind, name, "Ready", namespace).startswith("True"))


def _within(namespace: str) -> list[str]:
    return ["-n", namespace] if namespace else []


Do = Callable[[Scene], Awaitable[None]]


@dataclass(frozen=True)
class Task:
    name: str
    wish: str
    """In the words of whoever has it."""
    do: Do
    quick: bool


TASKS: list[Task] = []


def task(wish: str, *, quick: bool = False) -> Callable[[Do], Do]:
    """`quick` ones run whenever tests run, the others in the whole run."""

    def keep(do: Do) -> Do:
        TASKS.append(Task(do.__name__, wish, do, quick))
        return do

    return keep


def pipeline(function: str = FUNCTION, **wanted: Any) -> list[Object]:
    step: Object = {"step": "make", "functionRef": {"name": function}}
    step |= {"input": {"apiVersion": "testenv.fairlead.dev/v1", "kind": "Wishes", **wanted}} if wanted else {}
    return [step]


def composition(name: str, steps: list[Object]) -> Object:
    """For caches; whoever means it names it."""
    spec = {"compositeTypeRef": {"apiVersion": f"{GROUP}/v1alpha1", "kind": "Cache"}, "mode": "Pipeline"}
    return {
        "apiVersion": "apiextensions.crossplane.io/v1",
        "kind": "Composition",
        "metadata": {"name": name},
        "spec": {**spec, "pipeline": steps},
    }


def cache(name: str, composition: str = "cache", **metadata: Any) -> Object:
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "Cache",
        "metadata": {"name": name, "namespace": NAMESPACE, **metadata},
        "spec": {"size": "small", "crossplane": {"compositionRef": {"name": composition}}},
    }


def config_map(name: str, **metadata: Any) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE, **metadata}}

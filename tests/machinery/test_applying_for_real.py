"""The same writes by the same managers, there on a real kube-apiserver and here; after each, the same object."""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import anyio
import anyio.lowlevel
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from fairlead.client.api import Client
from fairlead.embedded import builtin_schemas
from fairlead.machinery import statuses
from fairlead.machinery.applying import FieldManager
from fairlead.machinery.paths import Resource
from fairlead.machinery.shapes import object_shape
from tests.machinery import shaped
from tests.machinery.shaped import MAIN, MANAGERS, RESOURCE, STATUS_ONLY, TIME, Object

if TYPE_CHECKING:
    from testenv.servers import RealCluster

CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", namespaced=False)
BASE = "/apis/apply.test/v1/namespaces/default/shapes"


@dataclass(frozen=True)
class Write:
    verb: Literal["apply", "replace", "status"]
    manager: str
    force: bool
    config: Object


writes = st.builds(
    Write,
    verb=st.sampled_from(["apply", "apply", "replace", "status"]),
    manager=st.sampled_from(MANAGERS),
    force=st.booleans(),
    config=shaped.configs,
)
sequences = st.lists(writes, min_size=3, max_size=8)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator["RealCluster"]:
    """Without controllers: the garbage collector would take objects whose made-up owners it cannot find."""
    from testenv.servers import RealCluster

    server = RealCluster("bare", tmp_path_factory.mktemp("bare"), controllers=())
    with server:
        yield server


@pytest.mark.requirement("machinery:apply-as-the-server")
@pytest.mark.real
class TestAsTheServer:
    def test_every_step_leaves_the_same_object(self, bare: "RealCluster") -> None:
        async def everything() -> None:
            async with bare.cluster.open() as client:
                await serve_shapes(client)
                for number, steps in enumerate(examples()):
                    await same_steps(client, f"shape-{number}", steps)

        with_deadline(everything)

    def test_built_in_kinds_take_the_same_way(self, bare: "RealCluster") -> None:
        node = builtin_schemas.node("v1", "Service")
        manager = FieldManager({"v1": object_shape(node)}, "v1", "Service")

        async def everything() -> None:
            live: Object | None = None
            async with bare.cluster.open() as client:
                for name, spec in SERVICE_STEPS:
                    config = service(spec)
                    theirs = await client.apply(SERVICES, config, "default", manager=name, force=True)
                    ours = manager.apply(live, config, name, TIME, force=True)
                    assert shaped.comparable(ours)["managed"] == shaped.comparable(theirs)["managed"]
                    live = theirs

        with_deadline(everything)


SERVICES = Resource("", "v1", "services")
SERVICE_STEPS: list[tuple[str, Object]] = [
    ("a", {"ports": [{"name": "web", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}]}),
    ("b", {"ports": [{"name": "web", "port": 80, "targetPort": "http"}], "selector": {"k": "a"}}),
    ("c", {"ports": [{"name": "other", "port": 53, "protocol": "UDP"}], "selector": {"k": "b"}}),
    ("a", {"ports": [{"name": "web", "port": 80}]}),
    ("b", {}),
]


def service(spec: Object) -> Object:
    base = {"type": "ExternalName", "externalName": "example.dev"}
    metadata = {"name": "applied-by-several"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {**base, **spec}}


def with_deadline(work: Any) -> None:
    async def bounded() -> None:
        with anyio.fail_after(100):
            await work()

    anyio.run(bounded)


def examples(count: int = 60) -> list[list[Write]]:
    """Drawn beforehand: hypothesis and the servers would otherwise wait for each other at every step."""
    found: list[list[Write]] = []

    @seed(4)
    @settings(max_examples=count, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(sequences)
    def collect(steps: list[Write]) -> None:
        found.append(steps)

    collect()
    return found


async def serve_shapes(client: Client) -> None:
    await client.apply(CRDS, shaped.CRD, manager="test")
    with anyio.fail_after(20):
        while True:
            try:
                await client.list(RESOURCE, "default")
            except (statuses.NotFound, statuses.TooManyRequests):
                await anyio.lowlevel.checkpoint()
            else:
                return


async def same_steps(client: Client, name: str, steps: list[Write]) -> None:
    live: Object | None = None
    for step in steps:
        config = copy.deepcopy(step.config)
        config["metadata"]["name"] = name
        theirs = await their_answer(client, step, config, live)
        ours = our_answer(step, config, live)
        assert comparable(ours) == comparable(theirs), json.dumps([step.verb, step.manager, step.force, config, live])
        live = theirs if isinstance(theirs, dict) else live


async def their_answer(
    client: Client, step: Write, config: Object, live: Object | None
) -> Object | statuses.StatusError:
    try:
        if step.verb == "replace" and live:
            config["metadata"] |= {"resourceVersion": live["metadata"]["resourceVersion"]}
            return await client.replace(RESOURCE, config, "default", fieldManager=step.manager)
        subresource = "status" if step.verb == "status" and live else None
        if subresource:
            config = as_status(config)
        return await client.apply(
            RESOURCE, config, "default", manager=step.manager, force=step.force, subresource=subresource
        )
    except statuses.StatusError as refused:
        return refused


def as_status(config: Object) -> Object:
    status = {"phase": config["spec"].get("text", "a"), "conditions": [{"type": "A", "status": "True"}]}
    return {**config, "metadata": {"name": config["metadata"]["name"]}, "spec": {}, "status": status}


def our_answer(step: Write, config: Object, live: Object | None) -> Object | statuses.StatusError:
    if step.verb == "replace" and live:
        return validated(shaped.finished(MAIN.update(live, shaped.received(config), step.manager, TIME), live), live)
    is_status = step.verb == "status" and live is not None
    manager, wanted = (STATUS_ONLY, as_status(config)) if is_status else (MAIN, config)
    try:
        found = manager.apply(live, wanted, step.manager, TIME, force=step.force)
    except statuses.StatusError as refused:
        return refused
    return validated(shaped.finished(found, live, status=is_status), live)


def validated(obj: Object, live: Object | None) -> Object | statuses.StatusError:
    """A map whose last entry is removed is null, which a schema may forbid: the real server refuses that write too."""
    causes = shaped.SCHEMA.validate(obj, live)
    return statuses.invalid("apply.test", "Shape", obj["metadata"]["name"], causes) if causes else obj


def comparable(answer: Object | statuses.StatusError) -> Any:
    """Of several conflicts the server shuffles the managers."""
    if isinstance(answer, dict):
        return shaped.comparable(answer)
    lines = sorted(answer.message.replace("conflicts: ", "conflicts:\n").split("\n"))
    return answer.status_code, answer.status_reason, lines, sorted(answer.causes, key=str)

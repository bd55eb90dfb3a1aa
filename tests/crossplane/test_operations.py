"""Operations that run on request, on a schedule and on a change, each by real Crossplane."""

import json
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from fairlead.crossplane import building, operating
from testenv.crossplane import FUNCTION
from testenv.servers import RealCluster
from tests.crossplane.agents import Hand, hand
from tests.crossplane.conftest import NAMESPACE
from tests.e2e import world
from tests.e2e.hands import DEADLINE, Kubectl, Refused

Object = dict[str, Any]
pytestmark = [pytest.mark.anyio, pytest.mark.requirement("crossplane-operations:runs")]
real = pytest.mark.real
RUNS = "operations.ops.crossplane.io"
DUE = 45.0
"""Seconds in which what runs every ten has run."""


@pytest.fixture
async def agent(plane: Kubectl, plane_server: RealCluster) -> AsyncIterator[Hand]:
    async with hand(plane_server.cluster.kubeconfig, "crossplane", "crossplane-operations") as found:
        yield found


def config_map(name: str, **labels: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
    }


def pipeline(function: str = FUNCTION, **wanted: Any) -> str:
    given = {"apiVersion": "testenv.fairlead.dev/v1", "kind": "Wishes", **wanted}
    return json.dumps([{"step": "make", "functionRef": {"name": function}, "input": given}])


def runs(plane: Kubectl, owner: str) -> list[str]:
    return plane.run("get", RUNS, "-l", f"ops.crossplane.io/{owner}", "-o", "name").split()


def wait_for(plane: Kubectl, owner: str, count: int, seconds: float = DEADLINE) -> None:
    def there() -> None:
        if (found := len(runs(plane, owner))) < count:
            raise Refused(f"{found} of {count} runs")

    world.eventually(there, seconds=seconds)


@real
async def test_an_operation_runs_once_and_again_under_another_name(
    agent: Hand, plane: Kubectl, unique: Callable[[str], str]
) -> None:
    name = unique("once")
    made = await agent("create_operation", name=name, pipeline=pipeline(compose={"one": config_map(name)}))
    assert "healthy" in made
    assert f"applied ConfigMap/{name} in {NAMESPACE}: healthy" in made
    assert "change it with rerun_operation" in await agent.refused("create_operation", name=name, pipeline=pipeline())

    plane.run("delete", "configmap", name, "-n", NAMESPACE)
    again = await agent("rerun_operation", name=name)
    assert f"created Operation {name}-2" in again
    assert "healthy" in again
    assert plane.run("get", "configmap", name, "-n", NAMESPACE, "-o", "name").strip() == f"configmap/{name}"
    assert "never runs again" in await agent("rerun_operation", name=name, dry_run=True)

    for number in (1, 2):
        begun = await agent("create_operation", generate_name=f"{name}-gen-", pipeline=pipeline(), wait_seconds=0)
        assert f"created Operation {name}-gen-{number}" in begun
    both = await agent.refused("create_operation", name=name, generate_name=name, pipeline=pipeline())
    assert "give either name or generate_name" in both

    await agent("delete_operation", name=name)
    assert "what it has applied stays: 1" in agent.talk.asked[-1]
    assert plane.run("get", "configmap", name, "-n", NAMESPACE, "-o", "name")


@real
async def test_a_failure_is_told_with_what_the_function_said(agent: Hand, unique: Callable[[str], str]) -> None:
    name = unique("bad")
    told = await agent("create_operation", name=name, pipeline=pipeline(fatal="no such luck"), retry_limit=1)
    assert "Succeeded: PipelineError" in told
    assert "no such luck" in told
    assert "failures 1 of 1" in told
    why = await agent("diagnose_resource", kind="operations.ops.crossplane.io", name=name)
    assert f"1. Operation/{name} did not succeed" in why
    assert "no such luck" in why
    every = {"type": "operation", "limit": 500}
    assert f"Operation/{name}: unhealthy" in await agent("list_operations", **every, state="unhealthy")
    assert f"Operation/{name}:" not in await agent("list_operations", **every, state="healthy")


@real
@pytest.mark.whole
async def test_functions_that_cannot_run_operations_are_named_before(
    agent: Hand, plane: Kubectl, unique: Callable[[str], str]
) -> None:
    name = unique("composer")
    revision = {
        "apiVersion": "pkg.crossplane.io/v1",
        "kind": "FunctionRevision",
        "metadata": {
            "name": f"{name}-1",
            "labels": {"pkg.crossplane.io/package": name},
            "annotations": {"crossplane.io/paused": "true"},
        },
        "spec": {"desiredState": "Active", "image": "registry.example.org/function:v1", "revision": 1},
    }
    plane.apply(revision)
    told = await agent("create_operation", name=name, pipeline=pipeline(name), retry_limit=1)
    assert "Succeeded: PipelineError" in told, "Crossplane itself refuses to run it"
    rehearsed = await agent("create_operation", name=f"{name}-2", pipeline=pipeline(name), dry_run=True)
    assert f"the function {name} cannot run in operations: it is made for composition" in rehearsed
    plane.run("delete", "functionrevision", f"{name}-1", "--wait=false")


@real
async def test_a_watch_runs_for_what_matches_and_for_each_change(
    agent: Hand, plane: Kubectl, unique: Callable[[str], str]
) -> None:
    name = unique("watch")
    plane.apply(config_map(name, watched=name))
    watched = {"watch_kind": "configmap", "match_labels": [f"watched={name}"], "namespace": NAMESPACE}
    made = pipeline(compose={"one": config_map(f"{name}-made")})
    rehearsed = await agent("create_watch_operation", name=name, **watched, pipeline=made, dry_run=True)
    assert "1 match now: each runs it once, at once" in rehearsed
    told = await agent("create_watch_operation", name=name, **watched, pipeline=made)
    assert "state: WatchOperation" in told
    assert "healthy" in told
    wait_for(plane, f"watchoperation={name}", 1)
    plane.run("annotate", "configmap", name, "-n", NAMESPACE, "changed=yes")
    wait_for(plane, f"watchoperation={name}", 2)
    shown = await agent("get_operation_status", name=name, type="watch")
    assert f"watches ConfigMap in {NAMESPACE} with watched={name}: 1 now" in shown
    assert f"run of WatchOperation {name} for ConfigMap/{name} in {NAMESPACE}" in shown

    other = await agent.refused("update_operation", name=name, type="watch", set=["spec.watch.kind=Secret"])
    assert "the kind that is watched stays" in other

    # What it watches is written, and Crossplane goes on as before: the note is true.
    changed = await agent("update_operation", name=name, type="watch", match_labels=[f"watched={name}-other"])
    assert "Crossplane 2.3 goes on with what it watched before" in agent.talk.asked[-1]
    assert f"+ spec.watch.matchLabels.watched: {name}-other" in changed
    plane.run("annotate", "configmap", name, "-n", NAMESPACE, "changed=again", "--overwrite")
    wait_for(plane, f"watchoperation={name}", 3)
    label = f"ops.crossplane.io/watchoperation={name}"
    plane.run("wait", RUNS, "-l", label, "--for=condition=Succeeded", "--timeout=30s")

    await agent("delete_operation", name=name, type="watch")
    assert "goes with it: 3 Operation, 0 not over" in agent.talk.asked[-1]

    def gone() -> None:
        if runs(plane, f"watchoperation={name}"):
            raise Refused("its runs are still there")

    world.eventually(gone)


@real
async def test_what_cannot_be_watched_is_refused(agent: Hand, unique: Callable[[str], str]) -> None:
    name = unique("watch")
    none = await agent.refused("create_watch_operation", name=name, watch_kind="nosuchkind", pipeline=pipeline())
    assert "the server has no kind 'nosuchkind'" in none
    review = await agent.refused("create_watch_operation", name=name, watch_kind="tokenreview", pipeline=pipeline())
    assert "cannot be watched" in review
    scope = await agent.refused(
        "create_watch_operation", name=name, watch_kind="node", namespace=NAMESPACE, pipeline=pipeline()
    )
    assert "leave out namespace" in scope


@real
async def test_a_cron_operation_says_when_and_is_changed_field_by_field(
    agent: Hand, plane: Kubectl, unique: Callable[[str], str]
) -> None:
    name = unique("cron")
    steps = pipeline(compose={"one": config_map(name)})
    made = await agent("create_cron_operation", name=name, schedule="0 3 29 2 *", pipeline=steps)
    assert "state: CronOperation" in made
    assert re.search(r"next runs: \w{3} \d{4}-02-29 03:00:00Z", made)
    refused = await agent.refused("create_cron_operation", name=f"{name}-2", schedule="0 3 * * 7", pipeline=pipeline())
    assert "7 is not within 0-6" in refused
    step = steps.replace('"make"', '"more"')
    fields = ["spec.operationTemplate.spec.retryLimit=2", "spec.successfulHistoryLimit=7"]
    changed: Object = {"schedule": "TZ=Europe/Berlin 0 3 * * 1", "upsert_steps": step, "set": fields}
    await agent("update_operation", name=name, type="cron", **changed)
    assert "next runs: Mon " in agent.talk.asked[-1]
    found = json.loads(plane.run("get", "cronoperation", name, "-o", "json"))["spec"]
    assert found["schedule"] == "TZ=Europe/Berlin 0 3 * * 1"
    assert [each["step"] for each in found["operationTemplate"]["spec"]["pipeline"]] == ["make", "more"]
    assert (found["operationTemplate"]["spec"]["retryLimit"], found["successfulHistoryLimit"]) == (2, 7)
    wrong = await agent.refused("update_operation", name=name, type="cron", set=["spec.schedule=sometimes"])
    assert "is no schedule" in wrong
    assert "nothing to change" in await agent.refused("update_operation", name=name, type="cron")
    labels = await agent.refused("update_operation", name=name, type="cron", match_labels=["a=b"])
    assert "match_labels is of a WatchOperation" in labels

    for tool in ("get_operation_status", "delete_operation"):
        assert f"{name} is a CronOperation; give type=cron" in await agent.refused(tool, name=name)
    now = await agent("rerun_operation", name=name, type="cron")
    assert f"created Operation {name}-2" in now
    assert not runs(plane, f"cronoperation={name}"), "it is none of its runs"
    await agent("delete_operation", name=name, type="cron")


@real
@pytest.mark.whole
@pytest.mark.requirement("crossplane-operations:reconcile")
async def test_a_cron_operation_runs_pauses_and_goes_on(
    agent: Hand, plane: Kubectl, unique: Callable[[str], str]
) -> None:
    """Half a minute long: nothing but the clock makes it run."""
    name = unique("often")
    made = pipeline(compose={"one": config_map(name)})
    await agent("create_cron_operation", name=name, schedule="@every 10s", pipeline=made)
    wait_for(plane, f"cronoperation={name}", 1, DUE)
    paused = await agent("reconcile_resource", kind="cronoperation", name=name, action="pause")
    assert "its next run sees the annotation, and does not start" in paused

    def seen() -> None:
        if "SchedulePaused" not in plane.run("get", "cronoperation", name, "-o", "json"):
            raise Refused("it has not come to its next run")

    world.eventually(seen, seconds=DUE)
    before = len(runs(plane, f"cronoperation={name}"))
    plane.run("annotate", "cronoperation", name, "crossplane.io/paused-")
    why = await agent("diagnose_resource", kind="cronoperation", name=name)
    assert f"1. CronOperation/{name} is paused no more, and its controller has not looked at it since" in why
    assert "next: reconcile_resource" in why
    resumed = await agent("reconcile_resource", kind="cronoperation", name=name, action="resume", wait_seconds=20)
    assert "no condition says that it is paused" in resumed
    wait_for(plane, f"cronoperation={name}", before + 1, DUE)
    assert json.loads(plane.run("get", "cronoperation", name, "-o", "json"))["spec"]["successfulHistoryLimit"] == 3
    assert f"run of CronOperation {name}" in await agent("list_operations", owner=name)
    await agent("delete_operation", name=name, type="cron")


@real
@pytest.mark.whole
async def test_what_is_refused_before_would_not_do_what_it_says(
    agent: Hand, plane: Kubectl, unique: Callable[[str], str]
) -> None:
    """Crossplane takes all three: one runs at once, one fails before it runs, one never makes a run."""
    never, zero, long = unique("never"), unique("zero"), f"{unique('long')}-{'x' * 60}"
    steps = {"spec": {"mode": "Pipeline", "pipeline": json.loads(pipeline())}}
    kinds = {never: ("0 0 31 2 *", 1), long: ("* * * * *", 0)}
    for name, (schedule, _) in kinds.items():
        spec = {"schedule": schedule, "operationTemplate": steps}
        plane.apply(
            {"apiVersion": operating.VERSION, "kind": "CronOperation", "metadata": {"name": name}, "spec": spec}
        )
    wait_for(plane, f"cronoperation={never}", 1)
    operation = {"apiVersion": operating.VERSION, "kind": "Operation", "metadata": {"name": zero}}
    plane.apply({**operation, "spec": {**steps["spec"], "retryLimit": 0}})
    plane.run("wait", f"{RUNS}/{zero}", "--for=condition=Succeeded=False", "--timeout=30s")
    assert "failures 0 of 0" in await agent("get_operation_status", name=zero)
    assert "running: none" in await agent("get_operation_status", name=long, type="cron")
    for name, (_, count) in kinds.items():
        await agent("delete_operation", name=name, type="cron")
        assert f"goes with it: {count} Operation" in agent.talk.asked[-1]


def test_a_run_says_how_long_it_took_and_whose_it_was() -> None:
    over = {"type": "Succeeded", "status": "True", "lastTransitionTime": "2026-01-01T00:01:30Z"}
    labels = {operating.OWNERS["WatchOperation"]: "w"}
    seen = {f"ops.crossplane.io/watched-resource-{key}": value for key, value in (("kind", "Pod"), ("name", "a"))}
    metadata = {"creationTimestamp": "2026-01-01T00:00:00Z", "labels": labels, "annotations": seen}
    run = {"kind": "Operation", "metadata": metadata, "status": {"conditions": [over]}}
    assert operating.times(run) == "from 2026-01-01T00:00:00Z to 2026-01-01T00:01:30Z (90 s)"
    assert operating.origin(run) == "run of WatchOperation w for Pod/a"
    assert operating.times({"kind": "Operation", "metadata": metadata}) == "since 2026-01-01T00:00:00Z"


def test_next_runs_name_the_zone_where_the_schedule_names_none() -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert (
        operating.next_runs("@daily", now, 1)
        == "next runs: Sun 2026-11-22 00:00:00Z, where Crossplane's own zone is UTC"
    )
    assert operating.next_runs("TZ=Asia/Tokyo 0 0 * * *", now, 1) == "next runs: Sat 2026-11-21 15:00:00Z"
    assert "never" in operating.next_runs("0 0 30 2 *", now)


def test_another_run_belongs_to_nobody_and_has_a_free_name() -> None:
    cron = building.cron_operation("nightly", "@daily", [{"step": "a", "functionRef": {"name": "f"}}], 3)
    made = operating.again(cron, "nightly-2")
    assert made["kind"] == "Operation"
    assert made["metadata"] == {"name": "nightly-2"}
    assert made["spec"]["retryLimit"] == 3
    assert operating.again(made, "x")["spec"] == made["spec"]
    assert operating.free_name("a", {"a", "a-2"}) == "a-3"
    assert len(operating.free_name("a" * 63, ())) <= 63

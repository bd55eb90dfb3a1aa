"""What a reply names as next can be called on the server that replied, with these arguments, and leads somewhere."""

import inspect
import re
import shlex
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import pytest

from fairlead.crossplane.references import Reference
from fairlead.crossplane.understanding import steps
from fairlead.crossplane.understanding.steps import Next, Step
from fairlead.mcp.callers import STDIO
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.named import catalog, offering
from fairlead.mcp.named.servers import Limits, NamedServer, Target
from fairlead.mcp.reaching.targets import Targets
from fairlead.mcp.tools import Tool, arguments
from fairlead.resources.reading import Reader
from testenv.servers import RealCluster
from tests.crossplane.conftest import NAMESPACE
from tests.crossplane.wards import Object, Ward, cache
from tests.e2e import manifests
from tests.e2e.hands import Kubectl
from tests.mcp.changing import Person

pytestmark = pytest.mark.requirement("crossplane-pains:next-calls")
SERVERS = ("crossplane", "crossplane-readonly", "crossplane-diagnose")
_NEXT = re.compile(r"^\s*next: (?P<tool>[a-z][a-z0-9_]+)(?P<arguments>( [a-z_]+=\S*)*)$", re.MULTILINE)
_SAMPLES: Mapping[str, Any] = {
    "reference": Reference("kubernetes.m.crossplane.io/v1alpha1", "Object", "one", "shop"),
    "usage": Reference("protection.crossplane.io/v1beta1", "Usage", "kept", "shop"),
    "config": Reference("kubernetes.m.crossplane.io/v1alpha1", "ProviderConfig", "default", "shop"),
    "package": Reference("pkg.crossplane.io/v1", "Provider", "provider-cloud"),
    "pod": Reference("v1", "Pod", "one", "shop"),
    "name": "disks.example.org",
    "composition": "cache",
    "namespace": "shop",
    "kind": "configmaps",
    "revision": "provider-cloud-1",
    "action": "now",
    "finalizer": "finalizer.managedresource.crossplane.io",
    "others": ("example.org/ours",),
    "categories": ("managed",),
}
_KINDS = [
    ("apiextensions.crossplane.io/v1", "Composition"),
    ("apiextensions.crossplane.io/v1", "CompositeResourceDefinition"),
    ("apiextensions.crossplane.io/v1beta1", "EnvironmentConfig"),
    ("apiextensions.crossplane.io/v1alpha1", "ManagedResourceDefinition"),
    ("pkg.crossplane.io/v1", "Provider"),
    ("pkg.crossplane.io/v1", "Configuration"),
    ("pkg.crossplane.io/v1", "Function"),
    ("ops.crossplane.io/v1alpha1", "Operation"),
    ("ops.crossplane.io/v1alpha1", "CronOperation"),
    ("ops.crossplane.io/v1alpha1", "WatchOperation"),
]


def typed(tool: Tool, given: Mapping[str, str]) -> dict[str, Any]:
    """A list is written with commas, a truth as a word."""
    types = {each.name: each.type for each in tool.parameters}
    made: Mapping[str, Callable[[str], Any]] = {"array": lambda text: text.split(","), "boolean": "true".__eq__}
    return {name: made.get(types.get(name, ""), str)(text) for name, text in given.items()}


def every_next() -> Iterator[Next]:
    """By each function that makes one, with what it asks for."""
    yield steps.UNHEALTHY
    for name, made in inspect.getmembers(steps, inspect.isfunction):
        asked = inspect.signature(made)
        if asked.return_annotation is Next and name != "listing":
            yield made(**{each: _SAMPLES[each] for each in asked.parameters})
    yield from (steps.look_at(Reference(version, kind, "one")) for version, kind in _KINDS)
    yield steps.reconcile(_SAMPLES["reference"], "resume")


def test_each_step_is_a_call_that_some_server_takes() -> None:
    tools = {each.name: each for toolset in catalog.toolsets().values() for each in toolset.tools}
    calls = [call for each in every_next() for call in each.calls]
    assert len({each.tool for each in calls}) > 20
    for call in calls:
        tool = tools[call.tool]
        arguments(tool, typed(tool, dict(call.arguments)))  # raises for whatever it does not take


def test_without_tools_nothing_is_said_and_people_are_told_a_command() -> None:
    for each in every_next():
        assert each.of(lambda tool: False) is None
        assert each.command.startswith(("kubectl ", "fairlead "))


def test_what_was_asked_already_is_not_said_again() -> None:
    found = steps.explain_deletion(_SAMPLES["reference"])
    first = found.of(lambda tool: True)
    assert first is not None
    assert first.tool == "explain_deletion"
    assert found.of(lambda tool: True, first) == Step("diagnose_resource", first.arguments)


@pytest.fixture(params=[*(pytest.param(each, marks=pytest.mark.whole) for each in SERVERS[:2]), SERVERS[2]])
async def gate(request: pytest.FixtureRequest, plane: Kubectl, plane_server: RealCluster) -> AsyncIterator[Gate]:
    many = Limits(read=10_000, write=10_000, delete=10_000)
    server = NamedServer("one", catalog=(request.param,), limits=many, timeout_seconds=120)
    offer = offering.combined(catalog.chosen(server.catalog, catalog.toolsets()))
    target = Target("here", kubeconfig=str(plane_server.cluster.kubeconfig))
    async with Targets((target,), reads_only=request.param != "crossplane") as targets:
        yield Gate(server, offer, targets)


@pytest.fixture
async def patients(plane: Kubectl, reader: Reader, unique: Callable[[str], str]) -> list[Object]:
    """What there is to ask for, and the cause for which each is ill."""
    ward, found = Ward(plane, reader, unique), list[Object]()

    async def ill(cause: str, kind: str, name: str, namespace: str = NAMESPACE) -> None:
        await ward.first(cause, kind, name, namespace)
        found.append({"kind": kind, "name": name, **({"namespace": namespace} if namespace else {})})

    lost, choosy = (manifests.claim(unique(each), NAMESPACE) for each in ("lost", "choosy"))
    lost["spec"]["compositionRef"] = {"name": "nowhere"}
    choosy["spec"]["compositionSelector"] = {"matchLabels": {"tier": "gold"}}
    paused = cache(unique("resting"), "cache")
    paused["metadata"] |= {"annotations": {"crossplane.io/paused": "true"}}
    nowhere: Object = {
        "apiVersion": "pkg.crossplane.io/v1",
        "kind": "Provider",
        "metadata": {"name": unique("nowhere")},
    }
    for each in (lost, choosy, paused, nowhere | {"spec": {"package": "127.0.0.1:1/nobody/provider:v1.0.0"}}):
        plane.apply(each)
    functionless = await ward.ill(unique("functionless"), "function-nobody-installed")
    fatal = await ward.ill(unique("fatal"), fatal="no such region")
    unready = await ward.ill(unique("unready"), ready=False)
    await ill("composition-missing", "database", lost["metadata"]["name"])
    await ill("no-match", "database", choosy["metadata"]["name"])
    await ill("paused", "cache", paused["metadata"]["name"])
    await ill("package-failed", "providers", nowhere["metadata"]["name"], "")
    await ill("function-missing", "cache", functionless)
    await ill("pipeline-failed", "cache", fatal)
    await ill("never-ready", "cache", unready)
    return found


@pytest.mark.real
@pytest.mark.anyio
async def test_every_next_call_of_every_reply_leads_somewhere(gate: Gate, patients: list[Object]) -> None:
    asked: list[tuple[str, Object]] = [
        (tool, each) for each in patients for tool in ("diagnose_resource", "trace_resource", "explain_deletion")
    ]
    seen = set()
    for tool, given in [*asked, ("list_unhealthy", {}), ("control_plane_status", {})]:
        outcome = await gate.call(STDIO, tool, given, Person())
        assert not outcome.failed, outcome.answer.text
        calls = list(_NEXT.finditer(outcome.answer.text))
        assert outcome.answer.text.count("next: ") == len(calls), outcome.answer.text
        assert calls or tool in ("explain_deletion", "trace_resource"), outcome.answer.text
        for call in calls:
            seen.add(call["tool"])
            await leads_somewhere(gate, call["tool"], call["arguments"])
    assert {"diagnose_resource", "list_unhealthy"} < seen


@pytest.mark.real
@pytest.mark.anyio
async def test_people_are_told_commands_that_work(plane: Kubectl, reader: Reader, patients: list[Object]) -> None:
    ward, ran = Ward(plane, reader, str), set()
    for each in patients:
        for cause in (await ward.asked(each["kind"], each["name"], each.get("namespace", ""))).causes:
            assert cause.next is not None
            program, verb, *rest = shlex.split(cause.next.command)
            if program == "kubectl":
                plane.run(verb, *rest, *(["--dry-run=server"] if verb in ("annotate", "patch") else []))
                ran.add(verb)
    assert {"get", "describe", "annotate"} <= ran


async def leads_somewhere(gate: Gate, name: str, text: str) -> None:
    """What changes something is only rehearsed."""
    tool = gate.tool(STDIO, name)
    assert tool is not None, f"{name} is not of this server"
    given = typed(tool, dict(each.split("=", 1) for each in text.split()))
    rehearsal = {"dry_run": True} if tool.plan is not None else {}
    outcome = await gate.call(STDIO, name, given | rehearsal, Person())
    assert not outcome.failed, f"{name}{text}: {outcome.answer.text}"

"""The role that `fairlead mcp rbac` prints is enough for every tool, and none of its rules is too many.

Each tool is tried with the role that it alone would get, which is harder than with its server's: what one tool needs
and another declares is found out. And each rule is taken away, verb by verb, from the role: then what it allowed has to
be missed, and said.
"""

import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from fairlead.cli import main
from fairlead.client.api import Client
from fairlead.machinery import encoding
from fairlead.mcp.callers import STDIO
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.named import catalog, offering, rbac
from fairlead.mcp.named.servers import Limits, NamedServer, Target
from fairlead.mcp.reaching.targets import Targets
from fairlead.mcp.tools import Tool, ToolClass, Toolset, arguments
from fairlead.resources.kinds import Kinds
from fairlead.resources.reading import Reader
from testenv.registry import Registry
from testenv.servers import RealCluster
from tests.crossplane import patients, sweeping
from tests.crossplane.conftest import GROUP, NAMESPACE
from tests.crossplane.rights_cases import CASES, MANAGED_GROUP, XRD, Bed
from tests.e2e import manifests
from tests.e2e.hands import Kubectl
from tests.mcp.changing import Person

Object = dict[str, Any]
Right = tuple[str, str, str]
"""Group, resource and verb."""
pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.requirement("crossplane-toolset:rights")]
SERVERS = ("crossplane", "crossplane-readonly", "crossplane-diagnose")
SEED_GROUPS = {f"{each}.crossplane.io" for each in ("apiextensions", "pkg", "ops", "protection")}
SLICE = ("get_xrd", "create_xrd", "delete_composition", "create_usage", "diagnose_resource")
KNOWN = SEED_GROUPS | {GROUP, MANAGED_GROUP, "", "apps", "apiextensions.k8s.io"}
_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_LACKS = re.compile(r'cannot (\S+) resource "([^"]*)" in API group "([^"]*)"')


def tools(entry: str) -> dict[str, Tool]:
    return {each.name: each for toolset in catalog.chosen([entry], catalog.toolsets()) for each in toolset.tools}


def rules(entry: str, allowed: Sequence[Tool], kinds: Kinds) -> set[Right]:
    entries = {entry: [Toolset(entry, "", tuple(allowed))]}
    return set(flat(rbac.role("test", entries, allowed, kinds)["rules"]))


def flat(written: Sequence[Object]) -> Iterator[Right]:
    for rule in written:
        yield from (
            (group, each, verb) for group in rule["apiGroups"] for each in rule["resources"] for verb in rule["verbs"]
        )


# -- What the role says ------------------------------------------------------------------------------------------------


@pytest.fixture
def printed(
    plane_server: RealCluster, plane: Kubectl, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], Object]:
    def of(entry: str) -> Object:
        targets = [{"name": "here", "kubeconfig": str(plane_server.cluster.kubeconfig)}]
        file = {"name": entry, "catalog": [entry], "targets": targets}
        (tmp_path / f"{entry}.yaml").write_text(encoding.to_yaml(file))
        assert main.run(["mcp", "rbac", entry, "--servers", str(tmp_path)]) == 0
        found: Object = encoding.from_yaml(capsys.readouterr().out)
        return found

    return of


@pytest.mark.parametrize("entry", SERVERS)
def test_it_has_neither_wildcards_nor_secrets(printed: Callable[[str], Object], entry: str) -> None:
    said = set(flat(printed(entry)["rules"]))
    assert not any("*" in each for parts in said for each in parts)
    assert not any("secrets" in each for _, each, _ in said)
    assert {group for group, _, _ in said} >= SEED_GROUPS | {GROUP}
    assert {("", "events", "list"), ("apps", "deployments", "list")} <= said
    assert {each for group, each, _ in said if group == ""} <= {"events", "pods", "pods/log"}
    writes = {verb for _, _, verb in said} - {"get", "list"}
    assert bool(writes) == (entry == "crossplane")


# -- What it is good for -----------------------------------------------------------------------------------------------


_UNREAD = re.compile(r"^not read: (\S+(?:, \S+)*): .*forbidden", re.MULTILINE)
"""Kinds that could not be listed, all that have one reason in one line."""


def listed(kinds: str) -> set[Right]:
    found = (each.partition(".") for each in kinds.split(", "))
    return {(group, resource, "list") for resource, _, group in found}


class Agent:
    """Somebody who has a few rights and whose person says yes."""

    def __init__(self, gate: Gate, entry: str) -> None:
        self._gate = gate
        self._entry = entry
        self.has_changed = False
        """Whether any call has done what it was to do, so that it cannot be made once more."""

    async def lacks(self, tool: str, calls: Sequence[Object]) -> set[Right]:
        """What the server says that they may not do, in all that a tool says in any of the calls."""
        found = set()
        for given in calls:
            arguments(tools(self._entry)[tool], given)  # a call that is wrong would lack nothing
            person = Person()
            outcome = await self._gate.call(STDIO, tool, given, person)
            self.has_changed |= not outcome.failed
            told = "\n".join([outcome.answer.text, *person.asked])
            found |= {(group, resource, verb) for verb, resource, group in _LACKS.findall(told)}
            found |= {right for kinds in _UNREAD.findall(told) for right in listed(kinds)}
            if "forbidden" in told and not found:
                found.add((told, "", ""))
        return found

    async def misses(self, right: Right, tool: str, calls: Sequence[Object]) -> bool:
        """Whether any of the calls says that it lacks it; those that are of its kind come first."""

        def is_of_another(given: Object) -> bool:
            kind = str(given.get("kind") or given.get("type") or "").partition(".")[0]
            return not kind or not right[1].startswith(kind)

        for given in sorted(calls, key=is_of_another):
            if right in await self.lacks(tool, [given]):
                return True
        return False


@asynccontextmanager
async def agent(server: RealCluster, entry: str, user: str) -> AsyncIterator[Agent]:
    many = Limits(read=100_000, write=100_000, delete=100_000)
    named = NamedServer("one", catalog=(entry,), limits=many, timeout_seconds=60)
    offer = offering.combined(catalog.chosen(named.catalog, catalog.toolsets()))
    changes = any(each.tool_class is not ToolClass.READ for each in tools(entry).values())
    target = Target("here", kubeconfig=str(server.kubeconfig_for(user, [])))
    async with Targets((target,), reads_only=not changes) as targets:
        yield Agent(Gate(named, offer, targets), entry)


async def bound(client: Client, user: str, rights: set[Right]) -> None:
    """Returns when the server goes by it."""
    api = "rbac.authorization.k8s.io"
    role: Object = {"apiVersion": f"{api}/v1", "kind": "ClusterRole", "metadata": {"name": user}}
    role["rules"] = [{"apiGroups": [group], "resources": [what], "verbs": [verb]} for group, what, verb in rights]
    binding: Object = {"apiVersion": f"{api}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": user}}
    binding["roleRef"] = {"apiGroup": api, "kind": "ClusterRole", "name": user}
    binding["subjects"] = [{"apiGroup": api, "kind": "User", "name": user}]
    for plural, made in (("clusterroles", role), ("clusterrolebindings", binding)):
        await client.post(f"/apis/{api}/v1/{plural}", made)
    if not rights:
        return
    group, resource, verb = min(rights)
    asked = {"group": group, "resource": resource.partition("/")[0], "verb": verb}
    asked |= {"subresource": resource.partition("/")[2]} if "/" in resource else {}
    review: Object = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview"}
    review["spec"] = {"user": user, "resourceAttributes": asked}
    with anyio.fail_after(30):
        while not (await client.post(_REVIEWS, review))["status"].get("allowed"):  # noqa: ASYNC110 - nobody tells
            await anyio.sleep(0.02)


@pytest.fixture
async def client(plane_server: RealCluster) -> AsyncIterator[Client]:
    async with Client.from_kubeconfig(plane_server.cluster.kubeconfig) as opened:
        yield opened


@pytest.fixture
def claim(plane: Kubectl, unique: Callable[[str], str]) -> str:
    """One whose composite is in trouble, so that a diagnosis looks at all that it ever looks at."""
    name = unique("troubled")
    patients.lost(plane, name)
    return name


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with Registry() as running:
        yield running


@pytest.fixture
def bed(plane: Kubectl, client: Client, claim: str, registry: Registry, unique: Callable[[str], str]) -> Bed:
    """With a managed kind and its config, which no provider looks after, and a Pod."""
    for kind, categories, name in (("Disk", ["managed"], "orphan"), ("ProviderConfig", [], "default")):
        plural = f"{kind.lower()}s"
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        version = {"name": "v1", "served": True, "storage": True, "schema": schema}
        names = {"kind": kind, "plural": plural, "categories": categories}
        spec = {"group": MANAGED_GROUP, "scope": "Cluster", "names": names, "versions": [version]}
        crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
        plane.apply(crd | {"metadata": {"name": f"{plural}.{MANAGED_GROUP}"}, "spec": spec})
        plane.run("wait", "--for=condition=Established", "--timeout=30s", f"crd/{plural}.{MANAGED_GROUP}")
        made = {"apiVersion": f"{MANAGED_GROUP}/v1", "kind": kind, "metadata": {"name": name}}
        plane.apply(made | {"spec": {"forProvider": {}}})
    plane.apply(manifests.claim("rights", NAMESPACE, "Cache"))
    pod = unique("pod")
    spec = {"containers": [{"name": "one", "image": "registry.example.org/one:v1"}]}
    plane.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod, "namespace": NAMESPACE}, "spec": spec})
    return Bed(client, unique, claim, pod, registry)


async def short_of(server: RealCluster, bed: Bed, entry: str, names: Sequence[str]) -> list[str]:
    """What each tool may not do that it tries to, by the rights of its own; in kinds that came later it may nothing."""
    found = list[str]()
    for name in names:
        async with sweeping.swept(bed.client):
            user, calls = bed.unique("enough"), await CASES[name](bed)
            kinds = await Reader(bed.client).kinds()
            await bound(bed.client, user, rules(entry, [tools(entry)[name]], kinds))
            async with agent(server, entry, user) as one:
                told = await one.lacks(name, calls)
        found += [f"{name}: {each}" for each in sorted(told) if not came_later(each, kinds)]
    return found


def came_later(right: Right, kinds: Kinds) -> bool:
    group, resource, verb = right
    return bool(verb) and not kinds.serves(f"{resource.partition('/')[0]}.{group}".rstrip("."))


async def test_a_few_tools_have_enough_rights(plane_server: RealCluster, bed: Bed) -> None:
    assert "\n".join(await short_of(plane_server, bed, "crossplane", SLICE)) == ""


@pytest.mark.whole
@pytest.mark.parametrize("entry", SERVERS)
async def test_every_tool_has_enough_rights(plane_server: RealCluster, bed: Bed, entry: str) -> None:
    names = list(tools(entry))
    assert sorted(set(names) - CASES.keys()) == [], "they have no case"
    assert "\n".join(await short_of(plane_server, bed, entry, names)) == ""


# -- What of it is not too much ----------------------------------------------------------------------------------------


async def unmissed(server: RealCluster, bed: Bed, entry: str, tool: Tool) -> list[str]:
    """Of the rights that a tool asks for by name, those without which it does not say that it lacks them."""
    by_name = replace(tool, rights=tuple(each for each in tool.rights if each.group != "*"))
    found = list[str]()
    calls: list[Object] | None = None
    for each in sorted(rules(entry, [by_name], await Reader(bed.client).kinds())):
        user, calls = bed.unique("fewer"), calls or await CASES[tool.name](bed)
        await bound(bed.client, user, rules(entry, [tool], await Reader(bed.client).kinds()) - {each})
        async with agent(server, entry, user) as one:
            if not await one.misses(each, tool.name, calls):
                found.append(f"{tool.name}: {each}")
            calls = None if one.has_changed else calls
    return found


@pytest.mark.whole
@pytest.mark.parametrize("entry", SERVERS)
async def test_no_tool_asks_for_a_right_by_name_that_it_does_not_miss(
    plane_server: RealCluster, bed: Bed, entry: str
) -> None:
    first = SERVERS[: SERVERS.index(entry)]
    seen = {name for each in first for name in tools(each)}
    fresh = [tool for name, tool in tools(entry).items() if name not in seen]
    found = list[str]()
    for tool in fresh:
        async with sweeping.swept(bed.client):
            found += await unmissed(plane_server, bed, entry, tool)
    assert "\n".join(found) == ""


async def calls_for(bed: Bed, entry: str, right: Right) -> AsyncIterator[tuple[str, list[Object]]]:
    """Which tools of any kind would use a right, the likeliest first."""
    group, resource, verb = right
    kind = (await Reader(bed.client).kinds()).find(f"{resource}.{group}".rstrip("."))
    one: Object = {"kind": kind.resource.qualified, "name": "nobody"}
    one |= {"namespace": NAMESPACE} if kind.resource.namespaced else {}
    if verb == "get":
        yield "trace_resource", [one]
    if verb == "delete" and "claim" in kind.api.categories and "delete_xrd" in tools(entry):
        yield "delete_xrd", [{"name": XRD}]
    if verb == "list" and "resources_list" in tools(entry):
        yield "resources_list", [{"kind": kind.resource.qualified}]
    if verb == "patch":
        yield "reconcile_resource", [one | await bed.any_of(kind.resource) | {"action": "pause", "wait_seconds": 0}]
    for name, tool in tools(entry).items():
        if any(each.group == "*" and verb in each.verbs for each in tool.rights):
            yield name, await CASES[name](bed)


@pytest.mark.whole
@pytest.mark.parametrize("entry", SERVERS)
async def test_without_any_right_something_is_missed_and_named(plane_server: RealCluster, bed: Bed, entry: str) -> None:
    """Of those that no tool asks for by name, which are the test's above, and of kinds that no test has left behind."""
    offered, kinds = list(tools(entry).values()), await Reader(bed.client).kinds()
    by_name = [replace(each, rights=tuple(one for one in each.rights if one.group != "*")) for each in offered]
    every = rules(entry, offered, kinds)
    quiet = set()
    for each in sorted(every - rules(entry, by_name, kinds)):
        if each[0] not in KNOWN:
            continue
        user = bed.unique("fewer")
        await bound(bed.client, user, every - {each})
        async with sweeping.swept(bed.client), agent(plane_server, entry, user) as one:
            async for name, calls in calls_for(bed, entry, each):
                if await one.misses(each, name, calls):
                    break
            else:
                quiet.add(each)
    assert quiet == set()

"""Our tools beside those of kubernetes-mcp-server, as its own program lists them."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.mcp import fencing
from fairlead.mcp.dropin import allowing, keys, naming
from fairlead.mcp.tools import Answer, Parameter, Plan, Tool, ToolClass, ToolError, Toolset, arguments
from fairlead.mcp.toolsets import config, core
from tests.mcp.dropin import peer, samples

Object = dict[str, Any]
TYPES = {"number": "integer"}


def ours() -> dict[str, Tool]:
    return {tool.name: tool for each in (core.TOOLSET, config.TOOLSET) for tool in naming.Dressing()(each).tools}


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Object]:
    folder = tmp_path_factory.mktemp("peer")
    config = folder / "config.toml"
    config.write_text(f'kubeconfig = "{samples.base(folder, "other")}"\ncluster_provider_strategy = "kubeconfig"\n')
    return peer.tools(config)


@pytest.mark.real
@pytest.mark.requirement("mcp-dropin:parameter-names")
def test_every_tool_of_core_and_config_is_here(theirs: dict[str, Object]) -> None:
    assert theirs.keys() <= ours().keys()
    assert theirs.keys() <= allowing.PEER_TOOLS


@pytest.mark.real
@pytest.mark.requirement("mcp-dropin:parameter-names")
def test_each_of_its_parameters_is_taken_and_none_is_needed_that_it_does_not_need(theirs: dict[str, Object]) -> None:
    for name, their in theirs.items():
        tool = ours()[name]
        schema = tool.schema()
        for parameter, wanted in their["inputSchema"].get("properties", {}).items():
            have = schema["properties"].get(parameter)
            assert have is not None, f"{name} has no {parameter}"
            assert have["type"] == TYPES.get(wanted["type"], wanted["type"]), f"{name}.{parameter}"
            assert "minimum" not in wanted or have["minimum"] <= wanted["minimum"], f"{name}.{parameter}"
        needed = set(their["inputSchema"].get("required", []))
        assert set(schema.get("required", [])) <= needed, name


@pytest.mark.real
@pytest.mark.requirement("mcp-dropin:disable-destructive")
def test_what_it_hides_as_destructive_we_hide_too(theirs: dict[str, Object], tmp_path: Path) -> None:
    server = samples.load(tmp_path, "disable_destructive = true").server
    destructive = {name for name, each in theirs.items() if each["annotations"]["destructiveHint"]}
    assert destructive & ours().keys() <= set(server.deny)
    reading = {name for name, each in theirs.items() if each["annotations"]["readOnlyHint"]}
    assert not reading & set(server.deny)


@dataclass
class Recorder:
    """A call whose cluster's context has a namespace, and what a tool was given."""

    asked: list[Object] = field(default_factory=list)

    def target(self, name: str = "") -> Any:
        return _Reader(_Client(_Connection(_Settings(f"of-{name or 'first'}"))))


@dataclass
class _Settings:
    namespace: str


@dataclass
class _Connection:
    settings: _Settings


@dataclass
class _Client:
    connection: _Connection


@dataclass
class _Reader:
    client: _Client


def recording(name: str, *parameters: Parameter, says: str = "", fails: str = "") -> tuple[Tool, list[Object]]:
    asked: list[Object] = []

    async def run(call: Any, given: Any) -> Answer:
        asked.append(dict(given))
        if fails:
            raise ToolError(fails, "", "use label_selector")
        return Answer(says)

    return naming.renamed(Tool(name, name, "", run, parameters)), asked


SELECTOR = Parameter("label_selector", "")
NAMESPACE = Parameter("namespace", "")
TAIL = Parameter("tail", "", type="integer", default=100, minimum=1, maximum=2000)


async def called(tool: Tool, **given: Any) -> Answer:
    return await tool.runs(Recorder(), arguments(tool, given))


@pytest.mark.requirement("mcp-dropin:parameter-names")
async def test_names_are_translated_back_before_a_tool_runs() -> None:
    tool, asked = recording("resources_list", SELECTOR, Parameter("api_version", ""), NAMESPACE)
    await called(tool, labelSelector="a=b", apiVersion="v1", namespace="shop")
    assert asked == [{"label_selector": "a=b", "api_version": "v1", "namespace": "shop"}]
    with pytest.raises(ToolError, match="labelSelector"):
        arguments(tool, {"label_selector": "a=b"})


@pytest.mark.requirement("mcp-dropin:parameter-names")
async def test_one_object_is_looked_for_in_the_contexts_namespace() -> None:
    tool, asked = recording("pods_get", Parameter("namespace", "", required=True), Parameter("context", ""))
    await called(tool)
    await called(tool, context="two")
    await called(tool, namespace="mine")
    assert [each["namespace"] for each in asked] == ["of-first", "of-two", "mine"]


@pytest.mark.requirement("mcp-dropin:parameter-names")
async def test_all_namespaces_is_the_default_and_can_be_left() -> None:
    tool, asked = recording("pods_top", NAMESPACE, SELECTOR, Parameter("name", ""))
    await called(tool, label_selector="a=b")
    await called(tool, all_namespaces=False)
    await called(tool, all_namespaces=False, namespace="mine")
    await called(tool, name="one")
    assert asked[0] == {"label_selector": "a=b"}
    assert [each["namespace"] for each in asked[1:]] == ["of-first", "mine", "of-first"]


@pytest.mark.requirement("mcp-dropin:parameter-names")
@pytest.mark.parametrize(
    ("name", "given", "tail"),
    [
        ("pods_log", {}, 100), ("pods_log", {"tail": 0}, 100), ("pods_log", {"tail": 5}, 5),
        ("pods_log", {"tail": 10**6}, 2000),
        ("nodes_log", {}, 100), ("nodes_log", {"tailLines": 0}, 2000), ("nodes_log", {"tailLines": 7}, 7),
    ],
)  # fmt: skip
async def test_lines_without_bounds_are_as_many_as_there_are_answered(name: str, given: Object, tail: int) -> None:
    tool, asked = recording(name, TAIL)
    await called(tool, **given)
    assert asked[0]["tail"] == tail


@pytest.mark.requirement("mcp-dropin:parameter-names")
@given(st.text(max_size=40), st.text(max_size=40))
async def test_what_we_say_has_the_names_too_and_a_clusters_text_keeps_its_own(before: str, data: str) -> None:
    fenced = fencing.fenced(f"label_selector {data} label_selector", "pods")
    tool, _ = recording("resources_list", SELECTOR, says=f"{fenced}\nnarrow with label_selector")
    answer = await called(tool)
    assert answer.text == f"{fenced}\nnarrow with labelSelector"


@pytest.mark.requirement("mcp-dropin:parameter-names")
async def test_a_refusal_has_the_names_too() -> None:
    tool, _ = recording("resources_list", SELECTOR, fails="label_selector is wrong")
    with pytest.raises(ToolError, match="labelSelector is wrong; use labelSelector"):
        await called(tool)


@pytest.mark.requirement("mcp-dropin:parameter-names")
async def test_a_plan_is_made_of_our_own_names() -> None:
    asked: list[Object] = []

    async def plan(call: Any, given: Any) -> Plan:
        asked.append(dict(given))

        async def done() -> Answer:
            return Answer("done")

        return Plan("scale", "digest", done)

    scale = Parameter("replicas", "", type="integer")
    tool = Tool("resources_scale", "", "", parameters=(scale, NAMESPACE), tool_class=ToolClass.WRITE, plan=plan)
    (renamed,) = naming.Dressing()(Toolset("core", "", (tool,))).tools
    assert renamed.plan is not None
    await renamed.plan(Recorder(), arguments(renamed, {"scale": 3, "namespace": "shop"}))
    assert asked == [{"replicas": 3, "namespace": "shop"}]


INNER = {
    "denied_resources": {"group", "version", "kind"},
    "confirmation_rules": {"tool", "destructive", "verb", "group", "version", "kind", "name", "namespace", "message"},
    "prompts": {"name", "title", "arguments", "messages", "role", "content", "text", "type", "required"},
    "toolset_configs": {"allowed_registries", "storage_driver", "url", "insecure", "namespace", "service"},
    "cluster_provider_configs": {
        *("token_url", "ca_file", "auth_style", "client_cert_file", "client_key_file", "federated_token_file"),
    },
}
"""What stands inside of keys that are one here."""


@pytest.mark.real
@pytest.mark.requirement("mcp-dropin:every-key")
def test_every_key_that_its_program_knows_is_known() -> None:
    """Asked of the program itself, in which the names of its keys stand beside their fields."""
    there = {each.decode() for each in re.findall(rb'toml:"([a-z0-9_]+)[,"]', peer.program().read_bytes())}
    assert {"read_only", "kubeconfig", "rate_limit_rps"} <= there
    here = {part for each in keys.KEYS for part in each.path.split(".")}
    assert there - here == set().union(*INNER.values()) - here
    assert INNER.keys() <= here


@pytest.mark.real
@pytest.mark.requirement("mcp-dropin:every-key")
def test_every_key_that_is_its_own_is_one_that_it_takes(tmp_path: Path) -> None:
    """It passes over unknown ones, but not where it says how they are called now."""
    flat = {each.path for each in keys.KEYS if each.path.startswith(("sts_", "token_exchange_"))}
    said = peer.refusal(tmp_path, "\n".join(f'{each} = "a"' for each in sorted(flat - {"sts_scopes"})))
    moved = set(re.findall(r"(\w+) -> ", said))
    assert flat - {"sts_scopes"} <= moved | {"sts_client_cert_file", "sts_client_key_file"}

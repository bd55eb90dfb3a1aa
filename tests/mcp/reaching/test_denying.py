"""Denied kinds: by the path alone, and below every tool that asks for them, on servers embedded and real."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.client.api import Client
from fairlead.client.targets import Cluster
from fairlead.machinery.paths import Resource
from fairlead.mcp.named.servers import Denied, Target
from fairlead.mcp.reaching import denying
from fairlead.mcp.reaching.denying import DeniedError
from fairlead.mcp.reaching.targets import Targets
from tests.mcp.toolsets import definitions
from tests.mcp.toolsets.writers import Hands, Person

pytestmark = pytest.mark.requirement("mcp-core-writes:denied")

SECRETS = Resource("", "v1", "secrets")


@pytest.mark.parametrize(
    ("path", "plural"),
    [
        ("/api/v1/namespaces/a/secrets/b", "secrets"),
        ("/api/v1/namespaces/a/%73ecrets", "secrets"),
        ("/api/v1/namespaces/a%2Fsecrets/configmaps/b", "secrets"),
        ("/api/v1/watch/secrets", "secrets"),
        ("/api/v1/namespaces/a/pods/b/log", "pods"),
    ],
)
def test_a_path_is_read_as_the_server_reads_it(path: str, plural: str) -> None:
    found = denying.asked(path)
    assert found is not None
    assert found.plural == plural


@pytest.mark.parametrize("path", ["/api/v1", "/apis", "/apis/apps/v1", "/openapi/v3/api/v1", "/version"])
def test_discovery_is_about_nothing(path: str) -> None:
    assert denying.asked(path) is None


groups = st.sampled_from(["", "apps", "events.k8s.io", "example.org"])
kinds = st.sampled_from(["", "Secret", "Event", "Deployment"])


@given(st.lists(st.builds(Denied, groups, kind=kinds), max_size=4), groups, st.sampled_from(["v1", "v2"]), kinds)
def test_what_is_denied_is_denied_in_every_version(denied: list[Denied], group: str, version: str, kind: str) -> None:
    twins = {"", "events.k8s.io"}
    wanted = any(
        (each.group == group or (each.kind == "Event" and {each.group, group} == twins))
        and (not kind or each.kind in ("", kind))
        for each in denied
    )
    try:
        denying.check(Resource(group, version, f"{kind.lower()}s"), kind, denied)
    except DeniedError:
        assert wanted
    else:
        assert not wanted


def test_a_plural_is_taken_for_its_kind() -> None:
    with pytest.raises(DeniedError, match="secrets cannot be used on this server: its operator has denied them"):
        denying.check(SECRETS, "Secret", [Denied("", kind="secrets")])


@pytest.mark.anyio
@pytest.mark.parametrize("reads_only", [True, False])
async def test_no_tool_reaches_what_is_denied(cluster: Cluster, unique: Callable[[str], str], reads_only: bool) -> None:
    name, group = unique("denied"), "denies.example.org"
    async with cluster.open() as client:
        await definitions.made(client, group, "Vault", spec=definitions.ANYTHING)
        await _make(client, name)
    denied = (Denied("", kind="Secret"), Denied(group))
    targets = Targets((Target("here", kubeconfig=str(cluster.kubeconfig)),), reads_only=reads_only, denied=denied)
    where: dict[str, Any] = {"kind": "secret", "name": name, "namespace": "default"}
    manifest = f"{{apiVersion: v1, kind: Secret, metadata: {{name: {name}, namespace: default}}}}"
    async with targets:
        hands = Hands(targets)
        calls: list[tuple[str, dict[str, Any]]] = [
            ("resources_get", where),
            ("resources_list", {"kind": "secrets"}),
            ("resources_list", {"kind": "vaults", "namespace": "default"}),
            ("resources_diff", {"resource": manifest}),
            ("resources_wait", {**where, "until": "create"}),
        ]
        if not reads_only:
            calls += [
                ("resources_create_or_update", {"resource": manifest}),
                ("resources_patch", {**where, "patch": "{data: null}"}),
                ("resources_delete", where),
            ]
        for tool, arguments in calls:
            refusal = await hands.refusal(tool, Person(), **arguments)
            assert "cannot be used on this server: its operator has denied" in refusal, (tool, refusal)
        assert "default" in await hands.said("resources_list", kind="ns")
        assert "default" in await hands.said("resources_get", kind="ns", name="default")
    async with cluster.open() as client:
        assert (await client.get(SECRETS, name, "default"))["data"]


async def _make(client: Client, name: str) -> None:
    await client.create(SECRETS, {"metadata": {"name": name}, "stringData": {"a": "b"}}, "default")

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.mcp.deciding import masking, production
from fairlead.mcp.deciding.production import ProductionError, Served
from fairlead.mcp.named.identities import OIDC, Scopes
from fairlead.mcp.named.servers import NamedServer
from fairlead.mcp.tools import ToolError
from tests.mcp.changing import ME, Person, World, gate

pytestmark = pytest.mark.requirement("mcp-policy:production")
IDENTITY = OIDC("https://idp.example", ("fairlead",), "impersonate", scopes=Scopes(admin="admin"))
SERVER = NamedServer("one", identity=IDENTITY, production=True)
SERVED = Served(tls=True, audited=True)


@pytest.mark.parametrize(
    ("server", "served", "says"),
    [
        ({}, {}, ""),
        ({}, {"tls": False}, "tokens would be sent in the clear"),
        ({}, {"tls": False, "loopback": True}, ""),
        ({}, {"tls": False, "behind_tls_proxy": True}, ""),
        ({}, {"audited": False}, "no call would be written down"),
        ({"logging": False}, {}, "`logging: false` keeps its calls out of the audit log"),
        ({"identity": NamedServer("x").identity}, {"loopback": True}, "its callers are not told apart"),
        ({"identity": NamedServer("x").identity}, {"stdio": True}, ""),
        ({"identity": replace(IDENTITY, towards="pass-on")}, {}, "its users' tokens would be passed on"),
        ({"identity": replace(IDENTITY, scopes=Scopes())}, {}, "anybody who can call it could approve as well"),
        ({"production": False, "logging": False}, {"tls": False, "audited": False}, ""),
    ],
)
def test_what_is_insisted_on(server: dict[str, Any], served: dict[str, Any], says: str) -> None:
    tried, way = replace(SERVER, **server), replace(SERVED, **served)
    if not says:
        production.check(tried, way, reads_only=False)
        return
    with pytest.raises(ProductionError, match=says):
        production.check(tried, way, reads_only=False)


def test_a_server_that_only_reads_needs_nobody_to_approve() -> None:
    production.check(replace(SERVER, identity=replace(IDENTITY, scopes=Scopes())), SERVED, reads_only=True)


ADDRESSES = st.sampled_from(
    [
        "https://10.1.2.3:6443/api",
        "10.1.2.3:6443",
        "etcd-0.internal.example:2379",
        "[fd00::1]:6443",
        "/etc/fairlead/ca.crt",
    ]
)


@given(ADDRESSES, st.sampled_from(["", "cannot connect to ", "x509: "]), st.sampled_from(["", ": refused", " (retry)"]))
def test_addresses_and_files_are_masked(where: str, before: str, after: str) -> None:
    said = masking.internals(f"{before}{where}{after}")
    assert where not in said
    assert said.startswith(before)
    assert said.endswith(after)


def test_what_the_api_says_is_kept() -> None:
    said = 'deployments.apps "web" is forbidden: User "ann" cannot delete resource "deployments" ; v1.34.1'
    assert masking.internals(said) == said


@pytest.mark.anyio
async def test_only_internals_are_masked_and_only_in_this_mode() -> None:
    world = World(trouble=ToolError("cannot reach https://10.1.2.3:6443/api: pods web is gone"))
    for server, shown in ((SERVER, False), (replace(SERVER, production=False), True)):
        outcome = await gate(world, server).call(ME, "things_delete", {"name": "a"}, Person())
        assert outcome.failed
        assert "pods web is gone" in outcome.answer.text
        assert ("10.1.2.3" in outcome.answer.text) is shown

from pathlib import Path

import pytest

from fairlead.mcp.deciding.exposing import ExposeError, Exposure
from fairlead.mcp.named import catalog, offering, serverfiles, serverkeys
from fairlead.mcp.named.catalog import CatalogError
from fairlead.mcp.named.identities import OIDC
from fairlead.mcp.named.offering import OfferError
from fairlead.mcp.named.serverkeys import ServerFileError
from fairlead.mcp.named.servers import Access, Limits, NamedServer, Target
from fairlead.mcp.tools import Toolset
from tests.mcp.fakes import tool

WHOLE = b"""
name: reporting
description: Reads for reports.
catalog: [core]
tools: {allow: ["*_list"], deny: [pods_log]}
targets:
- {name: prod, context: prod-eu, kubeconfig: /kube/config}
- {context: staging}
identity: {way: oidc, issuer: "https://idp.example", audience: mcp, towards: pass-on}
access: {subjects: [alice], groups: [ops]}
timeoutSeconds: 60
production: true
limits: {read: 50}
logging: false
"""


@pytest.mark.requirement("mcp:server-files")
def test_a_whole_file() -> None:
    found = serverkeys.read(WHOLE, "a.yaml")
    assert (found.name, found.catalog, found.allow, found.deny) == ("reporting", ("core",), ("*_list",), ("pods_log",))
    assert found.targets == (Target("prod", "prod-eu", "/kube/config"), Target("staging", "staging"))
    assert (found.timeout_seconds, found.limits, found.logging) == (60, Limits(read=50), False)
    assert found.identity == OIDC("https://idp.example", ("mcp",), "pass-on")
    assert (found.access, found.production) == (Access(("alice",), ("ops",)), True)


@pytest.mark.requirement("mcp:server-files")
def test_a_name_is_enough() -> None:
    found = serverkeys.read(b"name: a", "a.yaml")
    assert (found.catalog, found.timeout_seconds, found.limits) == (("core-readonly",), 30, Limits(1000, 100, 10))


@pytest.mark.requirement("mcp:server-files")
@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "a.yaml holds no server"),
        (b"[a]", "a.yaml holds no server"),
        (b"name: [", "a.yaml cannot be read"),
        (b"description: x", "a.yaml: name cannot be used"),
        (b"name: A", "a.yaml: name cannot be used"),
        (b"name: a\ntool: {}", "a.yaml: tool cannot be used: there is no such key; did you mean tools?"),
        (
            b"name: a\ntools: {alow: [x]}",
            "a.yaml: tools.alow cannot be used: there is no such key; did you mean allow?",
        ),
        (b"name: a\ntools: {deny: x}", "a.yaml: tools.deny cannot be used: it is a list of names"),
        (
            b"name: a\naccess: {group: [x]}",
            "a.yaml: access.group cannot be used: there is no such key; did you mean groups?",
        ),
        (b"name: a\naccess: {groups: [x]}", "a.yaml: access cannot be used: callers are not told apart"),
        (b"name: a\naccess: {groups: []}", "a.yaml: access cannot be used: it names nobody"),
        (
            b"name: a\nidentity: {way: token, server: 'https://a.example', token: {env: A}}\ntargets: [{context: b}]",
            "a.yaml: targets cannot be used: identity.server is the one cluster",
        ),
        (
            b"name: a\nidentity: {wai: oidc}",
            "a.yaml: identity.wai cannot be used: there is no such key; did you mean way?",
        ),
        (b"name: a\nproduction: 1", "a.yaml: production cannot be used: it is true or false"),
        (b"name: a\ntools: {allow: []}", "a.yaml: tools.allow cannot be used: it is empty; leave the key out"),
        (b"name: a\ntimeoutSeconds: 0", "timeoutSeconds cannot be used: it is a whole number from 1 to 600"),
        (b"name: a\nlimits: {read: true}", "limits.read cannot be used"),
        (b"name: a\ntargets: [{name: x}, {name: x}]", "targets cannot be used: two have one name"),
        (b"name: a\ntargets: [{}]", "targets cannot be used: each needs a name or a context"),
        (b"name: a\nlogging: maybe", "logging cannot be used: it is true or false"),
    ],
)
def test_what_cannot_be_used_is_one_line_that_names_file_and_key(text: bytes, says: str) -> None:
    with pytest.raises(ServerFileError) as caught:
        serverkeys.read(text, "a.yaml")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.requirement("mcp:server-files")
def test_one_bad_file_refuses_the_directory(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"name: a")
    (tmp_path / "notes.txt").write_bytes(b"no server")
    assert list(serverfiles.load(tmp_path)) == ["a"]
    (tmp_path / "b.yaml").write_bytes(b"name: a")
    with pytest.raises(ServerFileError, match="another file has the server 'a' too"):
        serverfiles.load(tmp_path)
    with pytest.raises(ServerFileError, match="cannot be read: No such file"):
        serverfiles.load(tmp_path / "absent")


@pytest.mark.requirement("mcp:catalog")
def test_the_core_toolset_is_found_by_its_entry_point() -> None:
    available = catalog.toolsets()
    assert [each.name for each in catalog.chosen(("core", "core"), available)] == ["core"]
    with pytest.raises(CatalogError, match="there is no toolset 'cores'; did you mean core"):
        catalog.chosen(("cores",), available)


@pytest.mark.requirement("mcp:catalog")
def test_two_toolsets_cannot_have_one_name() -> None:
    twice = Toolset("other", "Another.", (tool("a"),))
    with pytest.raises(OfferError, match="the toolset other cannot be served here: another one has a too"):
        offering.combined([Toolset("one", "One.", (tool("a"),)), twice])


OIDC_WAY = OIDC("https://idp.example.org", ("a",), "impersonate")


@pytest.mark.requirement("mcp:loopback-only")
@pytest.mark.parametrize(
    "exposure",
    [
        *(Exposure(each, has_tls=True) for each in ("0.0.0.0", "::", "192.0.2.1", "example.org")),
        Exposure("127.0.0.1", behind_tls_proxy=True),
        Exposure("127.0.0.1", ("mcp.example.org",), has_tls=True),
    ],
)
def test_others_are_served_only_where_they_are_told_apart_and_it_is_said_who(exposure: Exposure) -> None:
    exposure.check_transport()
    with pytest.raises(ExposeError, match="the server a cannot be served to other machines: its callers are not told"):
        exposure.check([NamedServer("a")])
    with pytest.raises(ExposeError, match="the server a cannot be served to other machines: nobody may use it"):
        exposure.check([NamedServer("a", identity=OIDC_WAY)])
    exposure.check([NamedServer("a", identity=OIDC_WAY, access=Access(groups=("ops",)))])


@pytest.mark.requirement("mcp:loopback-only")
@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_this_machine_is_served_whatever_a_server_says(address: str) -> None:
    exposure = Exposure(address, ("localhost:8080", "[::1]:8080", "127.0.0.1"))
    exposure.check_transport()
    exposure.check([NamedServer("a"), NamedServer("b", identity=OIDC_WAY)])


@pytest.mark.requirement("mcp:loopback-only")
def test_tokens_do_not_travel_in_the_clear_and_not_through_a_pipe() -> None:
    with pytest.raises(ExposeError, match=r"will not serve on 0\.0\.0\.0: tokens would travel in the clear"):
        Exposure("0.0.0.0").check_transport()
    Exposure("0.0.0.0", behind_tls_proxy=True).check_transport()
    Exposure().check_transport()
    with pytest.raises(ExposeError, match="no caller brings a token there"):
        Exposure().check([NamedServer("a", identity=OIDC_WAY)])

"""What docs/mcp-keycloak.md shows is what is tried here."""

import re
from pathlib import Path

import pytest

from fairlead.mcp.deciding.exposing import Exposure
from fairlead.mcp.named import serverkeys
from fairlead.mcp.named.identities import OIDC
from testenv.realm import CLUSTER, SCOPES, SERVER

pytestmark = pytest.mark.requirement("mcp-keycloak:documented")
FOLDER = Path(__file__).parent
PAGE = (FOLDER.parents[2] / "docs" / "mcp-keycloak.md").read_text(encoding="utf-8")


def test_the_servers_file_can_be_served_to_others() -> None:
    (shown,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    server = serverkeys.read(shown.encode(), "the page")
    Exposure("0.0.0.0", has_tls=True).check([server])
    assert isinstance(server.identity, OIDC)
    assert server.identity.audiences == (SERVER,)
    assert server.identity.exchange is not None
    assert (server.identity.exchange.client_id, server.identity.exchange.audience) == (SERVER, CLUSTER)
    scopes = server.identity.scopes
    assert (scopes.read, scopes.write, scopes.admin) == SCOPES


def test_the_flags_are_those_of_the_tests() -> None:
    shown = set(re.findall(r"^(--oidc-[a-z-]+)=(\S*)$", PAGE, re.MULTILINE))
    tried = (FOLDER / "conftest.py").read_text(encoding="utf-8").replace("{CLUSTER}", CLUSTER)
    own = {"--oidc-issuer-url", "--oidc-ca-file"}
    assert {flag for flag, _ in shown} == set(re.findall(r"--oidc-[a-z-]+", tried))
    assert all(f"{flag}={value}" in tried for flag, value in shown if flag not in own)

"""Keycloak, an API server that trusts it and writes down who asks, and our server between agents and that API server.

Each is started once for all tests of this folder: Keycloak alone takes 15 s of CPU.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from testenv.keycloak import Keycloak
from testenv.realm import CLUSTER, SCOPES, SERVER, SERVER_SECRET, Realm
from testenv.servers import RealCluster
from tests.e2e.world import await_line, free_port
from tests.mcp.keycloak.agents import PASSWORD

DEADLINE = 60
AUDIT = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"]}
RULES = [{"level": "Metadata"}]
IMPERSONATOR = "fairlead-mcp"


@pytest.fixture(scope="session")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    with Keycloak(tmp_path_factory.mktemp("keycloak")) as keycloak:
        made = Realm(keycloak)
        made.create()
        made.group("developers")
        made.user("alice", PASSWORD, ["developers"])
        made.user("mallory", PASSWORD)
        made.let_ask_for(*SCOPES)
        made.trust_hosts("127.0.0.1", "localhost")
        yield made


@dataclass(frozen=True)
class Trusting:
    """An API server that trusts the realm."""

    server: RealCluster
    log: Path

    def asked(self, path: str) -> list[dict[str, Any]]:
        """What its audit log has of requests to a path, oldest first."""
        found = [json.loads(each) for each in self.log.read_text(encoding="utf-8").splitlines()]
        return [each for each in found if each["requestURI"].partition("?")[0] == path]

    def kubectl(self, program: Path, *arguments: str) -> None:
        command = [str(program), f"--kubeconfig={self.server.cluster.kubeconfig}", *arguments]
        subprocess.run(command, check=True, capture_output=True, timeout=DEADLINE)

    def await_right(self, program: Path, *right: str) -> None:
        """The API server takes up new bindings when it hears of them."""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            with contextlib.suppress(subprocess.CalledProcessError):
                return self.kubectl(program, "auth", "can-i", *right)
        raise AssertionError(f"never came to {' '.join(right)}")

    def without_credentials(self, path: Path) -> Path:
        """A kubeconfig that only says where it is."""
        found = yaml.safe_load(self.server.cluster.kubeconfig.read_text(encoding="utf-8"))
        found["users"] = [{"name": each["name"], "user": {}} for each in found["users"]]
        path.write_text(yaml.safe_dump(found), encoding="utf-8")
        return path


@pytest.fixture(scope="session")
def trusting(realm: Realm, kubectl: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trusting]:
    directory = tmp_path_factory.mktemp("trusting")
    policy, log = directory / "audit.json", directory / "audit.log"
    policy.write_text(json.dumps(AUDIT | {"rules": RULES}), encoding="utf-8")
    flags = [
        f"--oidc-issuer-url={realm.issuer}",
        f"--oidc-ca-file={realm.keycloak.certificate_authority}",
        f"--oidc-client-id={CLUSTER}",
        "--oidc-username-claim=preferred_username",
        "--oidc-username-prefix=oidc:",
        "--oidc-groups-claim=groups",
        "--oidc-groups-prefix=oidc:",
        f"--audit-policy-file={policy}",
        f"--audit-log-path={log}",
    ]
    server = RealCluster("trusting", directory / "server", (), flags)
    with server:
        found = Trusting(server, log)
        looking = ("--verb=get,list,watch", "--resource=pods,events,namespaces")
        found.kubectl(kubectl, "create", "clusterrole", "look", *looking)
        found.kubectl(kubectl, "create", "clusterrolebinding", "look", "--clusterrole=look", "--group=oidc:developers")
        verbs = "--verb=get,create,patch,update"
        found.kubectl(kubectl, "create", "clusterrole", "settings", verbs, "--resource=configmaps")
        found.kubectl(kubectl, "create", "clusterrolebinding", "set", "--clusterrole=settings", "--user=oidc:alice")
        found.kubectl(kubectl, "create", "clusterrole", "guise", "--verb=impersonate", "--resource=users,groups")
        found.kubectl(kubectl, "create", "clusterrolebinding", "guise", "--clusterrole=guise", f"--user={IMPERSONATOR}")
        for right in (("impersonate", "groups", f"--as={IMPERSONATOR}"), ("create", "configmaps", "--as=oidc:alice")):
            found.await_right(kubectl, *right)
        yield found


Identify = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def identity(realm: Realm, tmp_path_factory: pytest.TempPathFactory) -> Identify:
    """The key `identity` of a server file."""
    secret = tmp_path_factory.mktemp("secret") / "secret"
    secret.write_text(SERVER_SECRET, encoding="utf-8")

    def make(towards: str, **more: Any) -> dict[str, Any]:
        exchange = {"clientID": SERVER, "clientSecret": {"file": str(secret)}, "audience": CLUSTER}
        return {
            "way": "oidc",
            "issuer": realm.issuer,
            "audience": SERVER,
            "certificateAuthority": str(realm.keycloak.certificate_authority),
            "usernameClaim": "preferred_username",
            "usernamePrefix": "oidc:",
            "groupsPrefix": "oidc:",
            "scopes": dict(zip(("read", "write", "admin"), SCOPES, strict=True)),
            "towards": towards,
            **({"exchange": exchange} if towards == "exchange" else {}),
            **more,
        }

    return make


@dataclass(frozen=True)
class Serving:
    base: str
    directory: Path

    def url(self, name: str) -> str:
        return f"{self.base}/s/{name}/mcp"

    def written(self) -> str:
        """Its log and its audit log."""
        return "".join((self.directory / each).read_text(encoding="utf-8") for each in ("log", "audit"))


@pytest.fixture(scope="session")
def serving(trusting: Trusting, identity: Identify, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One process, and a server for each way towards the cluster."""
    directory = tmp_path_factory.mktemp("serving")
    bare = trusting.without_credentials(directory / "bare.kubeconfig")
    base = trusting.server.kubeconfig_for(IMPERSONATOR)
    servers = {
        "exchanging": (identity("exchange"), bare),
        "impersonating": (identity("impersonate"), base),
        "passing": (identity("pass-on"), bare),
        "unmapped": (identity("exchange", scopes={}), bare),
    }
    (directory / "servers").mkdir()
    for name, (said, kubeconfig) in servers.items():
        server = {
            "name": name,
            "catalog": ["core"],
            "identity": said,
            "access": {"groups": ["developers"]},
            "targets": [{"name": "shop", "kubeconfig": str(kubeconfig)}],
        }
        (directory / "servers" / f"{name}.yaml").write_text(yaml.safe_dump(server), encoding="utf-8")
    command = [sys.executable, "-m", "fairlead", "mcp", "serve", "--servers", str(directory / "servers")]
    command += ["--port", str(free_port()), "--audit-log", str(directory / "audit")]
    log = directory / "log"
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=dict(os.environ))
    try:
        first = await_line(process, "ready", log).split()[1]
        yield Serving(first.partition("/s/")[0], directory)
    finally:
        process.terminate()
        process.wait(DEADLINE)
        if process.stdout is not None:
            process.stdout.close()

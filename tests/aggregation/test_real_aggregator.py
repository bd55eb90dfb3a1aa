"""An extension server of a few lines behind a real kube-apiserver: trust, reviews and registration at work."""

import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest

from fairlead.aggregation import following, registering
from fairlead.aggregation.authenticating import Authenticator
from fairlead.aggregation.authorizing import Authorizer, Selectors
from fairlead.aggregation.following import TrustFollower
from fairlead.aggregation.registering import Backend, Registration
from fairlead.aggregation.tokens import TokenReviews
from fairlead.client import watching
from fairlead.client.api import Client
from fairlead.machinery import discovery, encoding, paths, statuses
from fairlead.machinery.discovery import APIGroup, APIResource, APIVersion
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.machinery.paths import GroupVersion, Resource
from fairlead.serving.certificates import Authority, KeyPair
from fairlead.serving.listening import Listening, listen
from fairlead.serving.tls import ServerTLS
from testenv.servers import RealCluster
from tests.serving.clients import client_tls, connect

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("aggregation:real-aggregator")]

LABELS = {"app.kubernetes.io/managed-by": "fairlead-test"}
SERVICES = Resource("", "v1", "services")
TOKEN_REVIEWS = Resource("authentication.k8s.io", "v1", "tokenreviews", namespaced=False)
ACCESS_REVIEWS = Resource("authorization.k8s.io", "v1", "subjectaccessreviews", namespaced=False)
CLUSTER_ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", namespaced=False)
CLUSTER_ROLE_BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "clusterrolebindings", namespaced=False)
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts")


@dataclass
class Extension:
    """Serves one resource whose every GET tells who asked, and discovery."""

    group: str
    authenticator: Authenticator
    authorizer: Authorizer
    plurals: list[str] = field(default_factory=lambda: ["callers"])
    discovered: anyio.Event = field(default_factory=anyio.Event)

    async def __call__(self, request: Request) -> Response:
        principal = await self.authenticator.authenticate(request)
        info = paths.read(request.method, request.path, request.parameters)
        asked = request.parameters
        selectors = Selectors(asked.get("labelSelector", ""), asked.get("fieldSelector", ""))
        await self.authorizer.authorize(principal, info, selectors)
        if request.path == "/apis":
            self.discovered.set()
            lines = Headers([("content-type", discovery.AGGREGATED_CONTENT_TYPE)])
            return Response(200, lines, encoding.to_json(discovery.aggregated([self.served])))
        if request.path == f"/apis/{self.group}/v1":
            document = discovery.resource_list(GroupVersion(self.group, "v1"), self.served.versions[0].resources)
            return Response(200, Headers([("content-type", "application/json")]), encoding.to_json(document))
        if not info.is_resource:
            return Response(503)
        user = {**principal.to_user_info(), "apiVersion": f"{self.group}/v1", "kind": "Caller"}
        return Response(200, Headers([("content-type", "application/json")]), encoding.to_json(user))

    @property
    def served(self) -> APIGroup:
        kinds = tuple(APIResource(each, "Caller", ("get", "list")) for each in self.plurals)
        return APIGroup(self.group, (APIVersion("v1", kinds),))


@dataclass
class Running:
    cluster: RealCluster
    client: Client
    extension: Extension
    listening: Listening
    authority: Authority
    backend: Backend
    directory: Path

    @property
    def path(self) -> str:
        return f"/apis/{self.extension.group}/v1/namespaces/default/callers/me"

    def wanted(self, digest: str = "1") -> dict[str, Any]:
        group_version = GroupVersion(self.extension.group, "v1")
        return registering.desired(Registration(group_version, digest), self.backend, LABELS)

    async def register(self, digest: str = "1") -> None:
        existing = await self.client.list(registering.APISERVICES)
        ours = [each for each in existing.items if each["metadata"]["name"] == self.wanted()["metadata"]["name"]]
        await registering.carry_out(self.client, registering.plan([self.wanted(digest)], ours, LABELS))

    async def available(self) -> None:
        name = self.wanted()["metadata"]["name"]
        events = watching.watch(self.client, registering.APISERVICES, field_selector=f"metadata.name={name}")
        async with aclosing(events):
            async for event in events:
                found = event.items if isinstance(event, watching.Listed) else [getattr(event, "object", {})]
                if any(each and registering.available(each)[0] for each in found):
                    return

    async def kubectl(self, kubectl: Path, user: str, *arguments: str) -> str:
        kubeconfig = self.cluster.kubeconfig_for(user, ["devs", "a,b"])
        command = [str(kubectl), f"--kubeconfig={kubeconfig}", f"--cache-dir={self.directory}", *arguments]
        return (await anyio.run_process(command)).stdout.decode()

    async def direct(self, tls: ssl.SSLContext, *lines: str) -> tuple[int, dict[str, Any]]:
        """Past the aggregator. The certificate is for the Service's name, so the name is not checked here."""
        tls.check_hostname = False
        async with connect(self.listening, tls) as wire:
            answer = await wire.ask("GET", self.path, *lines)
        return answer.status, encoding.from_json(answer.body)

    async def allow(self, *subjects: dict[str, str]) -> None:
        name = f"callers-{self.extension.group}"
        rule = {"apiGroups": [self.extension.group], "resources": ["*"], "verbs": ["get", "list"]}
        await self.client.create(CLUSTER_ROLES, {"metadata": {"name": name}, "rules": [rule]})
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
        binding = {"metadata": {"name": name}, "roleRef": reference, "subjects": list(subjects)}
        await self.client.create(CLUSTER_ROLE_BINDINGS, binding)


def user(name: str) -> dict[str, str]:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}


@pytest.fixture
async def running(real_app: RealCluster, unique: Callable[[str], str], tmp_path: Path) -> AsyncIterator[Running]:
    name = unique("callers")
    authority = Authority.create("extension-ca")
    tls = ServerTLS(authority.issue_server([f"{name}.default.svc"]), b"")
    trust = TrustFollower(tls)
    async with real_app.cluster.open() as client, anyio.create_task_group() as tasks:

        async def create_token_review(body: dict[str, Any]) -> dict[str, Any]:
            return await client.create(TOKEN_REVIEWS, body)

        async def create_access_review(body: dict[str, Any]) -> dict[str, Any]:
            return await client.create(ACCESS_REVIEWS, body)

        authenticator = Authenticator(trust.trust, TokenReviews(create_token_review).authenticate)
        extension = Extension(f"{name}.example.org", authenticator, Authorizer(create_access_review))
        tasks.start_soon(trust.follow, following.watch(client))
        async with listen(extension, tls=tls) as listening:
            with anyio.fail_after(10):
                await trust.known()
            backend = Backend("default", name, listening.port, authority.certificate)
            service = {
                "metadata": {"name": name},
                "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": listening.port}]},
            }
            await client.create(SERVICES, service, "default")
            started = Running(real_app, client, extension, listening, authority, backend, tmp_path)
            yield started
            await registering.carry_out(client, registering.plan([], [await registered(started)], LABELS))
        tasks.cancel_scope.cancel()


async def registered(started: Running) -> dict[str, Any]:
    name = started.wanted()["metadata"]["name"]
    found = await started.client.list(registering.APISERVICES, field_selector=f"metadata.name={name}")
    return found.items[0] if found.items else started.wanted() | {"metadata": {"name": name}}


async def test_the_caller_arrives_through_the_aggregator(running: Running, kubectl: Path) -> None:
    with anyio.fail_after(60):
        await running.allow(user("alice"))
        await running.register()
        await running.available()
        told = json.loads(await running.kubectl(kubectl, "alice", "get", "--raw", running.path))
        listing = (
            f"{running.path.removesuffix('/me')}?labelSelector=a%3Db%2Cc+in+%28d%29&fieldSelector=metadata.name%3Dx"
        )
        assert json.loads(await running.kubectl(kubectl, "alice", "get", "--raw", listing))["username"] == "alice"
    assert told["username"] == "alice"
    assert told["groups"] == ["devs", "a,b", "system:authenticated"]
    ((key, (value,)),) = told["extra"].items()
    assert key == "authentication.kubernetes.io/credential-id"
    assert value.startswith("X509SHA256=")


async def test_the_aggregator_looks_again_when_the_discovery_hash_changes(running: Running, kubectl: Path) -> None:
    with anyio.fail_after(60):
        await running.allow(user("alice"))
        await running.register()
        await running.available()
        await running.extension.discovered.wait()
        running.extension.plurals.append("newcomers")
        running.extension.discovered = anyio.Event()
        stored = await registered(running)
        assert registering.plan([running.wanted("1")], [stored], LABELS) == registering.Plan()
        await running.register("2")
        await running.extension.discovered.wait()
        names = ""
        while "newcomers" not in names:
            group = f"--api-group={running.extension.group}"
            names = await running.kubectl(kubectl, "alice", "api-resources", group, "--cached=false", "-o", "name")


async def test_what_changed_hands_is_not_patched_and_not_removed(running: Running) -> None:
    with anyio.fail_after(60):
        await running.register()
        await running.available()
        stale = await registered(running)
        taken = {"metadata": {"labels": {"app.kubernetes.io/managed-by": "somebody-else"}}}
        await running.client.patch(registering.APISERVICES, stale["metadata"]["name"], taken)
        with pytest.raises(statuses.Conflict):
            await registering.carry_out(running.client, registering.plan([running.wanted("2")], [stale], LABELS))
        with pytest.raises(statuses.Conflict):
            await registering.carry_out(running.client, registering.plan([], [stale], LABELS))
        back = {"metadata": {"labels": LABELS}}
        await running.client.patch(registering.APISERVICES, stale["metadata"]["name"], back)


class TestDirectly:
    FORGED = ("X-Remote-User: admin", "X-Remote-Group: system:masters")

    async def test_forged_headers_are_nobodys(self, running: Running) -> None:
        with anyio.fail_after(60):
            status, told = await running.direct(client_tls(running.authority), *self.FORGED)
        assert status == 403
        assert 'User "system:anonymous" cannot get resource "callers"' in told["message"]

    async def test_a_users_certificate_is_the_user_whatever_the_headers_say(self, running: Running) -> None:
        pair = running.cluster.credentials.authority.issue_client("alice", ["devs"])
        with anyio.fail_after(60):
            await running.allow(user("alice"))
            status, told = await running.direct(client_tls(running.authority, pair), *self.FORGED)
        assert (status, told["username"], told["groups"]) == (200, "alice", ["devs", "system:authenticated"])

    async def test_the_front_proxys_own_certificate_is_believed(self, running: Running) -> None:
        certificate, key = running.cluster.credentials.front_proxy
        pair = KeyPair.load(certificate, key)
        with anyio.fail_after(60):
            status, told = await running.direct(client_tls(running.authority, pair), *self.FORGED)
        assert (status, told["username"], told["groups"]) == (200, "admin", ["system:masters", "system:authenticated"])

    async def test_another_authoritys_certificate_is_refused(self, running: Running) -> None:
        stranger = Authority.create("front-proxy-ca").issue_client("front-proxy-client")
        with anyio.fail_after(60), pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
            await running.direct(client_tls(running.authority, stranger), *self.FORGED)

    async def test_a_token_is_reviewed(self, running: Running, unique: Callable[[str], str]) -> None:
        name = unique("robot")
        with anyio.fail_after(60):
            await running.client.create(SERVICE_ACCOUNTS, {"metadata": {"name": name}}, "default")
            await running.allow({"kind": "ServiceAccount", "name": name, "namespace": "default"})
            path = SERVICE_ACCOUNTS.path("default", name, "token")
            body = b'{"kind":"TokenRequest","apiVersion":"authentication.k8s.io/v1","spec":{}}'
            json_type = Headers([("content-type", "application/json")])
            answer = await running.client.connection.request("POST", path, headers=json_type, body=body)
            assert isinstance(answer.body, bytes)
            token = encoding.from_json(answer.body)["status"]["token"]
            tls = client_tls(running.authority)
            status, told = await running.direct(tls, f"Authorization: Bearer {token}", *self.FORGED)
            bad, _ = await running.direct(tls, f"Authorization: Bearer {token}x", *self.FORGED)
        assert (status, told["username"]) == (200, f"system:serviceaccount:default:{name}")
        assert bad == 401

"""A whole life of an installation, between real API servers: only they know rights, dry runs and field managers."""

import base64
import json
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from fairlead.aggregation.registering import APISERVICES
from fairlead.cli import main
from fairlead.client.api import Client
from fairlead.client.connection import Connection
from fairlead.client.credentials import Bearer, Fixed, Renewing
from fairlead.client.errors import Unreachable
from fairlead.client.kubeconfig import ConnectionSettings
from fairlead.connector import kubeconfigsecrets, publishing, renewing, running
from fairlead.connector.chart.releases import Release
from fairlead.connector.installing import installed, installing, kinds, rights, surveying, uninstalling, ways
from fairlead.connector.installing.planning import Order
from fairlead.connector.naming import Identity
from fairlead.connector.settings import SecretName, ServiceName, Settings
from fairlead.machinery import encoding, statuses, webtokens
from fairlead.machinery.messages import Request
from fairlead.machinery.paths import Resource
from fairlead.machinery.principals import Principal
from testenv import building
from testenv.ports import Ports
from tests.client.test_rotating import mount
from tests.clusters import Pair
from tests.connector import doubles
from tests.connector.doubles import Router, TokenHost
from tests.connector.test_running import create, eventually, offer
from tests.e2e import manifests

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("connector:install")]
Object = dict[str, Any]
CHART = Path(__file__).parents[3] / "charts/fairlead-connector"
CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", namespaced=False)


@dataclass
class Site:
    pair: Pair
    app: Client
    control_plane: Client
    release: Release
    claims: str
    folder: Path
    capfd: pytest.CaptureFixture[str]
    port: int
    said: str = field(default="")

    @property
    def clusters(self) -> list[str]:
        return [
            *("--kubeconfig", str(self.pair.app.kubeconfig)),
            *("--control-plane-kubeconfig", str(self.pair.control_plane.kubeconfig)),
            *("--release", self.release.name),
        ]

    async def fairlead(self, *arguments: str, code: int = 0) -> str:
        """Standard output, or the one line of an error."""
        self.capfd.readouterr()
        found = await anyio.to_thread.run_sync(main.run, ["connector", *arguments])
        out, err = self.capfd.readouterr()
        assert "Traceback" not in err
        assert found == code, err
        if code:
            assert err.count("fairlead: ") == 1, err
        return err if code else out

    async def install(self, *more: str, code: int = 0) -> str:
        given = ["--set", "image.repository=registry.example.org/fairlead", *more]
        return await self.fairlead("install", "control-plane", self.claims, *self.clusters, *given, code=code)

    def settings(self, made: installed.Installed) -> Settings:
        """Those of the Deployment, at the places where they are here."""
        return Settings(
            kubeconfig=self.folder / "app",
            control_plane_kubeconfig=self.folder / "mounted",
            claim_namespace=made.argument("--claim-namespace"),
            service=made.service,
            service_port=self.port,
            bind="127.0.0.1",
            port=self.port,
            sync_secrets="--sync-secrets" in made.arguments,
            mirror_events="--mirror-events" in made.arguments,
            renew_token_secret=SecretName.parse(made.argument("--renew-token-secret")),
        )

    async def connector(self) -> Settings:
        """What a Pod of the Deployment would find: its ServiceAccount's token, and the Secret."""
        one = installed.only(await installed.find(self.app), ServiceName(self.release.namespace, self.release.name))
        token = await renewing.token_of(self.app, self.release.namespace, self.release.name)
        document = encoding.from_yaml(self.pair.app.kubeconfig.read_bytes())
        document["users"][0]["user"] = {"token": token}
        (self.folder / "app").write_bytes(encoding.to_json(document))
        mounted = self.folder / "mounted"
        mounted.mkdir(exist_ok=True)
        (mount,) = one.mounts
        for name, content in mount.content(await self.app.get(mount.resource, mount.name, "kube-system")).items():
            (mounted / name).write_bytes(content)
        spec = {"type": "ExternalName", "externalName": "localhost", "clusterIP": None, "clusterIPs": None}
        await self.app.patch(kinds.KINDS["Service"], self.release.name, {"spec": spec}, self.release.namespace)
        return self.settings(one)

    async def held(self) -> Object:
        found = await self.app.get(kinds.KINDS["Secret"], f"{self.release.name}-control-plane", "kube-system")
        document: Object = encoding.from_yaml(base64.b64decode(found["data"]["kubeconfig"]))
        return document

    async def objects(self) -> list[Object]:
        return await kinds.held(self.app, self.release.ownership, self.release.name)

    async def api_services(self) -> list[str]:
        selector = f"{publishing.CONNECTOR}={self.release.name}.kube-system"
        return [each["metadata"]["name"] for each in (await self.app.list(APISERVICES, label_selector=selector)).items]


@pytest.fixture
async def site(
    real_pair: Pair, unique: Callable[[str], str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> AsyncIterator[Site]:
    async with made(real_pair, unique, tmp_path, capfd) as found:
        yield found


@asynccontextmanager
async def made(
    pair: Pair, unique: Callable[[str], str], folder: Path, capfd: pytest.CaptureFixture[str]
) -> AsyncIterator[Site]:
    ports = Ports("connector")
    async with pair.app.open() as app, pair.control_plane.open() as control_plane:
        await create(control_plane, CRDS, encoding.from_yaml(pair.xrd_crd.read_bytes()))
        release = Release(unique("release"), "kube-system")
        found = Site(pair, app, control_plane, release, unique("claims"), folder, capfd, ports["connector"])
        try:
            yield found
        finally:
            ports.close()
            await uninstalling.remove(app, await uninstalling.planned(app, release), release, lambda line: None)


def claims_of(group: str) -> Resource:
    return Resource(group, "v1alpha1", "databases")


async def test_from_nothing_to_claims_and_back(site: Site, unique: Callable[[str], str]) -> None:
    group, namespace = f"{unique('first')}.example.org", unique("team")
    await offer(site.control_plane, group)
    features = ("--set", "syncSecrets=true,mirrorEvents=true")
    said = await site.install("--no-wait", *features)
    assert f"control plane: namespace {site.claims} created" in said
    assert "is installed; `kubectl api-resources" in said

    uid = (await site.app.get(manifests.NAMESPACES, "kube-system"))["metadata"]["uid"]
    grant = rights.Grant(site.claims, uid, frozenset())
    document = await site.held()
    (user,) = [each["user"] for each in document["users"]]
    assert set(user) == {"token"}
    assert webtokens.claims(user["token"])["sub"] == f"system:serviceaccount:{site.claims}:{grant.name}"

    await site.app.create(manifests.NAMESPACES, manifests.namespace(namespace))
    claim = {**manifests.claim("orders", namespace), "apiVersion": f"{group}/v1alpha1"}
    async with running.serve(await site.connector()) as connector:
        await eventually(lambda: site.app.create(claims_of(group), claim))
        assert "is upgraded" in await site.install("--timeout", "60", *features)
        assert not [each for each in connector.connector.state.without_rights if group in str(each)]
        backend = Identity(uid, namespace, "orders").backend()
        assert await site.control_plane.get(claims_of(group), backend, site.claims)
        (shown,) = [
            each for each in json.loads(await site.fairlead("status", "-o", "json", *site.clusters[:2]))
            if each["release"] == site.release.name
        ]  # fmt: skip
        assert shown["control_plane"] == f"secret/{site.release.name}-control-plane"
        assert shown["claim_namespace"] == site.claims
        assert f"v1alpha1.{group}" in {each["name"] for each in shown["api_services"]}
        await site.app.delete(claims_of(group), "orders", namespace)
        await eventually(lambda: site.app.create(claims_of(group), claim))
        answer = connector.connector._metrics.response(Request("GET", "/metrics"))
        assert isinstance(answer.body, bytes)
        asked = [line for line in answer.body.decode().splitlines() if line.startswith("rest_client_requests_total{")]
        assert asked
        assert not [line for line in asked if 'code="403"' in line or 'code="401"' in line]

    said = await site.fairlead("uninstall", site.claims, *site.clusters, "--yes", "--remove-access", "control-plane")
    assert f"kubectl get claim -n {site.claims} -l mcp-connector.upbound.io/app-cluster={uid}" in said
    assert await site.api_services() == []
    assert await site.objects() == []
    for resource, name in ((kinds.KINDS["Secret"], "-control-plane"), (kinds.KINDS["Secret"], "-tls")):
        with pytest.raises(statuses.NotFound):
            await site.app.get(resource, f"{site.release.name}{name}", "kube-system")
    for resource, obj in rights.objects(grant):
        with pytest.raises(statuses.NotFound):
            await site.control_plane.get(resource, grant.name, obj["metadata"].get("namespace"))
    assert await site.control_plane.get(claims_of(group), backend, site.claims)


@pytest.mark.requirement("connector:install-rights")
async def test_a_later_definition_has_no_rights_until_it_is_installed_again(
    site: Site, unique: Callable[[str], str]
) -> None:
    first, later = f"{unique('first')}.example.org", f"{unique('later')}.example.org"
    await offer(site.control_plane, first)
    await site.install("--no-wait")
    async with running.serve(await site.connector()):
        await eventually(lambda: site.app.get(APISERVICES, f"v1alpha1.{first}"))
        await offer(site.control_plane, later)
        service = f"kube-system/{site.release.name}"

        async def told() -> str:
            command = ("doctor", "--service", service, "-o", "json", *site.clusters[:2])
            site.capfd.readouterr()
            await anyio.to_thread.run_sync(main.run, ["connector", *command])
            out, _ = site.capfd.readouterr()
            (said,) = [each for each in json.loads(out) if each["check"] == "rights"]
            assert later in said.get("what", "")
            return str(said["fix"])

        assert "run `fairlead connector install` again" in str(await eventually(told))
        assert f"v1alpha1.{later}" not in await site.api_services()
        await site.install("--timeout", "90")
        assert f"v1alpha1.{later}" in await site.api_services()


@pytest.mark.requirement("connector:install-completes")
async def test_an_interrupted_installation_is_completed_by_the_next(site: Site) -> None:
    class Failing(Client):
        async def apply(self, resource: Resource, *arguments: Any, **options: Any) -> Object:
            if resource == kinds.KINDS["Deployment"] and "dryRun" not in options:
                raise Unreachable("the app cluster was lost", sent=True)
            return await super().apply(resource, *arguments, **options)

    values = {"image": {"repository": "registry.example.org/fairlead"}}
    order = Order("control-plane", site.claims, values, site.release)
    path = site.pair.control_plane.kubeconfig
    async with ways.opened(order.control_plane, values, site.app, "kube-system", path) as way:
        failing = Failing(site.app.connection)
        found = await surveying.survey(order, failing, way)
        with pytest.raises(
            surveying.InstallError, match="the installation is incomplete: the app cluster was lost; run"
        ):
            await installing.install(order, failing, way, found, lambda line: None)
    assert "Deployment" not in {each["kind"] for each in await site.objects()}
    await site.install("--no-wait")
    assert {kinds.key(each) for each in await site.objects()} == {kinds.key(each) for each in order.objects()}


@pytest.mark.requirement("connector:credentials-exchanged")
async def test_a_running_connector_goes_on_with_new_credentials(site: Site, unique: Callable[[str], str]) -> None:
    group, namespace = f"{unique('rotated')}.example.org", unique("team")
    await offer(site.control_plane, group)
    await site.install("--no-wait")
    await site.app.create(manifests.NAMESPACES, manifests.namespace(namespace))
    settings = await site.connector()
    folder = mount(site.folder / "kubelet", {"kubeconfig": (site.folder / "mounted/kubeconfig").read_bytes()}, "1")
    claim = {**manifests.claim("orders", namespace), "apiVersion": f"{group}/v1alpha1"}
    async with running.serve(replace(settings, control_plane_kubeconfig=folder)):
        await eventually(lambda: site.app.create(claims_of(group), claim))
        uid = (await site.app.get(manifests.NAMESPACES, "kube-system"))["metadata"]["uid"]
        account = rights.Grant(site.claims, uid, frozenset()).name
        await site.control_plane.delete(rights.SERVICE_ACCOUNTS, account, site.claims)

        async def refused() -> None:
            try:
                found: Any = await site.app.get(claims_of(group), "orders", namespace)
            except statuses.StatusError:
                return
            assert not found

        await eventually(refused)
        await site.install("--no-wait")
        text = encoding.to_yaml(await site.held()).encode()
        mount(folder, {"kubeconfig": text}, "2")
        await eventually(lambda: site.app.get(claims_of(group), "orders", namespace))


@pytest.mark.requirement("connector:install-helm")
async def test_helm_adopts_what_was_installed(site: Site, unique: Callable[[str], str]) -> None:
    await offer(site.control_plane, f"{unique('adopted')}.example.org")
    await site.install("--no-wait")
    before = {kinds.key(each): each["metadata"]["uid"] for each in await site.objects()}
    values = site.folder / "values.yaml"
    values.write_text(await site.install("--dry-run", "-o", "values"))

    await anyio.to_thread.run_sync(helm, site, "upgrade", "--install", site.release.name, str(CHART), "-f", str(values),
                                   "--set", "image.tag=another")  # fmt: skip
    after = await site.objects()
    assert {kinds.key(each): each["metadata"]["uid"] for each in after} == before
    (image,) = [each["spec"]["template"]["spec"]["containers"][0]["image"] for each in after if each["kind"] == "Deployment"]  # fmt: skip  # noqa: E501
    assert image == "registry.example.org/fairlead:another"
    assert "is Helm's: it records one; use `helm upgrade`" in await site.install(code=1)

    other = await site.fairlead("uninstall", "another", *site.clusters, "--yes", code=1)
    assert "of claim namespace another is not installed: there is " in other
    assert f"kube-system/{site.release.name} of {site.claims}" in other
    await site.fairlead("uninstall", site.claims, *site.clusters, "--yes")
    assert await site.objects() == []
    records = await site.app.list(kinds.KINDS["Secret"], "kube-system", label_selector=f"name={site.release.name}")
    assert records.items == []
    assert "is not installed" in await site.fairlead("uninstall", site.claims, *site.clusters, "--yes", code=1)


def helm(site: Site, *arguments: str) -> None:
    program = building.binary("helm")
    assert program is not None
    command = [str(program), *arguments, "-n", "kube-system", "--kubeconfig", str(site.pair.app.kubeconfig)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.requirement("connector:install-dry-run")
async def test_a_dry_run_shows_everything_and_changes_nothing(site: Site) -> None:
    said = await site.install("--dry-run")
    assert f"release {site.release.name} would be installed: 6 objects in the control plane" in said
    shown = await site.install("--dry-run", "-o", "yaml")
    documents = [encoding.from_yaml(each.encode()) for each in shown.split("---\n")]
    kinds_shown = [each["kind"] for each in documents]
    assert {"Namespace", "Role", "Deployment", "Secret", "Service"} <= set(kinds_shown)
    (secret,) = [each for each in documents if each["kind"] == "Secret"]
    assert secret["data"] == {"kubeconfig": "***"}
    assert await site.objects() == []
    with pytest.raises(statuses.NotFound):
        await site.control_plane.get(manifests.NAMESPACES, site.claims)


@pytest.mark.requirement("connector:install-own-credentials")
async def test_the_contexts_own_credentials_take_a_flag(site: Site) -> None:
    said = await site.install("--no-wait", "--use-context-credentials")
    assert "the credentials of context control-plane are copied, with all their rights" in said
    (user,) = [each["user"] for each in (await site.held())["users"]]
    assert set(user) == {"client-certificate-data", "client-key-data"}
    (deployment,) = [each for each in await site.objects() if each["kind"] == "Deployment"]
    assert "renew-token-secret" not in str(deployment)


@pytest.mark.requirement("connector:install-own-credentials")
def test_credentials_that_a_pod_cannot_have() -> None:
    async def fetch() -> Bearer:
        return Bearer("Bearer hush")

    for settings in (
        ConnectionSettings("https://a", Renewing(fetch)),
        ConnectionSettings("https://a", Fixed(Bearer("Bearer hush")), impersonate=Principal("ana")),
    ):
        way = ways.Way(ways.Kind.CONTEXT, Client(Connection(settings)), settings)
        with pytest.raises(ways.CredentialsKindError, match="leave --use-context-credentials out"):
            ways.with_own_credentials(way, "a")


@pytest.mark.requirement("connector:install-own-credentials")
@pytest.mark.parametrize(
    ("header", "user"),
    [
        ("Bearer t", {"token": "t"}),
        ("Basic YW5hOnA6dw==", {"username": "ana", "password": "p:w"}),
    ],
)
def test_own_credentials_are_written_as_a_kubeconfig_has_them(header: str, user: Object) -> None:
    settings = ConnectionSettings("https://a", Fixed(Bearer(header)), b"PEM", insecure=True)
    document = ways.with_own_credentials(ways.Way(ways.Kind.CONTEXT, Client(Connection(settings)), settings), "a",
                                         "https://pods:6443/")  # fmt: skip
    assert document["users"][0]["user"] == user
    assert document["clusters"][0]["cluster"] == {"server": "https://pods:6443", "insecure-skip-tls-verify": True}


@pytest.mark.requirement("connector:install-space")
@pytest.mark.usefixtures("space_hosts")
async def test_a_control_plane_of_a_space(site: Site, unique: Callable[[str], str]) -> None:
    await offer(site.control_plane, f"{unique('spaced')}.example.org")
    tokens = TokenHost()
    async with (
        Connection(site.control_plane.connection.settings) as behind,
        doubles.hosts(site.folder, tokens, Router(tokens, behind)) as space,
    ):
        described = {
            "upbound": {"account": doubles.ACCOUNT, "token": doubles.TOKEN, "domain": space.domain},
            "spaces": {
                "host": space.host,
                "caBundle": doubles.AUTHORITY.certificate.decode(),
                "controlPlane": {"group": doubles.GROUP},
            },
        }
        values = site.folder / "values.yaml"
        values.write_text(encoding.to_yaml(described))

        async def install(name: str, *more: str, code: int = 0) -> str:
            arguments = ("-f", str(values), "--set", "image.repository=x", *site.clusters, *more)
            return await site.fairlead("install", name, site.claims, *arguments, code=code)

        assert "control plane another cannot be used" in await install("another", "--no-wait", code=1)
        assert tokens.issued
        shown = await install(doubles.NAME, "--dry-run", "-o", "values") + await install(
            doubles.NAME, "--dry-run", "-o", "yaml"
        )
        assert doubles.TOKEN not in shown
        assert base64.b64encode(doubles.TOKEN.encode()).decode() not in shown
        await install(doubles.NAME, "--no-wait")
        one = installed.only(await installed.find(site.app), ServiceName("kube-system", site.release.name))
        async with installed.way_to_control_plane(site.app, one) as own:
            assert own is not None
            assert (await own.list(manifests.XRDS)).items
        await site.fairlead("uninstall", site.claims, *site.clusters, "--yes")
    assert await site.objects() == []


@pytest.mark.requirement("connector:install-space")
async def test_a_kubeconfig_that_is_in_a_secret_already(site: Site) -> None:
    text = base64.b64encode(site.pair.control_plane.kubeconfig.read_bytes()).decode()
    secret = {"metadata": {"name": site.release.name, "namespace": "kube-system"}, "data": {"context.yaml": text}}
    await site.app.create(kinds.KINDS["Secret"], secret)
    await site.install("--no-wait", "--set", f"spaces.controlPlane.kubeconfigSecret.name={site.release.name}")
    one = installed.only(await installed.find(site.app), ServiceName("kube-system", site.release.name))
    async with installed.way_to_control_plane(site.app, one) as own:
        assert own is not None
        assert await own.get(manifests.NAMESPACES, site.claims)
    await site.fairlead("uninstall", site.claims, *site.clusters, "--yes")
    assert await site.app.get(kinds.KINDS["Secret"], site.release.name, "kube-system")


@pytest.mark.requirement("connector:install-refuses-first")
class TestRefusals:
    """Nothing is changed by any of them."""

    @pytest.mark.parametrize(
        ("more", "said"),
        [
            (("--set", "image.repository="), "image.repository is not set: no image is published"),
            (("--set", "replicaz=2"), "replicaz is not one of the chart's values"),
            (("-n", "no-such-namespace"), "the app cluster has no namespace no-such-namespace; kubectl create"),
            (("--set", "spaces.controlPlane.claimNamespace=other"), "the command line says"),
            (("--set", "spaces.controlPlane.kubeconfigSecret.name=none"), "it does not exist in the app cluster"),
            (("--set", "serviceMonitor.enabled=true"), "ServiceMonitor"),
            (("--release", "Not_A_Name"), "names no release"),
            (("-f", "no-such-file"), "no-such-file cannot be read"),
            (("--control-plane-server", "ftp://x"), "is no address of a control plane"),
        ],
    )
    async def test_what_cannot_be_is_said_in_one_line(self, site: Site, more: tuple[str, ...], said: str) -> None:
        assert said in await site.install(*more, code=1)
        assert await site.objects() == []
        with pytest.raises(statuses.NotFound):
            await site.control_plane.get(manifests.NAMESPACES, site.claims)

    async def test_a_context_that_is_not_there(self, site: Site) -> None:
        said = await site.fairlead("install", "nowhere", site.claims, *site.clusters, "--set", "image.repository=x",
                                   code=1)  # fmt: skip
        assert "has no context 'nowhere'" in said

    async def test_rights_that_are_missing_in_either_cluster(self, site: Site) -> None:
        app, there = site.pair.app_server, site.pair.control_plane_server
        nobody = [each.access("nobody", ["system:authenticated"]).kubeconfig for each in (app, there)]
        command = (
            "install",
            "control-plane",
            site.claims,
            "--set",
            "image.repository=x",
            "--release",
            site.release.name,
        )
        said = await site.fairlead(
            *command,
            "--kubeconfig",
            str(nobody[0]),
            "--control-plane-kubeconfig",
            str(there.cluster.kubeconfig),
            code=1,
        )
        assert "namespaces" in said
        assert "cannot get" in said
        said = await site.fairlead(
            *command, "--kubeconfig", str(app.cluster.kubeconfig), "--control-plane-kubeconfig", str(nobody[1]), code=1
        )
        assert "the control plane's definitions cannot be read" in said
        assert await site.objects() == []

    async def test_what_is_somebody_elses(self, site: Site) -> None:
        service = {
            "metadata": {"name": site.release.name, "namespace": "kube-system"},
            "spec": {"ports": [{"port": 1}]},
        }
        await site.app.create(kinds.KINDS["Service"], service)
        said = await site.install(code=1)
        assert f"Service kube-system/{site.release.name} exists and does not belong to release" in said
        await site.app.delete(kinds.KINDS["Service"], site.release.name, "kube-system")

    async def test_a_cluster_id_that_is_taken(self, site: Site) -> None:
        await site.control_plane.create(manifests.NAMESPACES, manifests.namespace(site.claims))
        taken = {"metadata": {"name": "fairlead-app-clusters", "namespace": site.claims}, "data": {"mine": "another"}}
        await site.control_plane.create(kinds.KINDS["ConfigMap"], taken)
        said = await site.install("--set", "clusterID=mine", code=1)
        assert "the cluster id 'mine' is another app cluster's" in said


def test_the_text_of_a_kubeconfig_is_read_back() -> None:
    document = kubeconfigsecrets.kubeconfig("a", "https://a", None, {"token": "t"}, proxy_url="", tls_server_name="n")
    assert encoding.from_yaml(kubeconfigsecrets.to_text(document)) == document
    assert document["clusters"][0]["cluster"] == {"server": "https://a", "tls-server-name": "n"}

"""`status` and `doctor` of a connector that runs beside its clusters: each thing that is broken is named."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest

from fairlead.aggregation.registering import APISERVICES
from fairlead.cli import main
from fairlead.client.api import Client
from fairlead.connector import running
from fairlead.connector.installing import causes, installed
from fairlead.connector.installing.facts import Finding, Level
from fairlead.connector.installing.gathering import SERVICES, gather
from fairlead.connector.installing.installed import SECRETS, NotInstalledError
from fairlead.connector.preparing import APP_CLUSTERS, CONFIGMAPS
from fairlead.connector.settings import ServiceName
from fairlead.crossplane.defining import generating
from fairlead.machinery import encoding
from fairlead.machinery.paths import Resource
from fairlead.serving.certificates import Authority
from tests.clusters import Pair
from tests.connector.test_running import World, create, eventually, offer, world
from tests.e2e import manifests

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("connector:doctor")]
CLUSTER_ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", namespaced=False)
BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "clusterrolebindings", namespaced=False)


@dataclass
class Patient:
    """A connector that has ended; what it registered stands."""

    world: World
    group: str

    @property
    def app(self) -> Client:
        return self.world.app

    @property
    def service(self) -> ServiceName:
        return self.world.settings.service

    async def findings(self, control_plane: Client | None = None) -> list[Finding]:
        one = installed.only(await installed.find(self.app), self.service)
        namespace = self.world.settings.claim_namespace
        there = control_plane or self.world.control_plane
        return self.mine(causes.diagnose(await gather(self.app, one, there, claim_namespace=namespace)))

    def mine(self, findings: list[Finding]) -> list[Finding]:
        """The servers are shared: other tests define what nobody serves, and close what they registered."""
        return [each for each in findings if each.check != "groups" or self.group in each.what]

    async def wrong(self, control_plane: Client | None = None) -> dict[str, str]:
        found = await self.findings(control_plane)
        return {each.check: f"{each.what}; {each.fix}" for each in found if each.level is Level.WRONG}

    async def wrong_with(self, check: str, word: str = "") -> str:
        """Once the aggregator has noticed."""

        async def look() -> str:
            found = (await self.wrong()).get(check, "")
            assert found
            assert word in found
            return found

        return str(await eventually(look))


@pytest.mark.whole
async def test_a_connector_that_is_well_and_each_thing_that_breaks_it(pair: Pair, unique: Callable[[str], str]) -> None:
    group = f"{unique('sick')}.example.org"
    async with world(pair, unique) as found:
        patient = Patient(found, group)
        async with running.serve(found.settings):
            await offer(found.control_plane, group)
            await eventually(lambda: found.api_service(group))

            async def well() -> None:
                assert await patient.wrong() == {}

            await eventually(well)
        for each in (nobody_listens, another_certificate, another_clusters_id, no_rights, a_wrong_port, no_service):
            await each(patient)


async def nobody_listens(patient: Patient) -> None:
    said = await patient.wrong_with("availability", patient.group)
    assert "look at the Pods" in said


async def another_certificate(patient: Patient) -> None:
    pair = Authority.create("other").issue_server(["localhost"], [])
    text = pair.certificate.decode()
    await patient.app.patch(
        SECRETS, patient.service.secret, {"stringData": {"tls.crt": text}}, patient.service.namespace
    )
    found = [each for each in await patient.findings() if each.check == "certificate"]
    assert any(f"is not for {patient.service.dns}" in each.what for each in found)
    assert any("does not vouch" in each.what for each in found)
    await patient.app.delete(SECRETS, patient.service.secret, patient.service.namespace)


async def another_clusters_id(patient: Patient) -> None:
    namespace = patient.world.settings.claim_namespace
    facts_of = installed.only(await installed.find(patient.app), patient.service)
    uid = (await gather(patient.app, facts_of, None)).cluster_uid
    there = patient.world.control_plane
    await there.patch(CONFIGMAPS, APP_CLUSTERS, {"data": {uid: "another"}}, namespace)
    assert "belongs to another app cluster" in (await patient.wrong())["cluster-id"]
    await there.patch(CONFIGMAPS, APP_CLUSTERS, {"data": {uid: None}}, namespace)


async def no_rights(patient: Patient) -> None:
    """As a user who may read definitions and nothing else."""
    there, user = patient.world.control_plane, f"reader-{patient.service.name}"
    rules = [
        {"apiGroups": ["apiextensions.crossplane.io"], "resources": ["*"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]},
    ]
    await there.create(CLUSTER_ROLES, {"metadata": {"name": user}, "rules": rules})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": user}
    subjects = [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}]
    await there.create(BINDINGS, {"metadata": {"name": user}, "roleRef": reference, "subjects": subjects})
    async with patient.world.pair.control_plane_server.access(user, ["system:authenticated"]).open() as limited:

        async def look() -> None:
            wrong = await patient.wrong(limited)
            assert f"databases.{patient.group}" in wrong["rights"]
            assert "groups" not in wrong

        await eventually(look)


async def a_wrong_port(patient: Patient) -> None:
    namespace, name = patient.service.namespace, patient.service.name
    await patient.app.delete(SERVICES, name, namespace)
    spec = {"ports": [{"name": "https", "port": 8443}], "selector": {"app": "none"}}
    await patient.app.create(SERVICES, {"metadata": {"name": name, "namespace": namespace}, "spec": spec})
    wrong = await patient.wrong()
    assert f"has no port {patient.world.settings.service_port}" in wrong["service"]
    assert "has no EndpointSlice" in wrong["endpoints"]


async def no_service(patient: Patient) -> None:
    await patient.app.delete(SERVICES, patient.service.name, patient.service.namespace)
    assert "does not exist" in (await patient.wrong())["service"]
    await patient.wrong_with("availability")


async def test_a_group_that_the_app_cluster_has_itself(pair: Pair, unique: Callable[[str], str]) -> None:
    group = f"{unique('owned')}.example.org"
    async with world(pair, unique) as found:
        patient = Patient(found, group)
        xrd = {**manifests.xrd(group=group), "metadata": {"name": f"xdatabases.{group}", "uid": "1"}}
        crds = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", namespaced=False)
        crd = generating.claim_crd(xrd)
        del crd["metadata"]["ownerReferences"]  # to the XRD, which the garbage collector here does not find
        await create(found.app, crds, crd)
        await eventually(lambda: found.api_service(group))
        await offer(found.control_plane, group)
        one = installed.Installed(found.settings.service)

        async def told() -> None:
            said = patient.mine(causes.diagnose(await gather(found.app, one, found.control_plane)))
            (fault,) = [each for each in said if each.check == "groups"]
            assert "belongs to the API server itself: a CRD" in fault.what
            assert any("name it with --claim-namespace" in each.what for each in said)

        await eventually(told)
        await found.app.delete(crds, f"databases.{group}")


async def test_credentials_that_are_refused(pair: Pair, unique: Callable[[str], str], tmp_path: Path) -> None:
    known = encoding.from_yaml(pair.control_plane.kubeconfig.read_bytes())
    known["users"][0]["user"] = {"token": "no-such-token"}
    (tmp_path / "refused").write_bytes(encoding.to_json(known))
    async with world(pair, unique) as found, Client.from_kubeconfig(tmp_path / "refused") as refused:
        facts = await gather(found.app, installed.Installed(found.settings.service), refused, claim_namespace="claims")
    (fault,) = [each for each in causes.diagnose(facts) if each.check == "control-plane"]
    assert fault.what.startswith("the control plane cannot be used: Unauthorized")
    assert "for a new token" in fault.fix


@pytest.mark.requirement("connector:status")
async def test_status_and_doctor_on_the_command_line(
    pair: Pair, unique: Callable[[str], str], capfd: pytest.CaptureFixture[str]
) -> None:
    group = f"{unique('shown')}.example.org"
    async with world(pair, unique) as found, running.serve(found.settings):
        await offer(found.control_plane, group)
        await eventually(lambda: found.api_service(group))
        name = found.settings.service.name

        async def fairlead(*arguments: str) -> tuple[int, str]:
            command = ["connector", *arguments, "--kubeconfig", str(pair.app.kubeconfig)]
            code = await anyio.to_thread.run_sync(main.run, command)
            out, err = capfd.readouterr()
            assert "Traceback" not in err
            return code, out

        async def shown() -> dict[str, Any]:
            code, said = await fairlead("status", "-o", "json")
            assert code == 0
            (one,) = [each for each in json.loads(said) if each["service"] == name]
            apis = {each["name"]: each["available"] for each in one["api_services"]}
            assert apis[f"v1alpha1.{group}"]
            assert one["resources"] >= 1
            return dict(one)

        assert (await eventually(shown))["namespace"] == "kube-system"
        code, table = await fairlead("status")
        assert code == 0
        assert table.splitlines()[0].split() == [
            *("NAMESPACE", "NAME", "IMAGE", "READY", "LEADER", "CONTROL-PLANE", "CLAIM-NAMESPACE"),
            *("AVAILABLE", "RESOURCES"),
        ]
        assert any(line.split()[:2] == ["kube-system", name] for line in table.splitlines())

        code, said = await fairlead("doctor", "--service", f"kube-system/{name}", "-o", "json")
        found_now = json.loads(said)
        assert code == int(any(each["level"] == "wrong" for each in found_now))
        assert {"check": "service", "level": "ok"} in found_now
        code, said = await fairlead("doctor", "--service", f"kube-system/{name}")
        assert {line.split()[1] for line in said.splitlines()} == set(causes.CHECKS)
        await found.app.delete(APISERVICES, f"v1alpha1.{group}")


def test_which_of_several_is_meant() -> None:
    one, two = (installed.Installed(ServiceName("kube-system", name)) for name in ("one", "two"))
    assert installed.only([one, two], two.service) == two
    with pytest.raises(NotInstalledError, match="more than one connector is in the app cluster: kube-system/one, kube"):
        installed.only([one, two])
    with pytest.raises(NotInstalledError, match="install one with `fairlead connector install`"):
        installed.only([])

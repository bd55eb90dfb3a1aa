"""The chart in a cluster: real Helm, real API servers, and Pods that have exactly what the chart gives them."""

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fairlead.connector.installing import rights
from fairlead.connector.installing.rights import Grant
from fairlead.machinery import encoding
from fairlead.machinery.paths import Resource
from testenv.networks import Machine, Network
from testenv.servers import RealCluster
from tests.charts import helm
from tests.e2e import manifests
from tests.e2e.hands import Plain
from tests.e2e.manifests import DATABASES
from tests.e2e.test_claim_travels import backend
from tests.e2e.world import CLAIMS, CLUSTER_ID
from tests.torture import stages
from tests.torture.pods import Pod
from tests.torture.replicas import PORT, ready
from tests.torture.stages import eventually

pytestmark = pytest.mark.requirement("connector:chart-installed")
Object = dict[str, Any]

APISERVICES = Resource("apiregistration.k8s.io", "v1", "apiservices", namespaced=False)
DEPLOYMENTS = Resource("apps", "v1", "deployments")
EVENTS = Resource("", "v1", "events")
SECRETS = Resource("", "v1", "secrets")
LEASES = Resource("coordination.k8s.io", "v1", "leases")
QUOTAS = Resource("", "v1", "resourcequotas")
REVIEWS = Resource("authorization.k8s.io", "v1", "subjectaccessreviews", namespaced=False)
RELEASE, NAMESPACE = "mcp-connector", "connector"
IMAGE = "--set=image.repository=registry.example.org/fairlead"
POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - {level: Metadata, userGroups: ["system:serviceaccounts"]}
  - {level: None}
"""


# seeds/mcp-connector.md, for a control plane that is in no Space; and every feature that brings rights.
VALUES: Object = {
    "clusterID": CLUSTER_ID,
    "spaces": {
        "controlPlane": {
            "claimNamespace": CLAIMS,
            "kubeconfigSecret": {"name": "my-controlplane-kubeconfig", "key": "kubeconfig"},
        }
    },
    "syncSecrets": True,
    "mirrorEvents": True,
    "renewToken": True,
    "audit": True,
}


@dataclass(frozen=True)
class Installed:
    home: Path
    app: Plain
    control_plane: Plain
    pods: tuple[Pod, ...]

    def helm(self, *arguments: str) -> str:
        return helms(self.home, self.app, *arguments)

    def forbidden(self, name: str) -> list[str]:
        """What a cluster refused the connector."""
        return [f"{each['verb']} {each['requestURI']}" for each in self.asked(name) if code(each) == 403]

    def asked(self, name: str) -> list[Object]:
        """What the connector asked, as the API server wrote it down."""
        lines = (self.home / f"{name}.audit").read_text(encoding="utf-8").splitlines()
        found = [json.loads(each) for each in lines]
        return [each for each in found if "connector" in each["user"]["username"]]


def code(entry: Object) -> int:
    return int((entry.get("responseStatus") or {}).get("code", 0))


def helms(home: Path, app: Plain, *arguments: str) -> str:
    return helm.run(home, *arguments, f"--kubeconfig={app.cluster.kubeconfig}", f"--namespace={NAMESPACE}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chart")


@pytest.fixture(scope="module")
def installed(folder: Path, crossplane_crds: Path) -> Iterator[Installed]:
    with ExitStack() as stack:
        network = stack.enter_context(Network())
        machines = [stack.enter_context(Machine()) for _ in range(2)]
        addresses = [each.connect(network) for each in machines]
        routing = [
            "--enable-aggregator-routing=true",
            "--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
        ]
        app = stack.enter_context(
            stages.server("app", folder, flags=[*routing, *audited(folder, "app")], host=network.host)
        )
        control_plane = stack.enter_context(
            stages.server("control-plane", folder, flags=audited(folder, "control-plane"), host=network.host)
        )
        stage = stack.enter_context(stages.furnished(folder, app, control_plane, crossplane_crds, PORT))
        stage.namespaced(NAMESPACE, "shop")
        stage.app.create(kubeconfig_secret(stage.control_plane, control_plane))
        values = folder / "connector-values.yaml"
        values.write_bytes(encoding.to_json(VALUES))
        helms(folder, stage.app, "install", RELEASE, str(helm.CHART), f"--values={values}", IMAGE)
        template = stage.app.get(DEPLOYMENTS, RELEASE, NAMESPACE)["spec"]["template"]
        eventually(lambda: may_begin(stage.app))
        pods = tuple(Pod(f"{RELEASE}-{number}", NAMESPACE, template, app, stage.app, folder) for number in range(2))
        for pod, machine in zip(pods, machines, strict=True):
            stack.callback(pod.kill)
            pod.start(machine)
        stage.app.create(endpoint_slice(addresses))
        eventually(lambda: stage.app.names(DATABASES))
        yield Installed(folder, stage.app, stage.control_plane, pods)


def audited(folder: Path, name: str) -> list[str]:
    """Flags of an API server that writes down what service accounts ask."""
    policy = folder / "audit-policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    return [f"--audit-policy-file={policy}", f"--audit-log-path={folder / name}.audit"]


def kubeconfig_secret(control_plane: Plain, server: RealCluster) -> Object:
    """Of a ServiceAccount that has what an installation gives one; under a key that the values do not name."""
    xrd = control_plane.get(manifests.XRDS, manifests.xrd()["metadata"]["name"])
    grant = Grant(CLAIMS, CLUSTER_ID, rights.served([xrd]), secrets=True, events=True)
    for _, each in rights.objects(grant):
        control_plane.create(each)
    path = rights.SERVICE_ACCOUNTS.path(CLAIMS, grant.name, "token")
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    token = control_plane.send("POST", path, request)["status"]["token"]
    authority = base64.b64encode(server.credentials.client_ca.read_bytes()).decode()
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "one", "cluster": {"server": server.url, "certificate-authority-data": authority}}],
        "users": [{"name": "one", "user": {"token": token}}],
        "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
        "current-context": "one",
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "my-controlplane-kubeconfig", "namespace": NAMESPACE},
        "data": {"context.yaml": base64.b64encode(encoding.to_json(kubeconfig)).decode()},
    }


def may_begin(app: Plain) -> None:
    """The API server's authorizer has heard of the last of the rights."""
    user = f"system:serviceaccount:{NAMESPACE}:{RELEASE}"
    last = {"verb": "update", "resource": "secrets", "name": f"{RELEASE}-tls", "namespace": NAMESPACE}
    trust = {"verb": "get", "resource": "configmaps", "name": "extension-apiserver-authentication"}
    for each in (last, {**trust, "namespace": "kube-system"}, {"verb": "create", "resource": "events"}):
        spec = {"user": user, "groups": ["system:serviceaccounts"], "resourceAttributes": each}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        answer = app.send("POST", REVIEWS.path(), review)
        assert answer["status"]["allowed"], each


def endpoint_slice(addresses: list[str]) -> Object:
    """What the controller of EndpointSlices writes for the Service."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{RELEASE}-1",
            "namespace": NAMESPACE,
            "labels": {"kubernetes.io/service-name": RELEASE},
        },
        "addressType": "IPv4",
        "ports": [{"name": "https", "port": PORT, "protocol": "TCP"}],
        "endpoints": [{"addresses": [each], "conditions": {"ready": ready(each)}} for each in addresses],
    }


def test_claims_secrets_and_events_travel_and_nothing_is_forbidden(installed: Installed) -> None:
    app, control_plane = installed.app, installed.control_plane
    for each in webhook("shop"):
        app.create(each)
    limit(app, "shop")
    app.create(manifests.claim("orders", "shop", writeConnectionSecretToRef={"name": "db"}))
    stored = control_plane.get(DATABASES, backend("orders", "shop"), CLAIMS)
    secret = connection_secret(stored)
    control_plane.create(secret)
    control_plane.create(event(stored))
    eventually(lambda: app.get(SECRETS, "db", "shop"))
    eventually(lambda: told(app))
    app.patch(DATABASES, "orders", "shop", "merge", {"spec": {"size": "large"}})
    app.patch(DATABASES, "orders", "shop", "apply", {**manifests.claim("orders", "shop"), "spec": {"tags": ["a"]}})
    # Its copy is for the connector to delete; once the claim goes, the garbage collector may be the faster one.
    control_plane.delete(SECRETS, secret["metadata"]["name"], CLAIMS)
    eventually(lambda: without_secrets(app))
    app.delete(DATABASES, "orders", "shop")
    eventually(lambda: gone(app))

    assert installed.forbidden("app") == []
    assert installed.forbidden("control-plane") == []
    for name, used in USED.items():
        verbs = {(each["verb"], (each.get("objectRef") or {}).get("resource")) for each in installed.asked(name)}
        assert used <= verbs, "the check above saw what the connector asks"


USED = {
    "app": {
        *(("create", each) for each in ("apiservices", "subjectaccessreviews", "leases", "secrets", "events")),
        *(("watch", each) for each in ("apiservices", "namespaces", "configmaps")),
        *(("watch", each) for each in ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")),
        *(("get", each) for each in ("clusterroles", "services")),
        *((verb, "resourcequotas") for verb in ("watch", "update")),
        ("list", "endpointslices"),
        ("delete", "secrets"),
    },
    "control-plane": {
        *(("create", each) for each in ("databases", "configmaps")),
        *(("watch", each) for each in ("secrets", "events", "compositeresourcedefinitions")),
        ("delete", "databases"),
    },
}


def limit(app: Plain, namespace: str) -> None:
    """By a quota that has been counted."""
    counted = f"count/{DATABASES.plural}.{DATABASES.group}"
    metadata, hard = {"namespace": namespace, "name": "two"}, {counted: "2"}
    app.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard}})
    app.status(QUOTAS, "two", namespace, {"hard": hard, "used": {counted: "0"}})


def webhook(namespace: str) -> list[Object]:
    """One that is looked for behind a headless Service, in vain, and may be left out."""
    service = {"namespace": namespace, "name": "hook"}
    rule = {"operations": ["*"], "apiGroups": [manifests.GROUP], "apiVersions": ["*"], "resources": ["*"]}
    hook = {
        "name": "hook.example.org",
        "clientConfig": {"service": service},
        "rules": [rule],
        "failurePolicy": "Ignore",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    spec = {"clusterIP": "None", "ports": [{"port": 443}]}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": service, "spec": spec},
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "hook"},
            "webhooks": [hook],
        },
    ]


def connection_secret(stored: Object) -> Object:
    controller = {"apiVersion": stored["apiVersion"], "kind": "Database", "controller": True} | {
        key: stored["metadata"][key] for key in ("name", "uid")
    }
    name = stored["spec"]["writeConnectionSecretToRef"]["name"]
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": CLAIMS, "ownerReferences": [controller]},
        "type": "connection.crossplane.io/v1alpha1",
        "data": {"password": "Zmlyc3Q="},
    }


def event(stored: Object) -> Object:
    about = {"apiVersion": stored["apiVersion"], "kind": "Database", "namespace": CLAIMS} | {
        key: stored["metadata"][key] for key in ("name", "uid")
    }
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{about['name']}.17ab", "namespace": CLAIMS},
        "involvedObject": about,
        "reason": "Bound",
        "message": "it is bound",
        "type": "Normal",
    }


def told(app: Plain) -> None:
    found = app.send("GET", EVENTS.path("shop"))["items"]
    assert [each["message"] for each in found if each["involvedObject"]["name"] == "orders"] == ["it is bound"]


def without_secrets(app: Plain) -> None:
    assert app.names(SECRETS, "shop") == []


def gone(app: Plain) -> None:
    assert app.names(DATABASES, "shop") == []
    without_secrets(app)


def test_the_rights_on_secrets_name_no_list(installed: Installed) -> None:
    """Of the account itself, asked of the API server."""
    for verb in ("list", "watch"):
        attributes = {"verb": verb, "resource": "secrets", "namespace": "shop"}
        spec = {"user": f"system:serviceaccount:{NAMESPACE}:{RELEASE}", "resourceAttributes": attributes}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        assert installed.app.send("POST", REVIEWS.path(), review)["status"]["allowed"] is False


def test_uninstalling_removes_the_apis_though_every_connector_is_dead(installed: Installed) -> None:
    """Last in this file: it ends what the others use."""
    app = installed.app
    assert [each for each in app.names(APISERVICES) if "demo.example.org" in each] == ["v1alpha1.demo.example.org"]
    for each in installed.pods:
        each.kill()
    installed.helm("uninstall", RELEASE)
    eventually(lambda: unregistered(app))
    eventually(lambda: left(app))
    app.create(manifests.namespace("passing"))
    app.delete(manifests.NAMESPACES, "passing")
    eventually(lambda: passed(app))
    assert installed.control_plane.names(manifests.XRDS), "the control plane keeps what it has"


def unregistered(app: Plain) -> None:
    assert not [each for each in app.names(APISERVICES) if "demo.example.org" in each]


def left(app: Plain) -> None:
    """Of the release's namespace, where nothing but the Secret with the kubeconfig was there before."""
    assert app.names(SECRETS, NAMESPACE) == ["my-controlplane-kubeconfig"]
    assert app.names(LEASES, NAMESPACE) == []


def passed(app: Plain) -> None:
    assert "passing" not in app.names(manifests.NAMESPACES)

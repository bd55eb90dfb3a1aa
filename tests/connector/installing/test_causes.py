"""Each known cause, broken in facts that are well otherwise."""

import base64
import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fairlead.aggregation import registering
from fairlead.aggregation.registering import Backend, Registration
from fairlead.connector import publishing
from fairlead.connector.installing import causes
from fairlead.connector.installing.facts import ControlPlaneFacts, Facts, Finding, Level
from fairlead.connector.settings import ServiceName
from fairlead.machinery import encoding
from fairlead.machinery.paths import GroupVersion
from fairlead.serving.certificates import Authority
from tests.e2e import manifests

pytestmark = pytest.mark.requirement("connector:doctor")
Object = dict[str, Any]
NOW = datetime.now(UTC).timestamp()
SERVICE = ServiceName("kube-system", "fairlead-connector")
AUTHORITY = Authority.create("connector")
DAY = 24 * 3600.0


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def certificate(authority: Authority = AUTHORITY, name: str = SERVICE.dns) -> Object:
    pair = authority.issue_server([name], [])
    return {"data": {"tls.crt": _text(pair.certificate), "tls.key": _text(pair.key)}}


def api_service(bundle: bytes = AUTHORITY.certificate) -> Object:
    backend = Backend(SERVICE.namespace, SERVICE.name, 443, bundle)
    registration = Registration(GroupVersion(manifests.GROUP, "v1alpha1"))
    found = registering.desired(registration, backend, publishing.labels(backend))
    return {**found, "status": {"conditions": [{"type": "Available", "status": "True", "reason": "Passed"}]}}


def unavailable(message: str) -> Object:
    condition = {"type": "Available", "status": "False", "reason": "FailedDiscoveryCheck", "message": message}
    return {**api_service(), "status": {"conditions": [condition]}}


def endpoint_slice(port: str = "https", *, ready: bool = True) -> Object:
    return {"ports": [{"name": port, "port": 8443}],
            "endpoints": [{"addresses": ["10.1.0.5"], "conditions": {"ready": ready}}]}  # fmt: skip


def xrd() -> Object:
    return {**manifests.xrd(), "status": manifests.offered()}


def service(**spec: Any) -> Object:
    return {"spec": {"type": "ClusterIP", "ports": [{"name": "https", "port": 443}], **spec}}


def deployment(replicas: int = 2, ready: int = 2) -> Object:
    template = {"metadata": {"labels": {"app": "connector"}}}
    return {"spec": {"replicas": replicas, "template": template}, "status": {"readyReplicas": ready}}


def policy(**spec: Any) -> Object:
    selector = {"podSelector": {"matchLabels": {"app": "connector"}}, "policyTypes": ["Ingress"]}
    return {"metadata": {"name": "closed"}, "spec": {**selector, **spec}}


AUTHENTICATION = {
    "requestheader-client-ca-file": Authority.create("front proxy").certificate.decode(),
    "requestheader-username-headers": encoding.to_json(["X-Remote-User"]).decode(),
    "requestheader-group-headers": encoding.to_json(["X-Remote-Group"]).decode(),
    "requestheader-extra-headers-prefix": encoding.to_json(["X-Remote-Extra-"]).decode(),
    "requestheader-allowed-names": "[]",
    "client-ca-file": Authority.create("clients").certificate.decode(),
}
CONTROL_PLANE = ControlPlaneFacts(
    definitions=(xrd(),), cluster_ids={"mine": "uid-1"}, clock=NOW + 1, token_expires=NOW + 20 * DAY
)
WELL = Facts(
    service_name=SERVICE,
    now=NOW,
    cluster_uid="uid-1",
    cluster_id="mine",
    claim_namespace="claims",
    authentication=AUTHENTICATION,
    api_services=(api_service(),),
    service=service(),
    slices=(endpoint_slice(),),
    certificate=certificate(),
    deployment=deployment(),
    network_policies=(policy(ingress=[{}]),),
    app_clock=NOW - 1,
    control_plane=CONTROL_PLANE,
)


def there(**changed: Any) -> Callable[[], Facts]:
    return lambda: replace(WELL, control_plane=replace(CONTROL_PLANE, **changed))


def but(**changed: Any) -> Callable[[], Facts]:
    return lambda: replace(WELL, **changed)


def owned(labels: Object, service_name: str | None) -> Object:
    found = copy.deepcopy(api_service())
    found["metadata"]["labels"] = labels
    found["spec"]["service"] = {"namespace": "other", "name": service_name} if service_name else None
    return found


def faults(facts: Facts) -> list[Finding]:
    return [each for each in causes.diagnose(facts) if each.level is not Level.OK]


def test_nothing_is_said_of_what_is_well() -> None:
    assert causes.diagnose(WELL) == [Finding(name, Level.OK) for name in causes.CHECKS]


@pytest.mark.parametrize(
    ("facts", "check", "what", "fix"),
    [
        (but(authentication=None), "front-proxy", "does not exist", "--requestheader-client-ca-file"),
        (but(authentication={}), "front-proxy", "names no authority", "--proxy-client-cert-file"),
        (but(authentication={**AUTHENTICATION, "requestheader-client-ca-file": "no"}), "front-proxy",
         "cannot be used", "--requestheader"),
        (but(service=None), "service", "Service kube-system/fairlead-connector does not exist", "create it"),
        (but(service=service(ports=[{"name": "https", "port": 8443}])), "service",
         "has no port 443, which APIService v1alpha1.demo.example.org names", "give the Service that port"),
        (but(slices=()), "endpoints", "has no EndpointSlice", "compare its selector"),
        (but(slices=(endpoint_slice("web"),)), "endpoints", "has a port named 'https'", "alike"),
        (but(slices=(endpoint_slice(ready=False),)), "endpoints", "no endpoint", "look at the Pods"),
        (but(certificate={"data": {"tls.crt": "bm8="}}), "certificate", "holds no certificate", "delete it"),
        (but(certificate=certificate(Authority.create("another"))), "certificate", "does not vouch", "the leader"),
        (but(api_services=(api_service(b""),)), "certificate", "does not vouch", "the leader"),
        (but(certificate=certificate(name="localhost")), "certificate",
         "is not for fairlead-connector.kube-system.svc", "delete Secret kube-system/fairlead-connector-tls"),
        (but(deployment=deployment(2, 0)), "replicas", "no replica is ready", "/readyz?verbose"),
        (but(deployment=deployment(0, 0)), "replicas", "has no replicas", "scale it up"),
        (but(network_policies=(policy(),)), "network", "NetworkPolicy closed lets nobody in", "port 8443"),
        (there(problem="refused"), "control-plane", "cannot be used: refused", "for a new token"),
        (there(token_expires=NOW - 1), "control-plane", "token has ended", "install` again"),
        (there(token_expires=NOW + DAY), "control-plane", "was not renewed", "leader's log"),
        (there(without_rights=("databases.demo.example.org",)), "rights",
         "no rights on databases.demo.example.org", "run `fairlead connector install` again"),
        (but(api_services=(owned({registering.AUTOMANAGED: "true"}, None),)), "groups",
         "v1alpha1.demo.example.org belongs to the API server itself: a CRD", "kubectl get crd | grep demo.example"),
        (but(api_services=(owned({}, "another"),)), "groups", "belongs to another extension server", "deny the API"),
        (but(api_services=()), "groups", "is offered and not registered", "log of the connector's leader"),
        (there(cluster_ids={"mine": "uid-2"}), "cluster-id", "belongs to another app cluster", "ConfigMap claims/"),
        (but(app_clock=NOW - 300), "clocks", "the clock of the app cluster differs from here by -300 s", "set the"),
        (there(clock=NOW + 300), "clocks", "the clock of the control plane differs from here by +300 s", "set the"),
    ],
)  # fmt: skip
def test_a_cause_is_found_and_nothing_else(facts: Callable[[], Facts], check: str, what: str, fix: str) -> None:
    (fault,) = faults(facts())
    assert (fault.check, fault.level) == (check, Level.WRONG)
    assert what in fault.what
    assert fix in fault.fix
    assert "\n" not in fault.what + fault.fix


@pytest.mark.parametrize(
    ("message", "fix"),
    [
        ('unsupported service type "ExternalName"', "--enable-aggregator-routing"),
        ("failing or missing response from https://10.0.0.1:443/apis/a/v1: bad status from https://a: 401", "--proxy-"),
        ("bad status from https://10.0.0.1:443/apis/a/v1: 403", "--proxy-client-cert-file"),
        ("Get \"https://a\": tls: failed to verify certificate: x509: certificate signed by unknown authority", "caBu"),
        ("x509: certificate is valid for localhost, not a.kube-system.svc", "certificate is for another name"),
        ("x509: certificate has expired or is not yet valid: current time is after", "compare the clocks"),
        ("dial tcp: lookup connector.example.org: no such host", "externalName does not resolve"),
        ("dial tcp 10.0.0.1:443: connect: connection refused", "look at the Pods"),
        ("Get \"https://a\": context deadline exceeded", "firewall, a NetworkPolicy or a service mesh"),
        ("dial tcp 10.0.0.1:443: i/o timeout", "firewall"),
        ("remote error: tls: handshake failure", "service mesh"),
        ('service/connector in "kube-system" is not present', "Service and its endpoints"),
        ("bad status from https://a: 503", "/readyz?verbose"),
        ("something new", "/readyz?verbose"),
    ],
)  # fmt: skip
def test_the_aggregators_words_lead_to_a_fix(message: str, fix: str) -> None:
    (fault,) = faults(replace(WELL, api_services=(unavailable(message),)))
    assert fault.check == "availability"
    assert message in fault.what
    assert fix in fault.fix


@pytest.mark.parametrize(
    ("days", "word"), [(4000, "the front proxy's authority ended at"), (-2, "begins at"), (400, "certificate ended")]
)
def test_certificates_out_of_their_time(days: int, word: str) -> None:
    moment = (datetime.fromtimestamp(NOW, UTC) + timedelta(days=days)).timestamp()
    said = [each.what for each in faults(replace(WELL, now=moment, control_plane=None))]
    assert any(word in each for each in said)


@pytest.mark.parametrize(
    ("facts", "check"),
    [
        (but(control_plane=None), "control-plane"),
        (but(certificate=None), "certificate"),
        (but(deployment=deployment(2, 1)), "replicas"),
        (but(unenforced_policies=("ValidatingAdmissionPolicy a",)), "policies"),
        (but(unseen=("secrets may not be read",)), "seen"),
    ],
)
def test_what_is_only_worth_a_warning(facts: Callable[[], Facts], check: str) -> None:
    (fault,) = faults(facts())
    assert (fault.check, fault.level) == (check, Level.WARNING)


def test_a_service_that_is_a_name_has_no_endpoints_to_look_at() -> None:
    facts = replace(WELL, service=service(type="ExternalName", ports=[]), slices=())
    assert faults(facts) == []


def test_others_apis_are_none_of_our_business() -> None:
    other = owned({}, "metrics-server")
    other["metadata"]["name"] = "v1.metrics.k8s.io"
    other["status"] = unavailable("down")["status"]
    assert faults(replace(WELL, api_services=(api_service(), other))) == []

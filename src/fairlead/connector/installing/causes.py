"""Why an APIService is unavailable, or a claim API missing: each known cause as a pure function over `Facts`.

A cause is looked for in the objects themselves, and once more in the words of the aggregator's condition, because some
(a firewall, a proxy certificate that is not configured) show nowhere else. Every finding says what to do in one line.

Source: reference/aggregation-layer.md §1.3 to §1.5, §13.
"""

import re
from collections.abc import Callable, Iterable

from fairlead.aggregation import registering
from fairlead.aggregation.frontproxy import FrontProxyTrust, TrustError
from fairlead.connector import publishing
from fairlead.connector.installing import certificates
from fairlead.connector.installing.facts import Facts, Finding, Level, Object
from fairlead.connector.preparing import APP_CLUSTERS
from fairlead.connector.sources import of_xrd

SKEW = 60.0
"""Seconds by which clocks may differ: certificates and tokens are dated a few minutes back at most."""
SOON = 3 * 24 * 3600.0
INSTALL = "run `fairlead connector install` again"


def diagnose(facts: Facts) -> list[Finding]:
    """At least one finding for each check; those that are well say so without words."""
    found: list[Finding] = []
    for name, check in CHECKS.items():
        faults = list(check(facts))
        found += [Finding(name, *fault) for fault in faults] or [Finding(name, Level.OK)]
    return found


Fault = tuple[Level, str, str]


def _wrong(what: str, fix: str) -> Fault:
    return Level.WRONG, what, fix


def ours(facts: Facts) -> list[Object]:
    wanted = f"{facts.service_name.name}.{facts.service_name.namespace}"
    return [each for each in facts.api_services if _labels(each).get(publishing.CONNECTOR) == wanted]


def _labels(obj: Object) -> Object:
    return obj["metadata"].get("labels") or {}


def front_proxy(facts: Facts) -> Iterable[Fault]:
    where = "ConfigMap kube-system/extension-apiserver-authentication"
    flags = "set --requestheader-client-ca-file, --requestheader-username-headers and --proxy-client-cert-file"
    fix = f"{flags} of kube-apiserver"
    if facts.authentication is None:
        yield _wrong(f"{where} does not exist", fix)
        return
    try:
        trust = FrontProxyTrust.parse(facts.authentication)
    except TrustError as error:
        yield _wrong(f"{where} cannot be used: {error}", fix)
        return
    if not trust.proxies.pem.strip() or not trust.username_headers:
        yield _wrong(f"{where} names no authority or no user header of the front proxy", fix)
    elif ended := certificates.ended(trust.proxies.pem, facts.now):
        yield _wrong(f"the front proxy's authority {ended}", "renew it, and restart kube-apiserver")


def service(facts: Facts) -> Iterable[Fault]:
    where = f"Service {facts.service_name.namespace}/{facts.service_name.name}"
    if facts.service is None:
        yield _wrong(f"{where} does not exist", f"create it, or {INSTALL}")
        return
    spec = facts.service["spec"]
    ports = {each["port"]: each.get("name") or "" for each in spec.get("ports") or ()}
    for api in ours(facts):
        wanted = (api["spec"].get("service") or {}).get("port", 443)
        if spec.get("type") != "ExternalName" and wanted not in ports:
            name = api["metadata"]["name"]
            yield _wrong(
                f"{where} has no port {wanted}, which APIService {name} names",
                f"give the Service that port, or {INSTALL}",
            )


def endpoints(facts: Facts) -> Iterable[Fault]:
    if facts.service is None or facts.service["spec"].get("type") == "ExternalName":
        return
    where = f"Service {facts.service_name.namespace}/{facts.service_name.name}"
    names = {each.get("name") or "" for each in facts.service["spec"].get("ports") or ()}
    if not facts.slices:
        yield _wrong(f"{where} has no EndpointSlice", "compare its selector with the Pods' labels, or make a slice")
        return
    ports = {each.get("name") or "" for found in facts.slices for each in found.get("ports") or ()}
    if not names & ports:
        yield _wrong(
            f"no EndpointSlice of {where} has a port named {' or '.join(map(repr, sorted(names)))}",
            "name the ports of Service and slice alike",
        )
    elif not any(_ready(each) for found in facts.slices for each in found.get("endpoints") or ()):
        yield _wrong(f"no endpoint of {where} is ready", "look at the Pods: `kubectl describe pod`, and their logs")


def _ready(endpoint: Object) -> bool:
    return (endpoint.get("conditions") or {}).get("ready") is not False and bool(endpoint.get("addresses"))


def certificate(facts: Facts) -> Iterable[Fault]:
    where = f"Secret {facts.service_name.namespace}/{facts.service_name.secret}"
    if facts.certificate is None:
        yield Level.WARNING, f"{where} with the serving certificate is not there", "it is made when a connector starts"
        return
    held = certificates.read(facts.certificate)
    if held is None:
        yield _wrong(f"{where} holds no certificate that can be read", "delete it: the connector makes a new one")
        return
    if ended := certificates.ended(held, facts.now):
        yield _wrong(f"the serving certificate {ended}", "look at the clocks and the leader's log")
    if not certificates.is_for(held, facts.service_name.dns):
        yield _wrong(
            f"the serving certificate is not for {facts.service_name.dns}", f"delete {where}: a new one is made"
        )
    for api in ours(facts):
        if not certificates.vouched(held, api["spec"].get("caBundle") or ""):
            yield _wrong(
                f"the caBundle of APIService {api['metadata']['name']} does not vouch for the serving certificate",
                "the leader puts it right within a minute; if not, look at its log and its rights on apiservices",
            )


def groups(facts: Facts) -> Iterable[Fault]:
    """What the control plane offers and another owner, or nobody, serves in the app cluster."""
    if facts.control_plane is None:
        return
    there = {each["metadata"]["name"]: each for each in facts.api_services}
    mine = {each["metadata"]["name"] for each in ours(facts)}
    for each in facts.control_plane.definitions:
        source = of_xrd(each)
        if source is None or f"{source.offered.plural}.{source.offered.group}" in facts.control_plane.without_rights:
            continue
        for name in (f"{version}.{source.offered.group}" for version in source.versions):
            if name in there and name not in mine:
                yield _wrong(
                    f"{name} belongs to {registering.owner(there[name])}",
                    f"remove what has it (`kubectl get crd | grep {source.offered.group}`), or deny the API",
                )
            elif name not in there:
                yield _wrong(f"{name} is offered and not registered", "look at the log of the connector's leader")


def availability(facts: Facts) -> Iterable[Fault]:
    for api in ours(facts):
        well, message = registering.available(api)
        if not well:
            yield _wrong(f"APIService {api['metadata']['name']} is not available: {message}", remedy(message))


REMEDIES = (
    (r"unsupported service type|ExternalName", "the API server has --enable-aggregator-routing: use a Service with "
     "an EndpointSlice"),
    (r"bad status from .*: (401|403)", "the API server shows no proxy certificate that the connector believes: set "
     "--proxy-client-cert-file and --requestheader-allowed-names"),
    (r"unknown authority|caBundle|not trusted", "caBundle and serving certificate do not match: look at the leader's "
     "log"),
    (r"certificate is (not )?valid for|doesn't contain any .*SAN", "the certificate is for another name: delete the "
     "Secret, and another program may answer at that address"),
    (r"expired or is not yet valid", "compare the clocks of the nodes"),
    (r"no such host", "the Service's externalName does not resolve where the API server runs"),
    (r"connection refused|cannot reach", "nothing listens there: look at the Pods"),
    (r"deadline exceeded|timeout|timed out|no route to host|in time", "a firewall, a NetworkPolicy or a service mesh "
     "stands between API server and connector: let the API server reach its port 8443"),
    (r"remote error: tls|handshake failure", "a service mesh takes over TLS: leave the connector's port out of it"),
    (r"not present|not found|missing endpoints|no addresses", "look at the Service and its endpoints"),
    (r"bad status from .*: 503", "the connector is not ready: ask its /readyz?verbose"),
)  # fmt: skip


def remedy(message: str) -> str:
    """For the aggregator's words."""
    for pattern, fix in REMEDIES:
        if re.search(pattern, message, re.IGNORECASE):
            return fix
    return "look at the connector's log, and ask its /readyz?verbose"


def replicas(facts: Facts) -> Iterable[Fault]:
    if facts.deployment is None:
        return
    wanted = facts.deployment["spec"].get("replicas", 1)
    ready = (facts.deployment.get("status") or {}).get("readyReplicas") or 0
    if not wanted:
        yield _wrong("the Deployment has no replicas", "scale it up, or uninstall")
    elif not ready:
        yield _wrong("no replica is ready", "look at `kubectl describe pod`, and ask /readyz?verbose")
    elif ready < wanted:
        yield Level.WARNING, f"{ready} of {wanted} replicas are ready", "look at `kubectl describe pod`"


def network(facts: Facts) -> Iterable[Fault]:
    """A hint only: whom an address belongs to is not in the policies."""
    if facts.deployment is None:
        return
    labels = (facts.deployment["spec"]["template"]["metadata"].get("labels") or {}).items()
    covering = []
    for each in facts.network_policies:
        wanted = ((each["spec"].get("podSelector") or {}).get("matchLabels") or {}).items()
        if wanted <= labels and "Ingress" in (each["spec"].get("policyTypes") or ["Ingress"]):
            covering.append(each)
    if covering and not any(each["spec"].get("ingress") for each in covering):
        names = ", ".join(each["metadata"]["name"] for each in covering)
        yield _wrong(f"NetworkPolicy {names} lets nobody in", "let the API server reach port 8443")


def control_plane(facts: Facts) -> Iterable[Fault]:
    there = facts.control_plane
    if there is None:
        yield Level.WARNING, "the control plane is not looked at", "name its kubeconfig with --control-plane-kubeconfig"
        return
    if there.problem:
        yield _wrong(f"the control plane cannot be used: {there.problem}", f"mend it, or {INSTALL} for a new token")
    if there.token_expires is not None and there.token_expires - facts.now < SOON:
        state = "has ended" if there.token_expires < facts.now else "ends within three days and was not renewed"
        yield _wrong(f"the connector's token {state}", f"{INSTALL}, and look at the leader's log")


def rights(facts: Facts) -> Iterable[Fault]:
    lacking = facts.control_plane.without_rights if facts.control_plane else ()
    if lacking:
        yield _wrong(f"the connector has no rights on {', '.join(lacking)}", f"{INSTALL}: it extends the rights")


def cluster_id(facts: Facts) -> Iterable[Fault]:
    known = facts.control_plane.cluster_ids if facts.control_plane else {}
    holder = known.get(facts.cluster_id)
    if holder is not None and holder != facts.cluster_uid:
        yield _wrong(
            f"the cluster id {facts.cluster_id} belongs to another app cluster, whose kube-system is {holder}",
            f"choose another, or remove the entry from ConfigMap {facts.claim_namespace}/{APP_CLUSTERS}",
        )


def clocks(facts: Facts) -> Iterable[Fault]:
    times = {"the app cluster": facts.app_clock}
    if facts.control_plane is not None:
        times["the control plane"] = facts.control_plane.clock
    for name, time in times.items():
        if time is not None and abs(time - facts.now) > SKEW:
            yield _wrong(f"the clock of {name} differs from here by {time - facts.now:+.0f} s", "set the clocks")


def policies(facts: Facts) -> Iterable[Fault]:
    for each in facts.unenforced_policies:
        yield Level.WARNING, f"{each} does not hold for claims", "repeat it in the control plane, or use a webhook"


def seen(facts: Facts) -> Iterable[Fault]:
    for each in facts.unseen:
        yield Level.WARNING, each, "ask somebody who may read it"


CHECKS: dict[str, Callable[[Facts], Iterable[Fault]]] = {
    "front-proxy": front_proxy,
    "service": service,
    "endpoints": endpoints,
    "certificate": certificate,
    "replicas": replicas,
    "network": network,
    "availability": availability,
    "control-plane": control_plane,
    "rights": rights,
    "groups": groups,
    "cluster-id": cluster_id,
    "clocks": clocks,
    "policies": policies,
    "seen": seen,
}

"""Values for the chart: those of the original connector's pages, and any others."""

from typing import Any

from hypothesis import strategies as st

from fairlead.connector.chart.values import merged

Object = dict[str, Any]

IMAGE = {"image": {"repository": "registry.example.org/fairlead"}}

# seeds/mcp-connector.md, with the placeholders as they stand there.
SPACE = {
    "clusterID": "my-appcluster",
    "upbound": {"account": "<ORG_ACCOUNT>", "token": "<PERSONAL_ACCESS_TOKEN>"},
    "spaces": {
        "host": "upbound-gcp-us-west-1.space.mxe.upbound.io",
        "insecureSkipTLSVerify": True,
        "controlPlane": {
            "name": "<CONTROL_PLANE_NAME>",
            "group": "<CONTROL_PLANE_GROUP>",
            "claimNamespace": "<NAMESPACE_TO_SYNC_TO>",
        },
    },
}
DISCONNECTED = {
    "spaces": {
        "controlPlane": {
            "claimNamespace": "<NAMESPACE_TO_SYNC_TO>",
            "kubeconfigSecret": {"name": "my-controlplane-kubeconfig", "key": "kubeconfig"},
        }
    }
}

_TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FF, exclude_categories=["Cc", "Cf"]), max_size=12)
_NAME = st.from_regex(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
_PATTERN = st.sampled_from(["*", "*.example.org", "databases.example.org"])
_LABELS = st.dictionaries(_NAME, _TEXT, max_size=2)


def _some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Object]:
    return st.fixed_dictionaries({}, optional=fields)


def _enabled(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Object]:
    return _some(enabled=st.booleans(), **fields)


_EXTRAS = _some(
    clusterID=_NAME,
    image=_some(tag=_NAME, digest=st.just("sha256:" + "0" * 64), pullPolicy=st.sampled_from(["Always", "Never"])),
    imagePullSecrets=st.just([{"name": "pull"}]),
    replicas=st.integers(0, 3),
    resources=st.just({"limits": {"cpu": 2, "memory": "1Gi"}}),
    nodeSelector=_LABELS,
    tolerations=st.just([{"operator": "Exists", "tolerationSeconds": 1000000}]),
    affinity=st.just({"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}),
    topologySpreadConstraints=st.just([{"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]),
    priorityClassName=_NAME,
    podAnnotations=_LABELS,
    podLabels=st.dictionaries(st.sampled_from(["team", "app.kubernetes.io/name"]), _NAME),
    apis=_some(
        allow=st.lists(_PATTERN, max_size=2), deny=st.lists(_PATTERN, max_size=2), selector=_TEXT,
        crds=st.lists(_PATTERN, max_size=1),
    ),
    syncSecrets=st.booleans(),
    mirrorEvents=st.booleans(),
    quota=st.booleans(),
    impersonate=st.booleans(),
    webhooks=st.booleans(),
    reap=st.sampled_from(["report", "delete"]),
    audit=st.booleans(),
    logFormat=st.sampled_from(["text", "json"]),
    shutdownDelaySeconds=st.integers(0, 600),
    networkPolicy=_enabled(egress=st.just([{"ports": [{"port": 443}]}])),
    podDisruptionBudget=_enabled(),
    serviceMonitor=_enabled(labels=_LABELS),
    flowControl=_enabled(),
)  # fmt: skip
_KUBECONFIG = st.builds(
    lambda name, key, renew: {
        "spaces": {"controlPlane": {"kubeconfigSecret": {"name": name, "key": key}}},
        "renewToken": renew,
    },
    _NAME,
    _NAME,
    st.booleans(),
)
_TOKENS = st.one_of(
    st.builds(lambda token: {"token": token}, _TEXT),
    st.builds(lambda name, key: {"tokenSecret": {"name": name, "key": key}}, _NAME, _NAME),
)
_SPACE = st.builds(
    lambda upbound, account, bundle, insecure: {
        "upbound": {**upbound, "account": account},
        "spaces": {
            "host": "space.example.org",
            "caBundle": bundle,
            "insecureSkipTLSVerify": insecure,
            "controlPlane": {"name": "one", "group": "default"},
        },
    },
    _TOKENS,
    _TEXT,
    st.sampled_from(["", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"]),
    st.booleans(),
)
_COMMON = {"spaces": {"controlPlane": {"claimNamespace": "claims"}}, **IMAGE}

ANY = st.builds(lambda base, extras: merged(merged(_COMMON, base), extras), st.one_of(_KUBECONFIG, _SPACE), _EXTRAS)
"""Nearly all can be rendered; what cannot is refused for an empty account or token."""

"""Objects and strategies for the connector's tests."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from fairlead.connector.naming import RESERVED, Identity, Scope

SCOPE = Scope("00000000-0000-0000-0000-000000000000", "claims-of-a")
PREFIX = "claim-"

labels_of_names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
names = st.lists(labels_of_names, min_size=1, max_size=3).map(".".join)
identities = st.builds(Identity, st.just(SCOPE.cluster), labels_of_names, names)

_texts = st.text(max_size=12)
_numbers = st.one_of(
    st.integers(),
    st.sampled_from([2**53 + 1, 2**63 - 1, -(2**63), 0]),
    st.floats(allow_nan=False, allow_infinity=False),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), _numbers, _texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_texts, inner, max_size=3)),
    max_leaves=8,
)
_keys = st.one_of(
    st.from_regex(r"[a-z]([-a-z.]{0,6}[a-z])?(/[a-z]{1,5})?", fullmatch=True),
    st.sampled_from(["app.kubernetes.io/name", "argocd.argoproj.io/tracking-id"]),
).filter(lambda key: not key.startswith(RESERVED))
_maps = st.dictionaries(_keys, _texts, min_size=1, max_size=3)
_owner = st.fixed_dictionaries(
    {"apiVersion": st.just("v1"), "kind": st.just("ConfigMap"), "name": names, "uid": _texts}
)


@st.composite
def app_objects(draw: st.DrawFn) -> tuple[Identity, dict[str, Any]]:
    """An object of an app cluster, its keys sorted as a server writes them, and whose it is."""
    identity = draw(identities)
    metadata: dict[str, Any] = {"name": identity.name, "namespace": identity.namespace}
    optional: dict[str, st.SearchStrategy[Any]] = {
        "labels": _maps,
        "annotations": _maps,
        "finalizers": st.lists(_keys | st.sampled_from(["orphan", "foregroundDeletion"]), min_size=1, max_size=2),
        "ownerReferences": st.lists(_owner, min_size=1, max_size=2),
        "resourceVersion": st.integers(1, 2**63).map(str),
        "generation": st.integers(1, 9),
    }
    for key, strategy in optional.items():
        if draw(st.booleans()):
            metadata[key] = draw(strategy)
    found: dict[str, Any] = {
        "apiVersion": "demo.example.org/v1",
        "kind": "Database",
        "metadata": dict(sorted(metadata.items())),
    }
    found["spec"] = draw(values)
    if draw(st.booleans()):
        found["status"] = draw(values)
    return identity, found


def stored(identity: Identity, *, scope: Scope = SCOPE, uid: str = "u-1", **more: Any) -> dict[str, Any]:
    """An object as the control plane stores it; `more` goes into its metadata."""
    metadata = {
        "name": identity.backend(PREFIX),
        "namespace": scope.namespace,
        "uid": uid,
        "resourceVersion": "7",
        **more,
        "labels": {**identity.labels, **more.get("labels", {})},
    }
    return {"apiVersion": "demo.example.org/v1", "kind": "Database", "metadata": metadata, "spec": {"size": 1}}


def encode(value: Any) -> bytes:
    return msgspec.json.encode(value)


def decode(body: bytes | msgspec.Raw) -> Any:
    return msgspec.json.decode(body)

"""Bodies: objects that are valid, invalid, of the wrong kind, or no objects at all."""

# ruff: noqa: E501 - tables of requests, one to a line

from typing import Any

from hypothesis import strategies as st

from tests.differential import kind
from tests.differential.drawing import JSON, NAME, NAMESPACE, YAML, Draw, one_of
from tests.differential.operations import text

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_GOOD_SPECS: tuple[dict[str, Any], ...] = (
    {},
    {"size": "large"},
    {"replicas": 3},
    {"note": "hello"},
    {"ratio": 1.0, "tags": ["x", "y"]},
    {"ratio": 12345678901234567890, "free": {"a": 1.50, "b": [None, {"c": "ü\u2028"}]}},
    {"ports": [{"port": 80, "name": "http"}, {"port": 443}]},
    {"ports": [{"port": 80}, {"port": 80}]},
    {"steps": ["one", "two"], "compositionRef": {"name": "gold"}},
    {"writeConnectionSecretToRef": {"name": "secret-one"}},
)
_BAD_SPECS: tuple[dict[str, Any], ...] = (
    {"size": "huge"},
    {"replicas": -1},
    {"replicas": "many"},
    {"note": "far too long for what the schema allows"},
    {"size": None},
    {"tags": ["x", "x"]},
    {"unknown": True, "ports": [{"port": 1, "unknown": 2}]},
)
_GOOD_METADATA: tuple[dict[str, Any], ...] = (
    {},
    {"labels": {"tier": "web"}},
    {"labels": {"tier": "db", "team": "one"}, "annotations": {"note": "n"}},
    {"labels": {}},
    {"annotations": {"a/b": "c", "note": ""}},
    {"finalizers": ["example.org/hold"]},
    {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": "u-1"}]},
    {"annotations": {LAST_APPLIED: '{"metadata":{"name":"«name»"}}\n'}},
)
_BAD_METADATA: tuple[dict[str, Any], ...] = (
        {"labels": {"bad key!": "x"}},
        {"labels": {"tier": "not a value"}},
        {"labels": {"tier": 5}},
        {"labels": "tier"},
        {"annotations": {LAST_APPLIED: '{"metadata":{"name":"a"}}\n'}},

        {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "", "uid": "u-1"}]},
        {"ownerReferences": [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "u-1", "controller": True},
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "y", "uid": "u-2", "controller": True},
        ]},
        {"finalizers": ["not/a/name"]},
        {"finalizers": []},
        {"unknownMeta": 1},
        {"creationTimestamp": "2020-01-01T00:00:00Z", "generation": 7, "selfLink": "x"},
        {"deletionTimestamp": "2020-01-01T00:00:00Z"},
        {"managedFields": []},
        {"generateName": "gen-"},
)  # fmt: skip
good_specs, specs = st.sampled_from(_GOOD_SPECS), st.sampled_from([*_GOOD_SPECS, *_BAD_SPECS])
good_metadatas, metadatas = st.sampled_from(_GOOD_METADATA), st.sampled_from([*_GOOD_METADATA, *_BAD_METADATA])
statuses = st.sampled_from(
    [
        {"phase": "Up"},
        {"replicas": 2, "selector": "tier=web"},
        {"conditions": [{"type": "Ready", "status": "True"}]},
        {"conditions": [{"type": "Ready"}]},
        {"replicas": "two"},
        {},
    ]
)


def metadata(draw: Draw) -> dict[str, Any]:
    return draw(metadatas) if draw(st.integers(0, 2)) == 2 else {}


def whole(draw: Draw) -> dict[str, Any]:
    found = kind.widget(NAME, NAMESPACE, **draw(specs))
    found["metadata"] |= metadata(draw)
    if draw(st.integers(0, 9)) == 9:
        found |= draw(
            st.sampled_from(
                [{"status": {"phase": "Mine"}}, {"unknownTop": 1}, {"kind": "Gadget"}, {"apiVersion": "v1"}, {"kind": ""},
                 {"apiVersion": "diff.example.org/v2"}, {"metadata": None}, {"spec": None}, {"metadata": []},
                 {"metadata": {"name": NAME, "namespace": "diff-two"}}, {"metadata": {"name": "other"}},
                 {"metadata": {}}, {"metadata": {"name": NAME, "uid": "u"}},
                 {"metadata": {"name": NAME, "resourceVersion": "1"}}, {"metadata": {"name": 5}}]
            )
        )  # fmt: skip
    return found


DUPLICATES = (
    '{"apiVersion":"diff.example.org/v1","kind":"Widget","metadata":{"name":"«name»"},"spec":{"size":"small","size":"large"}}',
    '{"apiVersion":"diff.example.org/v1","kind":"Widget","kind":"Widget","metadata":{"name":"«name»"},"spec":{"size":"small"}}',
    '{"apiVersion":"diff.example.org/v1","kind":"Widget","metadata":{"name":"«name»","name":"«name»"},"spec":{"size":"small"}}',
    '{"apiVersion":"diff.example.org/v1","kind":"Widget","metadata":{"name":"«name»","labels":{"a":"b","a":"c"}},'
    '"spec":{"size":"small"}}',
    '{"apiVersion":"diff.example.org/v1","kind":"Widget","metadata":{"name":"«name»"},"spec":{"size":"small"},'
    '"metadata":{"name":"«name»"},"spec":{"size":"small","what":1}}',
    '{"apiVersion":"diff.example.org/v1","kind":"Widget","metadata":{"name":"«name»","annotations":{"a":"b"},"annotations":{},'
    '"nope":1},"spec":{"size":"small","free":{"a":1,"a":2}}}',
)
BAD_BODIES = (
    "{",
    "",
    "null",
    "[]",
    '"text"',
    "1",
    '{"a":}',
    "kind: [",
    "{}",
    '{"kind":"Widget"}',
    "\xa0",
    "{} {}",
    "a: 1\na: 2",
)
BAD_TYPES = ("text/plain", "application/vnd.kubernetes.protobuf", "nonsense", "application/json; charset=utf-8", "")


def body_of(draw: Draw) -> tuple[str, str, str]:
    """Body, content type and the column that it counts in."""
    choice = draw(one_of((12, "json"), (3, "yaml"), (3, "duplicate"), (2, "bad body"), (1, "bad type")))
    if choice == "yaml":
        return text(whole(draw)), YAML, "yaml"
    if choice == "duplicate":
        template = draw(st.sampled_from(DUPLICATES))
        return template, draw(st.sampled_from([JSON, JSON, YAML])), "duplicate keys"
    if choice == "bad body":
        return draw(st.sampled_from(BAD_BODIES)), draw(st.sampled_from([JSON, JSON, YAML])), "bad body"
    if choice == "bad type":
        return text(whole(draw)), draw(st.sampled_from(BAD_TYPES)), "media type"
    return text(whole(draw)), JSON, ""


def scale(draw: Draw) -> dict[str, Any]:
    metadata = draw(
        st.sampled_from(
            [{}, {}, {"resourceVersion": "«rv»"}, {"resourceVersion": "1"}, {"uid": "u"},
             {"uid": "«uid»"}, {"name": "other"}, {"namespace": "diff-two"}, {"name": ""}]
        )
    )  # fmt: skip
    spec = draw(st.sampled_from([{"replicas": 4}, {"replicas": 0}, {"replicas": -2}, {}, {"replicas": "x"}]))
    return {
        "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": NAME, "namespace": NAMESPACE} | metadata,
        "spec": spec,
    }  # fmt: skip

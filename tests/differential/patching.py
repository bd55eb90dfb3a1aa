"""Merge patches and JSON patches."""

# ruff: noqa: E501 - tables of requests, one to a line

from hypothesis import strategies as st

from tests.differential.bodies import BAD_BODIES, metadatas, specs, statuses
from tests.differential.drawing import (
    JSON_PATCH,
    MERGE_PATCH,
    NAME,
    NAMESPACE,
    STRATEGIC,
    Draw,
    accepts_one,
    columns,
    form,
    one,
    one_of,
    write_options,
)
from tests.differential.operations import Operation, text


@st.composite
def merges(draw: Draw) -> Operation:
    subresource = draw(one_of((8, ""), (3, "status"), (2, "scale"), (1, "nonsense")))
    patch = draw(
        st.one_of(
            st.builds(lambda spec: {"spec": spec}, specs),
            st.builds(lambda metadata: {"metadata": metadata}, metadatas),
            st.builds(lambda status: {"status": status}, statuses),
            st.sampled_from(
                [
                    {"metadata": {"labels": None}}, {"metadata": {"annotations": None}}, {"metadata": {"labels": {"tier": None}}},
                    {"metadata": {"finalizers": None}}, {"metadata": {"finalizers": ["example.org/hold"]}},
                    {"metadata": {"ownerReferences": None}}, {"metadata": None}, {"metadata": {"name": "other"}},
                    {"metadata": {"name": None}}, {"metadata": {"namespace": "diff-two"}}, {"metadata": {"namespace": None}},
                    {"metadata": {"uid": "«uid»"}}, {"metadata": {"uid": "u"}}, {"metadata": {"uid": None}},
                    {"metadata": {"resourceVersion": "«rv»"}, "spec": {"note": "pinned"}},
                    {"metadata": {"resourceVersion": "«oldrv»"}, "spec": {"note": "old"}},
                    {"metadata": {"resourceVersion": None}}, {"metadata": {"resourceVersion": "x"}},
                    {"metadata": {"managedFields": None}}, {"metadata": {"managedFields": [{}]}},
                    {"metadata": {"managedFields": []}}, {"metadata": {"generateName": "x"}},
                    {"metadata": {"labels": {"mcp-connector.upbound.io/mine": None}}},
                    {"apiVersion": "v1"}, {"kind": "Gadget"}, {"kind": None}, {"spec": None}, {}, [], "x", None, 5, True,
                    {"metadata": {"labels": {"tier": "web"}, "ownerReferences": [
                        {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": "u-9"}]}},
                    {"metadata": []}, {"metadata": {"labels": []}}, {"spec": []},
                ]
            ),
        )
    )  # fmt: skip
    body, column = text(patch), ""
    if draw(st.integers(0, 11)) == 11:
        column = "bad body"
        body = draw(st.sampled_from([*BAD_BODIES, '{"spec":{"note":"a","note":"b"}}',
                                     '{"metadata":{"labels":{"a":"b"},"labels":{"a":"c"}}}', '{"spec":{},"spec":{"note":"z"}}',
                                     '{"metadata":{"name":"«name»","labels":{"a":"b","a":"c"}}}']))  # fmt: skip
    query = write_options(draw, *draw(one_of((12, []), (1, [("force", "true")]))))
    content_type = draw(one_of((12, MERGE_PATCH), (1, STRATEGIC), (1, "text/plain"), (1, "")))
    accept = draw(accepts_one)
    if content_type != MERGE_PATCH:
        column = "media type"
    return Operation(f"merge patch {subresource}".strip(), "PATCH", one(subresource),
                     columns(query, column, form(accept)), tuple(query), body, content_type, accept)  # fmt: skip


@st.composite
def operations(draw: Draw) -> Operation:
    subresource = draw(one_of((8, ""), (2, "status"), (1, "scale")))
    operations = draw(
        st.lists(
            st.sampled_from(
                [
                    {"op": "replace", "path": "/spec/size", "value": "large"},
                    {"op": "add", "path": "/spec/note", "value": "added"},
                    {"op": "remove", "path": "/spec/note"},
                    {"op": "test", "path": "/spec/size", "value": "small"},
                    {"op": "test", "path": "/metadata/name", "value": NAME},
                    {"op": "test", "path": "/metadata/namespace", "value": NAMESPACE},
                    {"op": "test", "path": "/metadata/labels", "value": None},
                    {"op": "test", "path": "/metadata/uid", "value": "«uid»"},
                    {"op": "test", "path": "/metadata/uid", "value": "u"},
                    {"op": "test", "path": "/metadata/resourceVersion", "value": "«rv»"},
                    {"op": "add", "path": "/metadata/labels/tier", "value": "web"},
                    {"op": "add", "path": "/metadata/labels", "value": {"tier": "db"}},
                    {"op": "remove", "path": "/metadata/labels"},
                    {"op": "remove", "path": "/metadata/labels/tier"},
                    {"op": "add", "path": "/metadata/annotations/x~1y", "value": "z"},
                    {"op": "remove", "path": "/metadata/annotations"},
                    {"op": "add", "path": "/metadata/finalizers", "value": ["example.org/hold"]},
                    {"op": "remove", "path": "/metadata/finalizers/0"},
                    {"op": "add", "path": "/metadata/finalizers/-", "value": "example.org/more"},
                    {"op": "add", "path": "/metadata/ownerReferences", "value": [
                        {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": "u-3"}]},
                    {"op": "remove", "path": "/metadata/ownerReferences/0"},
                    {"op": "remove", "path": "/metadata/ownerReferences"},
                    {"op": "replace", "path": "/metadata/resourceVersion", "value": "«oldrv»"},
                    {"op": "replace", "path": "/metadata/managedFields", "value": [{}]},
                    {"op": "replace", "path": "/metadata/name", "value": "other"},
                    {"op": "move", "from": "/metadata/name", "path": "/spec/note"},
                    {"op": "copy", "from": "/metadata/name", "path": "/spec/note"},
                    {"op": "copy", "from": "/spec/size", "path": "/metadata/annotations/size"},
                    {"op": "add", "path": "/spec/ports/-", "value": {"port": 9}},
                    {"op": "add", "path": "/spec/nowhere/deep", "value": 1},
                    {"op": "add", "path": "/status", "value": {"phase": "Patched"}},
                    {"op": "replace", "path": "", "value": {}},
                    {"op": "nonsense", "path": "/spec"},
                    {"op": "add", "path": "/spec/unknown", "value": 1},
                    {"op": "add", "path": "spec", "value": 1},
                    {"path": "/spec/note", "value": 1},
                    {"op": "add", "value": 1},
                    {"op": "remove", "path": "/metadata"},
                ]
            ),
            min_size=1, max_size=3,
        )
    )  # fmt: skip
    body, column = text(operations), ""
    if draw(st.integers(0, 14)) == 14:
        column, body = "bad body", draw(st.sampled_from([*BAD_BODIES, "[1]", "[{}]", '[{"op":"test","op":"add"}]']))
    query, accept = write_options(draw), draw(accepts_one)
    return Operation(f"json patch {subresource}".strip(), "PATCH", one(subresource),
                     columns(query, column, form(accept)), tuple(query), body, JSON_PATCH, accept)  # fmt: skip

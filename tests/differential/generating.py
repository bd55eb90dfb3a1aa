"""Random operations, from few names and values so that they meet each other."""

# ruff: noqa: E501, UP031 - tables of requests, one to a line

from typing import Any

from hypothesis import strategies as st

from tests.differential import kind
from tests.differential.operations import Operation, text

JSON, YAML = "application/json", "application/yaml"
JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"
APPLY_PATCH, STRATEGIC = "application/apply-patch+yaml", "application/strategic-merge-patch+json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json"
PARTIALS = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"
MANAGERS = ("mia", "ned", "kubectl")
NAMES = ("a", "b", "c.d")
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

Draw = Any
Options = dict[str, str]


def _one_of(*weighted: tuple[int, Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from([value for weight, value in weighted for _ in range(weight)])


namespaces = _one_of((12, kind.NAMESPACES[0]), (6, kind.NAMESPACES[1]), (1, kind.MISSING_NAMESPACE))
names = _one_of((10, "a"), (7, "b"), (4, "c.d"), (1, "Bad_Name"), (1, "never"))
specs = st.sampled_from(
    [
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
        {"size": "huge"},
        {"replicas": -1},
        {"replicas": "many"},
        {"note": "far too long for what the schema allows"},
        {"size": None},
        {"tags": ["x", "x"]},
        {"unknown": True, "ports": [{"port": 1, "unknown": 2}]},
    ]
)
metadatas = st.sampled_from(
    [
        {},
        {"labels": {"tier": "web"}},
        {"labels": {"tier": "db", "team": "one"}, "annotations": {"note": "n"}},
        {"labels": {}},
        {"annotations": {"a/b": "c", "note": ""}},
        {"finalizers": ["example.org/hold"]},
        {"labels": {"bad key!": "x"}},
        {"labels": {"tier": "not a value"}},
        {"labels": {"tier": 5}},
        {"labels": "tier"},
        {"annotations": {LAST_APPLIED: '{"metadata":{"name":"a"}}\n'}},
        {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": "u-1"}]},
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
    ]
)  # fmt: skip
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
label_selectors = st.sampled_from(
    ["tier=web", "tier!=web", "tier in (web,db)", "!tier", "tier", "team,tier=db", "tier=", "tier notin (web)", "=", "a b",
     "tier in (", "tier>1", "x/y/z=1", "mcp-connector.upbound.io/app-cluster", "!mcp-connector.upbound.io/app-cluster"]
)  # fmt: skip
field_selectors = st.sampled_from(
    ["metadata.name=a", "metadata.name!=a", "metadata.name=never", "metadata.namespace=diff-one", "spec.size=small",
     "metadata.namespace!=diff-one", "spec.size!=small,metadata.name=a", "spec.note=hello", "metadata.name",
     "status.phase=Up", "metadata.name=a,metadata.namespace=diff-two", "metadata.name==b"]
)  # fmt: skip
accepts_one = _one_of(
    (12, JSON), (2, ""), (2, TABLE), (2, PARTIAL), (1, YAML), (1, "*/*"), (1, "application/*"),
    (1, "application/vnd.kubernetes.protobuf"), (1, "text/html"), (1, "application/json;as=Nonsense;v=v1;g=meta.k8s.io"),
    (1, "application/vnd.kubernetes.protobuf,application/json"),
)  # fmt: skip
accepts_many = _one_of((8, JSON), (3, TABLE), (3, PARTIALS), (1, YAML), (1, PARTIAL), (1, "text/html"), (1, "*/*"))


def path(namespace: str, name: str = "", subresource: str = "") -> str:
    return kind.WIDGETS.path(namespace, name or None, subresource or None)


def _write_options(draw: Draw, *more: tuple[str, str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for chance, key, values in (
        (8, "dryRun", ("All", "All", "Some")),
        (4, "fieldManager", (*MANAGERS, "")),
        (3, "fieldValidation", ("Strict", "Strict", "Warn", "Ignore", "Nonsense")),
        (40, "pretty", ("true",)),
    ):
        if draw(st.integers(0, chance - 1)) == chance - 1:
            found.append((key, draw(st.sampled_from(values))))
    return found + list(more)


def _columns(query: list[tuple[str, str]], *more: str) -> tuple[str, ...]:
    return tuple(sorted({key for key, _ in query} | {each for each in more if each}))


def _metadata(draw: Draw) -> dict[str, Any]:
    return draw(metadatas) if draw(st.integers(0, 2)) == 2 else {}


def _object(draw: Draw, name: str, namespace: str) -> dict[str, Any]:
    found = kind.widget(name, namespace, **draw(specs))
    found["metadata"] |= _metadata(draw)
    if draw(st.integers(0, 9)) == 9:
        found |= draw(
            st.sampled_from(
                [{"status": {"phase": "Mine"}}, {"unknownTop": 1}, {"kind": "Gadget"}, {"apiVersion": "v1"}, {"kind": ""},
                 {"apiVersion": "diff.example.org/v2"}, {"metadata": None}, {"spec": None}, {"metadata": []},
                 {"metadata": {"name": name, "namespace": "diff-two"}}, {"metadata": {"name": "other"}},
                 {"metadata": {}}, {"metadata": {"name": name, "uid": "u"}},
                 {"metadata": {"name": name, "resourceVersion": "1"}}, {"metadata": {"name": 5}}]
            )
        )  # fmt: skip
    return found


DUPLICATES = (
    '{{"apiVersion":"{v}","kind":"Widget","metadata":{{"name":"{n}"}},"spec":{{"size":"small","size":"large"}}}}',
    '{{"apiVersion":"{v}","kind":"Widget","kind":"Widget","metadata":{{"name":"{n}"}},"spec":{{"size":"small"}}}}',
    '{{"apiVersion":"{v}","kind":"Widget","metadata":{{"name":"{n}","name":"{n}"}},"spec":{{"size":"small"}}}}',
    '{{"apiVersion":"{v}","kind":"Widget","metadata":{{"name":"{n}","labels":{{"a":"b","a":"c"}}}},'
    '"spec":{{"size":"small"}}}}',
    '{{"apiVersion":"{v}","kind":"Widget","metadata":{{"name":"{n}"}},"spec":{{"size":"small"}},'
    '"metadata":{{"name":"{n}"}},"spec":{{"size":"small","what":1}}}}',
    '{{"apiVersion":"{v}","kind":"Widget","metadata":{{"name":"{n}","annotations":{{"a":"b"}},"annotations":{{}},'
    '"nope":1}},"spec":{{"size":"small","free":{{"a":1,"a":2}}}}}}',
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


def _body(draw: Draw, name: str, namespace: str) -> tuple[str, str, str]:
    """Body, content type and the column that it counts in."""
    choice = draw(_one_of((12, "json"), (3, "yaml"), (3, "duplicate"), (2, "bad body"), (1, "bad type")))
    if choice == "yaml":
        return text(_object(draw, name, namespace)), YAML, "yaml"
    if choice == "duplicate":
        template = draw(st.sampled_from(DUPLICATES))
        return template.format(v=kind.API_VERSION, n=name), draw(st.sampled_from([JSON, JSON, YAML])), "duplicate keys"
    if choice == "bad body":
        return draw(st.sampled_from(BAD_BODIES)), draw(st.sampled_from([JSON, JSON, YAML])), "bad body"
    if choice == "bad type":
        return text(_object(draw, name, namespace)), draw(st.sampled_from(BAD_TYPES)), "media type"
    return text(_object(draw, name, namespace)), JSON, ""


@st.composite
def creates(draw: Draw) -> Operation:
    namespace, name = draw(namespaces), draw(names)
    body, content_type, column = _body(draw, name, namespace)
    if draw(st.integers(0, 7)) == 7:
        column, content_type = "generateName", JSON
        made = kind.widget("", namespace)
        made["metadata"] = {"generateName": draw(st.sampled_from(["gen-", "gen-", "Bad_", ""]))} | _metadata(draw)
        body = text(made)
    query = _write_options(draw)
    accept = draw(accepts_one)
    return Operation("create", "POST", path(namespace), _columns(query, column, _form(accept)), tuple(query), body,
                     content_type, accept)  # fmt: skip


def _form(accept: str) -> str:
    if "as=" in accept:
        return accept.partition("as=")[2].partition(";")[0]
    return {JSON: "", YAML: "YAML", "*/*": "", "": "", "application/*": ""}.get(accept, "406")


@st.composite
def gets(draw: Draw) -> Operation:
    accept = draw(accepts_one)
    subresource = draw(_one_of((6, ""), (1, "status"), (2, "scale"), (1, "nonsense")))
    query: list[tuple[str, str]] = []
    if "as=Table" in accept:
        query += draw(st.sampled_from([[], [("includeObject", "Object")], [("includeObject", "None")],
                                       [("includeObject", "Nonsense")]]))  # fmt: skip
    where = path(draw(namespaces), draw(names), subresource)
    return Operation(
        f"get {subresource}".strip(), "GET", where, _columns(query, _form(accept)), tuple(query), accept=accept
    )


@st.composite
def lists(draw: Draw) -> Operation:
    accept = draw(accepts_many)
    everywhere = draw(st.integers(0, 3)) == 3
    query: list[tuple[str, str]] = []
    for chance, key, values in (
        (3, "labelSelector", label_selectors),
        (3, "fieldSelector", field_selectors),
        (4, "limit", st.sampled_from(["1", "2", "500", "0", "-1", "x"])),
        (12, "resourceVersion", st.sampled_from(["«listrv»", "x", "999999999999"])),
        (14, "resourceVersionMatch", st.sampled_from(["NotOlderThan", "Exact", "Nonsense"])),
        (14, "timeoutSeconds", st.sampled_from(["5", "x"])),
        (25, "continue", st.just("nonsense")),
        (25, "sendInitialEvents", st.just("true")),
    ):
        if draw(st.integers(0, chance - 1)) == chance - 1:
            query.append((key, draw(values)))
    if "as=Table" in accept and draw(st.booleans()):
        query.append(("includeObject", draw(st.sampled_from(["Object", "None", "Metadata"]))))
    where = kind.WIDGETS.path() if everywhere else path(draw(namespaces))
    verb = "list -A" if everywhere else "list"
    return Operation(verb, "GET", where, _columns(query, _form(accept)), tuple(query), accept=accept,
                     paged=any(key == "limit" for key, _ in query))  # fmt: skip


@st.composite
def watches(draw: Draw) -> Operation:
    query = [("watch", "true"), ("timeoutSeconds", "1")]
    query += draw(
        st.sampled_from(
            [
                [("resourceVersion", "«listrv»")],
                [("resourceVersion", "«startrv»")],
                [("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan"), ("allowWatchBookmarks", "true"),
                 ("resourceVersion", "«listrv»")],
                [("sendInitialEvents", "true")],
                [("resourceVersionMatch", "NotOlderThan")],
                [("resourceVersion", "1"), ("resourceVersionMatch", "Exact"), ("sendInitialEvents", "true")],
                [("resourceVersion", "x")],
                [("labelSelector", "a b")],
                [("resourceVersion", "«listrv»"), ("fieldSelector", "spec.note=x")],
            ]
        )
    )  # fmt: skip
    accept = draw(st.sampled_from([JSON, TABLE, PARTIAL, "text/html"]))
    where = path(draw(namespaces)) if draw(st.booleans()) else kind.WIDGETS.path()
    return Operation("watch", "GET", where, _columns(query[2:], _form(accept)), tuple(query), accept=accept)


@st.composite
def updates(draw: Draw) -> Operation:
    namespace, name = draw(namespaces), draw(names)
    subresource = draw(_one_of((6, ""), (3, "status"), (2, "scale"), (1, "nonsense")))
    query = _write_options(draw)
    accept = draw(accepts_one)
    where = path(namespace, name, subresource)
    verb = f"update {subresource}".strip()
    if subresource == "scale":
        body = text(_scale(draw, namespace, name))
        return Operation(verb, "PUT", where, _columns(query, _form(accept)), tuple(query), body, JSON, accept)
    if draw(st.integers(0, 5)) == 5:
        body, content_type, column = _body(draw, name, namespace)
        return Operation(verb, "PUT", where, _columns(query, column, _form(accept)), tuple(query), body, content_type,
                         accept)  # fmt: skip
    change: dict[str, Any] = {"spec": draw(specs), "metadata": _metadata(draw)}
    change |= {"status": draw(statuses)} if draw(st.booleans()) else {}
    column = ""
    if draw(st.integers(0, 4)) == 4:
        column = "precondition"
        change["metadata"] = draw(
            st.sampled_from([{"resourceVersion": None}, {"resourceVersion": "1"}, {"uid": "u"}, {"uid": None},
                             {"resourceVersion": "«oldrv:%s/%s»" % (namespace, name)}, {"name": "other"},
                             {"namespace": None}, {"namespace": "diff-two"}, {"managedFields": None},
                             {"labels": None, "annotations": None}, {"resourceVersion": "x"}, {"finalizers": None}])
        )  # fmt: skip
    content_type = draw(st.sampled_from([JSON, JSON, YAML]))
    return Operation(verb, "PUT", where, _columns(query, column, _form(accept), "YAML body" if content_type == YAML else ""),
                     tuple(query), text(change), content_type, accept, edits=(namespace, name))  # fmt: skip


def _scale(draw: Draw, namespace: str, name: str) -> dict[str, Any]:
    metadata = draw(
        st.sampled_from(
            [{}, {}, {"resourceVersion": f"«rv:{namespace}/{name}»"}, {"resourceVersion": "1"}, {"uid": "u"},
             {"uid": f"«uid:{namespace}/{name}»"}, {"name": "other"}, {"namespace": "diff-two"}, {"name": ""}]
        )
    )  # fmt: skip
    spec = draw(st.sampled_from([{"replicas": 4}, {"replicas": 0}, {"replicas": -2}, {}, {"replicas": "x"}]))
    return {
        "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": name, "namespace": namespace} | metadata,
        "spec": spec,
    }  # fmt: skip


@st.composite
def merge_patches(draw: Draw) -> Operation:
    namespace, name = draw(namespaces), draw(names)
    subresource = draw(_one_of((8, ""), (3, "status"), (2, "scale"), (1, "nonsense")))
    here = f"{namespace}/{name}"
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
                    {"metadata": {"uid": f"«uid:{here}»"}}, {"metadata": {"uid": "u"}}, {"metadata": {"uid": None}},
                    {"metadata": {"resourceVersion": f"«rv:{here}»"}, "spec": {"note": "pinned"}},
                    {"metadata": {"resourceVersion": f"«oldrv:{here}»"}, "spec": {"note": "old"}},
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
                                     '{"metadata":{"name":"%s","labels":{"a":"b","a":"c"}}}' % name]))  # fmt: skip
    query = _write_options(draw, *draw(_one_of((12, []), (1, [("force", "true")]))))
    content_type = draw(_one_of((12, MERGE_PATCH), (1, STRATEGIC), (1, "text/plain"), (1, "")))
    accept = draw(accepts_one)
    if content_type != MERGE_PATCH:
        column = "media type"
    return Operation(f"merge patch {subresource}".strip(), "PATCH", path(namespace, name, subresource),
                     _columns(query, column, _form(accept)), tuple(query), body, content_type, accept)  # fmt: skip


@st.composite
def json_patches(draw: Draw) -> Operation:
    namespace, name = draw(namespaces), draw(names)
    subresource = draw(_one_of((8, ""), (2, "status"), (1, "scale")))
    here = f"{namespace}/{name}"
    operations = draw(
        st.lists(
            st.sampled_from(
                [
                    {"op": "replace", "path": "/spec/size", "value": "large"},
                    {"op": "add", "path": "/spec/note", "value": "added"},
                    {"op": "remove", "path": "/spec/note"},
                    {"op": "test", "path": "/spec/size", "value": "small"},
                    {"op": "test", "path": "/metadata/name", "value": name},
                    {"op": "test", "path": "/metadata/namespace", "value": namespace},
                    {"op": "test", "path": "/metadata/labels", "value": None},
                    {"op": "test", "path": "/metadata/uid", "value": f"«uid:{here}»"},
                    {"op": "test", "path": "/metadata/uid", "value": "u"},
                    {"op": "test", "path": "/metadata/resourceVersion", "value": f"«rv:{here}»"},
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
                    {"op": "replace", "path": "/metadata/resourceVersion", "value": f"«oldrv:{here}»"},
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
    query, accept = _write_options(draw), draw(accepts_one)
    return Operation(f"json patch {subresource}".strip(), "PATCH", path(namespace, name, subresource),
                     _columns(query, column, _form(accept)), tuple(query), body, JSON_PATCH, accept)  # fmt: skip


@st.composite
def applies(draw: Draw) -> Operation:
    namespace, name = draw(namespaces), draw(names)
    subresource = draw(_one_of((8, ""), (2, "status"), (1, "scale")))
    query = _write_options(draw, *draw(_one_of((3, []), (2, [("force", "true")]), (1, [("force", "x")]))))
    if not any(key == "fieldManager" for key, _ in query) and draw(st.integers(0, 7)):
        query.append(("fieldManager", draw(st.sampled_from(MANAGERS))))
    column = ""
    if subresource == "scale":
        applied = _scale(draw, namespace, name)
    else:
        applied = _object(draw, name, namespace)
        if subresource:
            applied |= {"status": draw(statuses)}
    body = text(applied)
    if draw(st.integers(0, 9)) == 9:
        column = "bad body"
        body = draw(st.sampled_from([*BAD_BODIES, *(each.format(v=kind.API_VERSION, n=name) for each in DUPLICATES)]))
    if draw(st.integers(0, 9)) == 9:
        column = "precondition"
        metadata = draw(st.sampled_from([{"resourceVersion": f"«rv:{namespace}/{name}»"}, {"resourceVersion": "1"},
                                         {"uid": "u"}, {"uid": f"«uid:{namespace}/{name}»"}]))  # fmt: skip
        body = text(kind.widget(name, namespace) | {"metadata": {"name": name} | metadata})
    accept = draw(accepts_one)
    return Operation(f"apply {subresource}".strip(), "PATCH", path(namespace, name, subresource),
                     _columns(query, column, _form(accept)), tuple(query), body, APPLY_PATCH, accept)  # fmt: skip


@st.composite
def deletes(draw: Draw) -> Operation:
    namespace, name = draw(namespaces), draw(names)
    here = f"{namespace}/{name}"
    body, column, content_type = "", "", ""
    options = draw(
        st.sampled_from(
            [None, None, None, {}, {"propagationPolicy": "Background"}, {"propagationPolicy": "Nonsense"},
             {"gracePeriodSeconds": 0}, {"gracePeriodSeconds": -1}, {"preconditions": {"uid": f"«uid:{here}»"}},
             {"preconditions": {"uid": "u"}}, {"preconditions": {"resourceVersion": f"«rv:{here}»"}},
             {"preconditions": {"resourceVersion": f"«oldrv:{here}»"}}, {"preconditions": {}}, {"preconditions": None},
             {"dryRun": ["All"]}, {"dryRun": ["Some"]}, {"dryRun": []}, {"orphanDependents": False},
             {"orphanDependents": True, "propagationPolicy": "Background"}, {"unknown": 1},
             {"propagationPolicy": "Orphan"}, {"propagationPolicy": "Foreground"}, {"gracePeriodSeconds": "x"},
             {"kind": "Widget", "apiVersion": kind.API_VERSION}, {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1"}]
        )
    )  # fmt: skip
    if options is not None:
        body = text({"kind": "DeleteOptions", "apiVersion": "v1"} | options)
        column = next(iter(options), "")
        content_type = draw(st.sampled_from([JSON, JSON, YAML, ""]))
    if draw(st.integers(0, 19)) == 19:
        column, body, content_type = "bad body", draw(st.sampled_from(BAD_BODIES)), JSON
    query: list[tuple[str, str]] = []
    if draw(st.integers(0, 4)) == 4:
        query = draw(
            st.sampled_from([[("dryRun", "All")], [("dryRun", "Some")], [("propagationPolicy", "Background")],
                             [("gracePeriodSeconds", "0")], [("gracePeriodSeconds", "x")], [("propagationPolicy", "x")],
                             [("orphanDependents", "false")], [("orphanDependents", "x")]])
        )  # fmt: skip
    subresource = draw(_one_of((14, ""), (1, "status"), (1, "scale"), (1, "nonsense")))
    accept = draw(accepts_one)
    return Operation("delete", "DELETE", path(namespace, name, subresource), _columns(query, column, _form(accept)),
                     tuple(query), body, content_type, accept)  # fmt: skip


@st.composite
def delete_collections(draw: Draw) -> Operation:
    query: list[tuple[str, str]] = []
    for chance, key, values in (
        (2, "labelSelector", label_selectors),
        (3, "fieldSelector", field_selectors),
        (4, "dryRun", st.sampled_from(["All", "Some"])),
        (8, "propagationPolicy", st.sampled_from(["Background", "Nonsense"])),
        (10, "limit", st.just("1")),
    ):
        if draw(st.integers(0, chance - 1)) == chance - 1:
            query.append((key, draw(values)))
    body = draw(_one_of((6, ""), (1, text({"dryRun": ["All"]})), (1, text({"kind": "DeleteOptions", "apiVersion": "v1"})),
                        (1, "{"), (1, text({"preconditions": {"uid": "u"}}))))  # fmt: skip
    accept = draw(accepts_many)
    where = kind.WIDGETS.path() if draw(st.integers(0, 7)) == 7 else path(draw(namespaces))
    return Operation("deletecollection", "DELETE", where, _columns(query, "body" if body else "", _form(accept)),
                     tuple(query), body, JSON if body else "", accept)  # fmt: skip


@st.composite
def oddities(draw: Draw) -> Operation:
    namespace, name = draw(namespaces), draw(names)
    base = kind.WIDGETS.group_version.path
    body = text(kind.widget(name, namespace))
    method, where = draw(
        st.sampled_from(
            [("POST", path(namespace, name)), ("PUT", path(namespace)), ("PATCH", path(namespace)),
             ("POST", kind.WIDGETS.path()), ("PUT", kind.WIDGETS.path()), ("GET", f"{base}/nonsense"),
             ("GET", f"{base}/namespaces/{namespace}/nonsense"), ("POST", f"{base}/namespaces/{namespace}/nonsense"),
             ("GET", f"{base}/widgets/{name}"), ("POST", path(namespace, name, "status")), ("GET", f"{path(namespace, name)}/status/x"),
             ("DELETE", path(namespace, name, "scale")), ("OPTIONS", path(namespace, name)), ("HEAD", path(namespace, name)),
             ("POST", path(namespace, name, "scale")), ("OPTIONS", path(namespace)), ("HEAD", path(namespace)),
             ("GET", f"{base}/watch/namespaces/{namespace}/nonsense"), ("PUT", f"{base}/widgets/{name}")]
        )
    )  # fmt: skip
    sends = method in ("POST", "PUT", "PATCH")
    content_type = MERGE_PATCH if method == "PATCH" else JSON if sends else ""
    return Operation("odd path", method, where, (method,), (), body if sends else "", content_type)


@st.composite
def sequences(draw: Draw, size: int, *, watching: bool = True) -> list[Operation]:
    """Begins with objects, or most of what follows would be about none."""
    first = []
    for namespace, name in (("diff-one", "a"), ("diff-one", "b"), ("diff-two", "a")):
        made = kind.widget(name, namespace, **draw(specs))
        made["metadata"] |= _metadata(draw)
        first.append(Operation("create", "POST", path(namespace), (), (), text(made), JSON))
    rest = st.lists(operations(watching=watching), min_size=size - len(first), max_size=size - len(first))
    return [*first, *draw(rest)]


def operations(*, watching: bool = True) -> st.SearchStrategy[Operation]:
    """Weighted by how much there is to get wrong; a watch takes a second."""
    weighted = [
        (5, creates()), (3, gets()), (3, lists()), (4, updates()), (4, merge_patches()), (4, json_patches()),
        (5, applies()), (3, deletes()), (1, delete_collections()), (1, oddities()),
    ]  # fmt: skip
    choices = [each for weight, each in weighted for _ in range(weight)]
    usual = st.one_of(choices)
    if not watching:
        return usual
    return st.integers(0, 39).flatmap(lambda number: watches() if number == 39 else usual)

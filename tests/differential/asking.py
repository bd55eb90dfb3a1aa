"""Requests that change nothing, and requests for what is not there."""

# ruff: noqa: E501 - tables of requests, one to a line

from hypothesis import strategies as st

from tests.differential import kind
from tests.differential.drawing import (
    JSON,
    MERGE_PATCH,
    NAME,
    NAMESPACE,
    PARTIAL,
    TABLE,
    Draw,
    accepts_many,
    accepts_one,
    columns,
    form,
    many,
    one,
    one_of,
)
from tests.differential.operations import Operation, text

label_selectors = st.sampled_from(
    ["tier=web", "tier!=web", "tier in (web,db)", "!tier", "tier", "team,tier=db", "tier=", "tier notin (web)", "=", "a b",
     "tier in (", "tier>1", "x/y/z=1", "mcp-connector.upbound.io/app-cluster", "!mcp-connector.upbound.io/app-cluster"]
)  # fmt: skip
field_selectors = st.sampled_from(
    ["metadata.name=«name»", "metadata.name!=«name»", "metadata.name=never", "metadata.namespace=«namespace»", "spec.size=small",
     "metadata.namespace!=«namespace»", "spec.size!=small,metadata.name=«name»", "spec.note=hello", "metadata.name",
     "status.phase=Up", "metadata.name=«name»,metadata.namespace=diff-two", "metadata.name==«name»"]
)  # fmt: skip


@st.composite
def gets(draw: Draw) -> Operation:
    accept = draw(accepts_one)
    subresource = draw(one_of((6, ""), (1, "status"), (2, "scale"), (1, "nonsense")))
    query: list[tuple[str, str]] = []
    if "as=Table" in accept:
        query += draw(st.sampled_from([[], [("includeObject", "Object")], [("includeObject", "None")],
                                       [("includeObject", "Nonsense")]]))  # fmt: skip
    where = one(subresource)
    return Operation(
        f"get {subresource}".strip(), "GET", where, columns(query, form(accept)), tuple(query), accept=accept
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
    where = kind.WIDGETS.path() if everywhere else many()
    verb = "list -A" if everywhere else "list"
    return Operation(verb, "GET", where, columns(query, form(accept)), tuple(query), accept=accept,
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
    where = many() if draw(st.booleans()) else kind.WIDGETS.path()
    return Operation("watch", "GET", where, columns(query[2:], form(accept)), tuple(query), accept=accept)


@st.composite
def oddities(draw: Draw) -> Operation:
    base = kind.WIDGETS.group_version.path
    body = text(kind.widget(NAME, NAMESPACE))
    method, where = draw(
        st.sampled_from(
            [("POST", one()), ("PUT", many()), ("PATCH", many()),
             ("POST", kind.WIDGETS.path()), ("PUT", kind.WIDGETS.path()), ("GET", f"{base}/nonsense"),
             ("GET", f"{base}/namespaces/{NAMESPACE}/nonsense"), ("POST", f"{base}/namespaces/{NAMESPACE}/nonsense"),
             ("GET", f"{base}/widgets/{NAME}"), ("POST", one("status")), ("GET", f"{one()}/status/x"),
             ("DELETE", one("scale")), ("OPTIONS", one()), ("HEAD", one()),
             ("POST", one("scale")), ("OPTIONS", many()), ("HEAD", many()),
             ("GET", f"{base}/watch/namespaces/{NAMESPACE}/nonsense"), ("PUT", f"{base}/widgets/{NAME}")]
        )
    )  # fmt: skip
    sends = method in ("POST", "PUT", "PATCH")
    content_type = MERGE_PATCH if method == "PATCH" else JSON if sends else ""
    return Operation("odd path", method, where, (method,), (), body if sends else "", content_type)

"""Deletions, of one object and of a collection."""

# ruff: noqa: E501 - tables of requests, one to a line

from hypothesis import strategies as st

from tests.differential import kind
from tests.differential.asking import field_selectors, label_selectors
from tests.differential.bodies import BAD_BODIES
from tests.differential.drawing import JSON, YAML, Draw, accepts_many, accepts_one, columns, form, many, one, one_of
from tests.differential.operations import Operation, text


@st.composite
def deletes(draw: Draw) -> Operation:
    body, column, content_type = "", "", ""
    options = draw(
        st.sampled_from(
            [None, None, None, {}, {"propagationPolicy": "Background"}, {"propagationPolicy": "Nonsense"},
             {"gracePeriodSeconds": 0}, {"gracePeriodSeconds": -1}, {"preconditions": {"uid": "«uid»"}},
             {"preconditions": {"uid": "u"}}, {"preconditions": {"resourceVersion": "«rv»"}},
             {"preconditions": {"resourceVersion": "«oldrv»"}}, {"preconditions": {}}, {"preconditions": None},
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
    subresource = draw(one_of((14, ""), (1, "status"), (1, "scale"), (1, "nonsense")))
    accept = draw(accepts_one)
    return Operation("delete", "DELETE", one(subresource), columns(query, column, form(accept)),
                     tuple(query), body, content_type, accept)  # fmt: skip


@st.composite
def collections(draw: Draw) -> Operation:
    query: list[tuple[str, str]] = []
    for chance, key, values in (
        (2, "labelSelector", label_selectors),
        (3, "fieldSelector", field_selectors),
        (4, "dryRun", st.sampled_from(["All", "Some"])),
        (8, "propagationPolicy", st.sampled_from(["Background", "Nonsense"])),
        (10, "limit", st.just("500")),
    ):
        if draw(st.integers(0, chance - 1)) == chance - 1:
            query.append((key, draw(values)))
    body = draw(one_of((6, ""), (1, text({"dryRun": ["All"]})), (1, text({"kind": "DeleteOptions", "apiVersion": "v1"})),
                        (1, "{"), (1, text({"preconditions": {"uid": "u"}}))))  # fmt: skip
    accept = draw(accepts_many)
    where = kind.WIDGETS.path() if draw(st.integers(0, 7)) == 7 else many()
    return Operation("deletecollection", "DELETE", where, columns(query, "body" if body else "", form(accept)),
                     tuple(query), body, JSON if body else "", accept)  # fmt: skip

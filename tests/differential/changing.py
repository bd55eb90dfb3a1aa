"""Creations, replacements and applied configurations."""

# ruff: noqa: E501 - tables of requests, one to a line

from typing import Any

from hypothesis import strategies as st

from tests.differential import kind
from tests.differential.bodies import (
    BAD_BODIES,
    DUPLICATES,
    body_of,
    good_metadatas,
    good_specs,
    metadata,
    scale,
    specs,
    statuses,
    whole,
)
from tests.differential.drawing import (
    APPLY_PATCH,
    JSON,
    MANAGERS,
    NAME,
    NAMESPACE,
    YAML,
    Draw,
    accepts_one,
    columns,
    form,
    many,
    one,
    one_of,
    write_options,
)
from tests.differential.operations import Operation, text


@st.composite
def beginnings(draw: Draw) -> Operation:
    """Good ones, or most of what follows would be about nothing."""
    made = kind.widget(NAME, NAMESPACE, **draw(good_specs))
    made["metadata"] |= draw(good_metadatas)
    return Operation("create", "POST", many(), (), (), text(made), JSON)


@st.composite
def creates(draw: Draw) -> Operation:
    body, content_type, column = body_of(draw)
    if draw(st.integers(0, 7)) == 7:
        column, content_type = "generateName", JSON
        made = kind.widget("", NAMESPACE)
        made["metadata"] = {"generateName": draw(st.sampled_from(["gen-", "gen-", "Bad_", ""]))} | metadata(draw)
        body = text(made)
    query = write_options(draw)
    accept = draw(accepts_one)
    return Operation("create", "POST", many(), columns(query, column, form(accept)), tuple(query), body,
                     content_type, accept)  # fmt: skip


@st.composite
def updates(draw: Draw) -> Operation:
    subresource = draw(one_of((6, ""), (3, "status"), (2, "scale"), (1, "nonsense")))
    query = write_options(draw)
    accept = draw(accepts_one)
    where = one(subresource)
    verb = f"update {subresource}".strip()
    if subresource == "scale":
        body = text(scale(draw))
        return Operation(verb, "PUT", where, columns(query, form(accept)), tuple(query), body, JSON, accept)
    if draw(st.integers(0, 5)) == 5:
        body, content_type, column = body_of(draw)
        return Operation(verb, "PUT", where, columns(query, column, form(accept)), tuple(query), body, content_type,
                         accept)  # fmt: skip
    change: dict[str, Any] = {"spec": draw(specs), "metadata": metadata(draw)}
    change |= {"status": draw(statuses)} if draw(st.booleans()) else {}
    column = ""
    if draw(st.integers(0, 4)) == 4:
        column = "precondition"
        change["metadata"] = draw(
            st.sampled_from([{"resourceVersion": None}, {"resourceVersion": "1"}, {"uid": "u"}, {"uid": None},
                             {"resourceVersion": "«oldrv»"}, {"name": "other"},
                             {"namespace": None}, {"namespace": "diff-two"}, {"managedFields": None},
                             {"labels": None, "annotations": None}, {"resourceVersion": "x"}, {"finalizers": None}])
        )  # fmt: skip
    content_type = draw(st.sampled_from([JSON, JSON, YAML]))
    return Operation(verb, "PUT", where, columns(query, column, form(accept), "YAML body" if content_type == YAML else ""),
                     tuple(query), text(change), content_type, accept, edits=True)  # fmt: skip


@st.composite
def applies(draw: Draw) -> Operation:
    subresource = draw(one_of((8, ""), (2, "status"), (1, "scale")))
    query = write_options(draw, *draw(one_of((3, []), (2, [("force", "true")]), (1, [("force", "x")]))))
    if not any(key == "fieldManager" for key, _ in query) and draw(st.integers(0, 7)):
        query.append(("fieldManager", draw(st.sampled_from(MANAGERS))))
    column = ""
    if subresource == "scale":
        applied = scale(draw)
    else:
        applied = whole(draw)
        if subresource:
            applied |= {"status": draw(statuses)}
    body = text(applied)
    if draw(st.integers(0, 9)) == 9:
        column = "bad body"
        body = draw(st.sampled_from([*BAD_BODIES, *DUPLICATES]))
    if draw(st.integers(0, 9)) == 9:
        column = "precondition"
        pinned = draw(st.sampled_from([{"resourceVersion": "«rv»"}, {"resourceVersion": "1"},
                                         {"uid": "u"}, {"uid": "«uid»"}]))  # fmt: skip
        body = text(kind.widget(NAME, NAMESPACE) | {"metadata": {"name": NAME} | pinned})
    accept = draw(accepts_one)
    return Operation(f"apply {subresource}".strip(), "PATCH", one(subresource),
                     columns(query, column, form(accept)), tuple(query), body, APPLY_PATCH, accept)  # fmt: skip

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.connector import mapping, rewriting
from fairlead.connector.answering import Names
from fairlead.connector.naming import Identity
from fairlead.connector.rewriting import ForeignObjectError, Rewriter, WatchRewriter
from tests.connector.objects import PREFIX, SCOPE, app_objects, decode, encode, identities, stored

A = Identity(SCOPE.cluster, "team-a", "orders")
B = Identity(SCOPE.cluster, "team-a", "billing")
FOREIGN = Identity("another-cluster", "team-a", "orders")
REWRITER = Rewriter(SCOPE, PREFIX)
COLUMNS = [{"name": "Name", "type": "string", "format": "name"}, {"name": "Secret", "type": "string", "format": ""}]


def table(*rows: dict[str, Any], columns: Any = COLUMNS) -> dict[str, Any]:
    return {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": "9"},
            "columnDefinitions": columns, "rows": list(rows)}  # fmt: skip


def row(identity: Identity, *cells: Any) -> dict[str, Any]:
    metadata = stored(identity)["metadata"]
    partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
    return {"cells": [identity.backend(PREFIX), *cells], "object": partial}


@pytest.mark.requirement("connector:bytes-kept")
@given(app_objects())
def test_out_undoes_in_for_whole_objects_to_the_byte(sent: tuple[Identity, dict[str, Any]]) -> None:
    identity, found = sent
    kept = mapping.fields(encode(found))
    metadata = mapping.inward(mapping.fields(kept["metadata"]), identity, SCOPE, PREFIX)
    body = encode({**kept, "metadata": metadata})
    assert REWRITER.single(body, identity).body == encode(found)


@pytest.mark.requirement("connector:bytes-kept")
@pytest.mark.parametrize(
    "spec",
    [b'{"n":9007199254740993}', b"[1.0,1,1e2,-0.0,1E+2]", b'{"z":1,"a":2}', b'"\\u00e9\\/\\ud83d\\ude00"',
     b'{"a":null}', b"{}", b"12345678901234567890123"],
)  # fmt: skip
def test_untouched_members_keep_their_bytes(spec: bytes) -> None:
    body = encode(stored(A)).replace(b'{"size":1}', spec)
    shown = REWRITER.single(body, A).body
    assert shown.endswith(b',"spec":' + spec + b"}")
    listed = REWRITER.collection(b'{"kind":"DatabaseList","metadata":{},"items":[' + body + b"]}")
    assert shown in listed


@pytest.mark.requirement("connector:foreign-hidden")
@given(identities, identities)
def test_a_single_object_is_shown_only_under_its_own_identity(one: Identity, other: Identity) -> None:
    if one == other:
        assert decode(REWRITER.single(encode(stored(one)), other).body)["metadata"]["name"] == other.name
    else:
        with pytest.raises(ForeignObjectError):
            REWRITER.single(encode(stored(one)), other)


@pytest.mark.requirement("connector:verified-uid")
def test_a_verified_object_names_its_uid_and_version() -> None:
    found = REWRITER.single(encode(stored(A)), A)
    assert (found.uid, found.resource_version) == ("u-1", "7")


@pytest.mark.requirement("connector:foreign-hidden", "connector:list-order")
@given(st.lists(identities, max_size=6), st.booleans())
def test_a_list_holds_this_clusters_objects_in_the_order_of_their_names(found: list[Identity], foreign: bool) -> None:
    kept = [stored(each) for each in found] + ([stored(FOREIGN)] if foreign else [])
    kept.sort(key=lambda each: each["metadata"]["name"])
    body = {"kind": "DatabaseList", "metadata": {"resourceVersion": "5", "continue": "t"}, "items": kept}
    shown = decode(REWRITER.collection(encode(body)))
    assert [(each["metadata"]["namespace"], each["metadata"]["name"]) for each in shown["items"]] == sorted(
        (each.namespace, each.name) for each in found
    )
    assert shown["metadata"] == body["metadata"]


@pytest.mark.requirement("connector:list-order")
@pytest.mark.parametrize("items", [b"null", b"[]"])
def test_an_empty_list_stays_as_the_control_plane_wrote_it(items: bytes) -> None:
    assert REWRITER.collection(b'{"kind":"L","items":' + items + b"}") == b'{"kind":"L","items":' + items + b"}"


@pytest.mark.requirement("connector:table")
def test_a_table_shows_app_names_in_cells_and_row_objects() -> None:
    body = table(row(A, "s"), row(FOREIGN, "s"), row(B, B.backend(PREFIX)))
    shown = decode(REWRITER.collection(encode(body)))
    assert [each["cells"] for each in shown["rows"]] == [["billing", "billing"], ["orders", "s"]]
    assert [each["object"]["metadata"]["name"] for each in shown["rows"]] == ["billing", "orders"]
    assert shown["columnDefinitions"] == COLUMNS


@pytest.mark.requirement("connector:table")
def test_a_table_without_row_objects_is_asked_for_with_them() -> None:
    shown = decode(Rewriter(SCOPE, PREFIX, with_objects=False).collection(encode(table(row(A, "s")))))
    assert shown["rows"] == [{"cells": ["orders", "s"], "object": None}]


@pytest.mark.requirement("connector:table", "connector:foreign-hidden")
def test_a_table_of_one() -> None:
    found = REWRITER.single(encode(table(row(A, "s"))), A)
    assert decode(found.body)["rows"][0]["cells"] == ["orders", "s"]
    assert found.uid == "u-1"
    for wrong in (table(row(B, "s")), table(row(FOREIGN, "s")), table()):
        with pytest.raises(ForeignObjectError):
            REWRITER.single(encode(wrong), A)


@pytest.mark.requirement("connector:table")
def test_a_kind_called_table_is_no_table() -> None:
    kept = {**stored(A), "kind": "Table"}
    assert decode(REWRITER.single(encode(kept), A).body)["kind"] == "Table"


@pytest.mark.requirement("connector:scale")
def test_a_scale_is_renamed_both_ways_checked() -> None:
    body = {
        "kind": "Scale",
        "metadata": {"name": A.backend(PREFIX), "namespace": SCOPE.namespace, "uid": "u"},
        "spec": {},
    }
    found = rewriting.scale(encode(body), A, SCOPE, PREFIX)
    assert decode(found.body)["metadata"] == {"name": "orders", "namespace": "team-a", "uid": "u"}
    with pytest.raises(ForeignObjectError):
        rewriting.scale(encode(body), B, SCOPE, PREFIX)


def watcher(rewriter: Rewriter = REWRITER) -> WatchRewriter:
    return WatchRewriter(rewriter, Names(SCOPE, PREFIX, namespace="team-a"))


def event(kind: str, found: Any) -> bytes:
    return encode({"type": kind, "object": found})


@pytest.mark.requirement("connector:watch-events")
@pytest.mark.parametrize("kind", ["ADDED", "MODIFIED", "DELETED"])
def test_events_are_rewritten_as_lines(kind: str) -> None:
    shown = watcher().event(event(kind, stored(A)))
    assert shown is not None
    assert shown.endswith(b"}\n")
    assert shown.count(b"\n") == 1
    assert decode(shown) == {"type": kind, "object": decode(REWRITER.single(encode(stored(A)), A).body)}


@pytest.mark.requirement("connector:foreign-hidden")
@pytest.mark.parametrize("kind", ["ADDED", "MODIFIED", "DELETED"])
def test_events_of_others_are_left_out(kind: str) -> None:
    assert watcher().event(event(kind, stored(FOREIGN))) is None
    assert watcher().event(event(kind, table(row(FOREIGN, "s")))) is None


@pytest.mark.requirement("connector:watch-bookmarks")
def test_bookmarks_pass_with_their_annotation() -> None:
    mark = {
        "kind": "Database",
        "metadata": {"resourceVersion": "8", "annotations": {"k8s.io/initial-events-end": "true"}},
    }
    shown = watcher().event(event("BOOKMARK", mark))
    assert shown == event("BOOKMARK", mark) + b"\n"
    of_a_table = table({"cells": [""], "object": mark})
    assert watcher().event(event("BOOKMARK", of_a_table)) == event("BOOKMARK", of_a_table) + b"\n"


@pytest.mark.requirement("connector:table", "connector:watch-events")
def test_only_the_first_table_of_a_watch_names_the_columns() -> None:
    rewriter = watcher()
    first = rewriter.event(event("ADDED", table(row(A, "s"))))
    second = rewriter.event(event("ADDED", table(row(B, "s"), columns=[])))
    assert [decode(each)["object"]["rows"][0]["cells"][0] for each in (first, second) if each] == ["orders", "billing"]


@pytest.mark.requirement("connector:watch-events", "connector:nothing-leaks")
def test_an_error_event_is_a_status_with_names_mapped() -> None:
    status = {"kind": "Status", "code": 410, "reason": "Expired", "message": f'in "{SCOPE.namespace}": too old'}
    shown = watcher().event(event("ERROR", status))
    assert shown is not None
    assert decode(shown)["object"] == {**status, "message": 'in "team-a": too old'}


@pytest.mark.requirement("connector:bytes-kept")
@pytest.mark.parametrize("body", [b"", b"[]", b'{"metadata":1}', b'{"metadata":{"name":}}'])
def test_what_is_no_object_is_an_error_never_passed_on(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        REWRITER.single(body, A)

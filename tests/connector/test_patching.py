from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.connector import patching
from fairlead.connector.naming import RESERVED
from fairlead.machinery import patches, statuses
from tests.connector.objects import decode, encode

JSON, MERGE = "application/json-patch+json", "application/merge-patch+json"
SEEN = {
    "metadata": {"name": "orders", "namespace": "team-a", "resourceVersion": "7", "managedFields": [{"manager": "m"}]},
    "spec": {"size": 1},
}


@pytest.mark.requirement("connector:verified-uid", "connector:patch-fast")
def test_a_json_patch_is_sent_with_a_test_of_the_uid() -> None:
    operations = [{"op": "replace", "path": "/spec/size", "value": 9007199254740993}]
    fast = patching.json_fast(encode(operations), "u")
    assert fast is not None
    assert decode(fast) == [*operations, {"op": "test", "path": "/metadata/uid", "value": "u"}]


@pytest.mark.requirement("connector:patch-slow")
@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/metadata/labels"},
        {"op": "test", "path": "/metadata/name", "value": "orders"},
        {"op": "copy", "from": "/metadata/labels", "path": "/spec/x"},
        {"op": "move", "from": "/spec/x", "path": "/metadata/labels/x"},
        {"op": "replace", "path": "", "value": {}},
        {"op": "replace", "path": "/metadata", "value": {}},
        {"op": "replace", "path": 3},
        {"op": "replace", "path": "x/metadata/labels", "value": {}},
    ],
)
def test_whatever_touches_metadata_takes_the_slow_path(operation: dict[str, Any]) -> None:
    assert patching.json_fast(encode([{"op": "test", "path": "/spec/a", "value": 1}, operation]), "u") is None


@pytest.mark.requirement("connector:patch-fast")
@given(st.sampled_from(["/metadatax", "/spec/metadata", "/status", "/spec/~1metadata"]))
def test_other_paths_take_the_fast_one(path: str) -> None:
    assert patching.json_fast(encode([{"op": "remove", "path": path}]), "u") is not None


@pytest.mark.requirement("connector:patch-slow")
@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"nonsense"])
def test_what_is_no_json_patch_is_refused_as_the_api_server_does(body: bytes) -> None:
    assert patching.json_fast(body, "u") is None
    with pytest.raises(statuses.BadRequest):
        patching.slow(JSON, body, encode(SEEN))


@pytest.mark.requirement("connector:patch-fast")
@pytest.mark.parametrize(
    ("patch", "metadata"),
    [
        ({"spec": {"a": None}}, {"uid": "u"}),
        ({"metadata": {"labels": {"a": "b", "c": None}}}, {"labels": {"a": "b", "c": None}, "uid": "u"}),
        ({"metadata": {"annotations": {"a": "b"}, "resourceVersion": "5"}},
         {"annotations": {"a": "b"}, "resourceVersion": "5", "uid": "u"}),
        ({"metadata": {"uid": "theirs"}}, {"uid": "theirs"}),
    ],
)  # fmt: skip
def test_a_merge_patch_carries_the_uid(patch: dict[str, Any], metadata: dict[str, Any]) -> None:
    fast = patching.merge_fast(encode(patch), "u")
    assert fast is not None
    assert decode(fast) == {**patch, "metadata": metadata}


@pytest.mark.requirement("connector:patch-slow", "connector:reserved-keys")
@pytest.mark.parametrize(
    "metadata",
    [
        None, 3, {"labels": None}, {"annotations": None}, {"labels": {RESERVED + "app-cluster": "x"}},
        {"annotations": {RESERVED + "y": None}}, {"name": "x"}, {"namespace": "x"}, {"ownerReferences": []},
        {"managedFields": []}, {"generateName": "x"}, {"finalizers": ["a/b"]},
    ],
)  # fmt: skip
def test_other_metadata_in_a_merge_patch_takes_the_slow_path(metadata: Any) -> None:
    assert patching.merge_fast(encode({"metadata": metadata}), "u") is None


@pytest.mark.requirement("connector:patch-slow")
def test_the_slow_path_patches_what_the_app_cluster_sees() -> None:
    patch = [{"op": "test", "path": "/metadata/name", "value": "orders"}, {"op": "remove", "path": "/spec/size"}]
    after = patching.slow(JSON, encode(patch), encode(SEEN))
    assert after["spec"] == {}
    assert "managedFields" not in after["metadata"], "absent means keep"
    changed = patching.slow(MERGE, b'{"metadata":{"managedFields":[]}}', encode(SEEN))
    assert changed["metadata"]["managedFields"] == []


@pytest.mark.requirement("connector:patch-slow")
def test_a_patch_that_does_not_apply_is_422() -> None:
    with pytest.raises(statuses.Invalid):
        patching.slow(JSON, b'[{"op":"test","path":"/spec/size","value":2}]', encode(SEEN))
    with pytest.raises(statuses.Invalid):
        patching.slow(JSON, b'[{"op":"add","path":"/metadata/labels/x","value":"y"}]', encode(SEEN))


@pytest.mark.requirement("connector:patch-slow")
@pytest.mark.parametrize("body", [b"[1]", b"null", b"3", b'"x"', b"true", b'{"metadata":null}'])
def test_a_merge_patch_must_leave_an_object(body: bytes) -> None:
    with pytest.raises(statuses.BadRequest):
        patching.slow(MERGE, body, encode(SEEN))


@pytest.mark.requirement("connector:duplicate-keys")
@pytest.mark.parametrize(
    ("kind", "body", "told"),
    [
        (MERGE, b'{"spec":{"a":1,"b":[{"c":1,"c":2}],"a":2}}',
         ['duplicate field "spec.a"', 'duplicate field "spec.b[0].c"']),
        (JSON, b'[{"op":"add","op":"add"},{"op":"test","value":{"x":1,"x":2}}]',
         ['json patch duplicate field "[0].op"', 'json patch duplicate field "[1].value.x"']),
        (JSON, b'[{"op":"test","more":1}]', ['json patch unknown field "[0].more"']),
        (JSON, b"null", []),
        (JSON, b"[null]", []),
    ],
)  # fmt: skip
def test_what_a_patch_loses_on_the_slow_path_is_told(kind: str, body: bytes, told: list[str]) -> None:
    assert patching.unpatched(kind, body) == told


@pytest.mark.requirement("connector:patch-slow")
def test_a_patch_that_names_another_version_is_not_tried_again() -> None:
    for version, pins in (("7", False), ("6", True)):
        after = patching.slow(MERGE, encode({"metadata": {"resourceVersion": version}}), encode(SEEN))
        assert patching.pins_version(encode(SEEN), after) == pins


@pytest.mark.requirement("connector:patch-fast")
def test_the_limit_of_operations_is_the_clients_own() -> None:
    most = [{"op": "test", "path": "/spec/size", "value": 1}] * patches.MAX_OPERATIONS
    assert patching.json_fast(encode(most[1:]), "u") is not None
    assert patching.json_fast(encode(most), "u") is None, "with our test it would be one too many"
    assert patching.slow(JSON, encode(most), encode(SEEN))["spec"] == SEEN["spec"]
    with pytest.raises(statuses.TooLarge):
        patching.slow(JSON, encode([*most, most[0]]), encode(SEEN))

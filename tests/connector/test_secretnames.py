from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.connector import mapping, patching, secretnames
from fairlead.connector.answering import Names
from fairlead.connector.naming import APP_SECRET_NAME, Identity
from fairlead.connector.rewriting import Rewriter, WatchRewriter
from fairlead.machinery.messages import Response
from tests.connector.fakes import BASE, ok, world
from tests.connector.objects import PREFIX, SCOPE, app_objects, decode, encode, names, stored

A = Identity(SCOPE.cluster, "team-a", "orders")
HASHED = secretnames.stored("db", "team-a", SCOPE.cluster)
STRANGER = "claim-0000000000000000"
ONE = f"{BASE}/namespaces/team-a/databases/orders"
APPLY, MERGE, JSON = "application/apply-patch+yaml", "application/merge-patch+json", "application/json-patch+json"
REWRITER = Rewriter(SCOPE, PREFIX)


def reference(name: Any, **more: Any) -> dict[str, Any]:
    return {"spec": {"size": 1, "writeConnectionSecretToRef": {"name": name, **more}}}


def there(**annotations: str) -> dict[str, Any]:
    """As stored; with the annotation unless told otherwise."""
    return stored(A, annotations=annotations or {APP_SECRET_NAME: "db"}) | reference(HASHED)


def here(name: str = "db") -> dict[str, Any]:
    metadata = {"name": "orders", "namespace": "team-a", "resourceVersion": "7"}
    return {"apiVersion": "demo.example.org/v1", "kind": "Database", "metadata": metadata} | reference(name)


def body(answer: Response) -> Any:
    assert isinstance(answer.body, bytes)
    return decode(answer.body)


@pytest.mark.requirement("connector:secret-names")
def test_the_stored_name_is_a_storage_format() -> None:
    assert secretnames.stored("my-cluster", "default", "my-appcluster") == "claim-423fc5bf705e462b"


@pytest.mark.requirement("connector:secret-names")
@given(app_objects(), names)
def test_out_undoes_in_to_the_byte(sent: tuple[Identity, dict[str, Any]], name: str) -> None:
    identity, found = sent
    found["spec"] = {"before": found["spec"], "writeConnectionSecretToRef": {"name": name, "x": 1.0}, "z": 2**63}
    kept = mapping.fields(encode(found))
    metadata = mapping.inward(mapping.fields(kept["metadata"]), identity, SCOPE, PREFIX)
    kept, metadata = secretnames.inward(kept, metadata)
    hashed = secretnames.stored(name, identity.namespace, SCOPE.cluster)
    assert decode(kept["spec"])["writeConnectionSecretToRef"] == {"name": hashed, "x": 1.0}
    assert REWRITER.single(encode({**kept, "metadata": metadata}), identity).body == encode(found)


@pytest.mark.requirement("connector:secret-names")
@pytest.mark.parametrize("spec", [None, 3, [], {}, {"writeConnectionSecretToRef": None},
                                  {"writeConnectionSecretToRef": {"name": 3}},
                                  {"writeConnectionSecretToRef": {"name": ""}}])  # fmt: skip
def test_what_names_no_secret_is_left_alone(spec: Any) -> None:
    metadata = mapping.fields(encode(stored(A, annotations={APP_SECRET_NAME: "old"})["metadata"]))
    found, after = secretnames.inward(mapping.fields(encode({"spec": spec})), metadata)
    assert decode(encode(found)) == {"spec": spec}
    assert "annotations" not in after, "what a former state had is gone with it"


@pytest.mark.requirement("connector:secret-names")
def test_a_name_that_is_not_the_kept_ones_is_shown_as_it_is() -> None:
    changed = there() | reference("changed-by-hand")
    assert decode(REWRITER.single(encode(changed), A).body)["spec"] == changed["spec"]


@pytest.mark.requirement("connector:secret-names")
def test_lists_watches_and_tables_show_the_asked_name() -> None:
    listed = {"kind": "DatabaseList", "apiVersion": "demo.example.org/v1", "items": [there()]}
    assert decode(REWRITER.collection(encode(listed)))["items"][0]["spec"] == reference("db")["spec"]
    event = encode({"type": "MODIFIED", "object": there()})
    shown = WatchRewriter(REWRITER, Names(SCOPE, PREFIX)).event(event)
    assert shown is not None
    assert decode(shown)["object"]["spec"] == reference("db")["spec"]
    partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": there()["metadata"]}
    columns = [{"name": "Name", "type": "string", "format": "name"}, {"name": "Connection-Secret", "type": "string"}]
    row = {"cells": [A.backend(PREFIX), HASHED, STRANGER], "object": partial}
    table = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "columnDefinitions": columns, "rows": [row]}
    assert decode(REWRITER.single(encode(table), A).body)["rows"][0]["cells"] == ["orders", "db", STRANGER]


@pytest.mark.requirement("connector:secret-names")
def test_a_stored_last_applied_is_mapped() -> None:
    applied = stored(A, annotations={APP_SECRET_NAME: "db"}) | reference(HASHED)
    kept = there(**{APP_SECRET_NAME: "db", mapping.LAST_APPLIED: encode(applied).decode()})
    shown = decode(REWRITER.single(encode(kept), A).body)["metadata"]["annotations"][mapping.LAST_APPLIED]
    assert decode(shown.encode())["spec"] == reference("db")["spec"]
    assert HASHED not in shown


@pytest.mark.requirement("connector:secret-name-writes")
@pytest.mark.anyio
@pytest.mark.parametrize(("method", "content_type"), [("PUT", ""), ("PATCH", APPLY)])
async def test_a_change_stores_the_hashed_name(method: str, content_type: str) -> None:
    found = world(ok(there()), ok(there()), ok(there()))
    await found.ask("GET", ONE)
    answer = await found.ask(method, ONE, here(), "fieldManager=m" if content_type else "", content_type)
    sent = found.control_plane.sent[-1].object
    assert sent["spec"] == reference(HASHED)["spec"]
    assert sent["metadata"]["annotations"] == {APP_SECRET_NAME: "db"}
    assert body(answer)["spec"] == reference("db")["spec"]
    assert [each.method for each in found.control_plane.sent] == ["GET", method], "and takes one request"


@pytest.mark.requirement("connector:secret-name-writes")
@pytest.mark.anyio
async def test_a_creation_stores_the_hashed_name_even_of_a_name_that_looks_stored() -> None:
    for name in ("db", STRANGER):
        found = world(
            lambda sent: ok(stored(A) | sent.object | {"metadata": stored(A)["metadata"] | sent.object["metadata"]})
        )
        created = here(name)
        del created["metadata"]["resourceVersion"]
        answer = await found.ask("POST", ONE.rpartition("/")[0], created)
        hashed = secretnames.stored(name, "team-a", SCOPE.cluster)
        assert found.control_plane.sent[-1].object["spec"] == reference(hashed)["spec"]
        assert body(answer)["spec"] == reference(name)["spec"]


@pytest.mark.requirement("connector:secret-name-writes")
@pytest.mark.anyio
@pytest.mark.parametrize(("method", "content_type"), [("PUT", ""), ("PATCH", APPLY)])
@pytest.mark.parametrize(("name", "kept"), [("imported", "imported"), ("db", HASHED)])
async def test_an_imported_claim_keeps_its_name_until_another_is_asked_for(
    method: str, content_type: str, name: str, kept: str
) -> None:
    imported = stored(A) | reference("imported")
    found = world(ok(imported), ok(imported), ok(imported))
    assert body(await found.ask("GET", ONE))["spec"] == reference("imported")["spec"]
    await found.ask(method, ONE, here(name), "fieldManager=m" if content_type else "", content_type)
    assert found.control_plane.sent[-1].object["spec"] == reference(kept)["spec"]
    assert [each.method for each in found.control_plane.sent] == ["GET", "GET", method]


@pytest.mark.requirement("connector:secret-name-writes")
@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/spec/writeConnectionSecretToRef/name", "value": "x"},
        {"op": "remove", "path": "/spec/writeConnectionSecretToRef"},
        {"op": "replace", "path": "/spec", "value": {}},
        {"op": "copy", "from": "/spec/writeConnectionSecretToRef/name", "path": "/spec/size"},
        {"op": "move", "from": "/spec", "path": "/status"},
    ],
)
def test_json_patches_that_touch_it_take_the_slow_path(operation: dict[str, Any]) -> None:
    assert patching.json_fast(encode([operation]), "u") is None
    beside = [{"op": "replace", "path": "/spec/writeConnectionSecretToRefs", "value": 1}]
    assert patching.json_fast(encode(beside), "u") is not None


@pytest.mark.requirement("connector:secret-name-writes")
@pytest.mark.parametrize("spec", [None, 3, {"writeConnectionSecretToRef": None}, reference("x")["spec"]])
def test_merge_patches_that_touch_it_take_the_slow_path(spec: Any) -> None:
    assert patching.merge_fast(encode({"spec": spec}), "u") is None
    assert patching.merge_fast(encode({"spec": {"size": 1}}), "u") is not None


@pytest.mark.requirement("connector:secret-name-writes")
@pytest.mark.anyio
@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        (MERGE, reference("other")),
        (JSON, [{"op": "test", "path": "/spec/writeConnectionSecretToRef/name", "value": "db"},
                {"op": "replace", "path": "/spec/writeConnectionSecretToRef/name", "value": "other"}]),
    ],
)  # fmt: skip
async def test_a_patch_addresses_the_name_that_was_shown(kind: str, patch: Any) -> None:
    found = world(ok(there()), ok(there()))
    answer = await found.ask("PATCH", ONE, patch, "", kind)
    assert answer.status == 200
    sent = found.control_plane.sent[-1]
    assert sent.method == "PUT"
    other = secretnames.stored("other", "team-a", SCOPE.cluster)
    assert sent.object["spec"]["writeConnectionSecretToRef"] == {"name": other}
    assert sent.object["metadata"]["annotations"] == {APP_SECRET_NAME: "other"}


@pytest.mark.requirement("connector:secret-names")
@given(st.sampled_from(["a", "b-x-c"]), st.sampled_from(["one", "two"]), st.sampled_from(["c1", "c2"]))
def test_two_namespaces_or_clusters_never_share_a_secret(name: str, namespace: str, cluster: str) -> None:
    others = [("one", "c1"), ("one", "c2"), ("two", "c1"), ("two", "c2")]
    found = {secretnames.stored(name, *each) for each in others}
    assert len(found) == 4
    assert secretnames.stored(name, namespace, cluster) in found

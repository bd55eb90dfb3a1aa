from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.embedded import store as stores
from fairlead.embedded.store import Compacted, Key, Store

pytestmark = pytest.mark.requirement("embedded:store")

operations = st.lists(
    st.tuples(st.sampled_from(["put", "delete"]), st.sampled_from("nm"), st.sampled_from("abc"), st.integers(0, 3)),
    max_size=25,
)


def key(namespace: str, name: str) -> Key:
    return Key("g.io", "things", namespace, name)


def perform(store: Store, operation: tuple[str, str, str, int]) -> None:
    verb, namespace, name, value = operation
    if verb == "put":
        store.put(key(namespace, name), {"metadata": {"name": name}, "value": value})
    elif store.get(key(namespace, name)) is not None:
        store.delete(key(namespace, name))


def state(store: Store, revision: int | None = None) -> dict[Key, Any]:
    return {each: obj["value"] for each, obj in store.scan(("g.io", "things"), revision=revision)}


@given(operations)
def test_every_past_state_can_be_listed(todo: list[tuple[str, str, str, int]]) -> None:
    store = Store()
    seen = {0: state(store)}
    for each in todo:
        perform(store, each)
        seen[store.revision] = state(store)
    assert {revision: state(store, revision) for revision in seen} == seen


@given(operations, st.integers(0, 25))
def test_the_changes_after_a_revision_lead_from_it_to_now(todo: list[tuple[str, str, str, int]], start: int) -> None:
    store = Store()
    for each in todo:
        perform(store, each)
    start = min(start, store.revision)
    found = state(store, start)
    for change in store.since(start):
        if change.after is None:
            del found[change.key]
        else:
            found[change.key] = change.after["value"]
    assert found == state(store)
    revisions = [change.revision for change in store.since(start)]
    assert revisions == sorted(set(revisions))


@given(operations)
def test_a_list_is_ordered_by_namespace_and_name(todo: list[tuple[str, str, str, int]]) -> None:
    store = Store()
    for each in todo:
        perform(store, each)
    keys = [each for each, _ in store.scan(("g.io", "things"))]
    assert keys == sorted(keys)
    assert [each for each, _ in store.scan(("g.io", "things"), "n")] == [each for each in keys if each.namespace == "n"]


def test_what_is_forgotten_is_not_made_up() -> None:
    store = Store(history=3)
    for value in range(5):
        store.put(key("n", "a"), {"metadata": {}, "value": value})
    assert [change.revision for change in store.since(2)] == [3, 4, 5]
    assert state(store, 2) == {key("n", "a"): 1}
    with pytest.raises(Compacted):
        store.since(1)
    with pytest.raises(Compacted):
        state(store, 1)


@pytest.mark.anyio
async def test_a_reader_that_is_too_slow_learns_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "BACKLOG", 2)
    store = Store()
    subscription = store.subscribe(("g.io", "things"), "n")
    store.put(key("m", "a"), {"metadata": {}})
    store.put(key("n", "a"), {"metadata": {}})
    await subscription.wait()
    assert [change.key for change in subscription.drain()] == [key("n", "a")]
    for _ in range(3):
        store.put(key("n", "a"), {"metadata": {}})
    await subscription.wait()
    assert subscription.overrun
    store.unsubscribe(subscription)

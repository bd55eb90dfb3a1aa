"""DELETE: at once, held by finalizers, and what follows an owner."""

import pytest

from tests.apiserver.asking import GROUP, MERGE, Api, Object, configmap, widget

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("embedded:delete")]
UNSUPPORTED = (
    'propagationPolicy: Unsupported value: "Foo": supported values: "Foreground", "Background", "Orphan", "nil"'
)


@pytest.fixture
async def made(api: Api, widgets: str) -> Object:
    return (await api.ask("POST", widgets, widget("a", {"size": 1}))).object


async def test_what_is_free_goes_at_once(api: Api, widgets: str, made: Object) -> None:
    answer = await api.ask("DELETE", f"{widgets}/a")
    details = {"name": "a", "group": GROUP, "kind": "widgets", "uid": made["metadata"]["uid"]}
    assert (answer.status, answer.object["status"], answer.object["details"]) == (200, "Success", details)
    again = await api.ask("DELETE", f"{widgets}/a")
    assert again.refusal == (404, "NotFound", f'widgets.{GROUP} "a" not found')


async def test_a_dry_run_deletes_nothing(api: Api, widgets: str, made: Object) -> None:
    assert (await api.ask("DELETE", f"{widgets}/a?dryRun=All")).object["status"] == "Success"
    assert (await api.ask("GET", f"{widgets}/a")).status == 200


async def test_finalizers_hold(api: Api, widgets: str, made: Object) -> None:
    path = f"{widgets}/a"
    await api.ask("PATCH", path, {"metadata": {"finalizers": ["a.io/b"]}}, content_type=MERGE)
    held = (await api.ask("DELETE", path)).object["metadata"]
    assert (held["finalizers"], held["deletionGracePeriodSeconds"], held["generation"]) == (["a.io/b"], 0, 2)
    again = (await api.ask("DELETE", path)).object["metadata"]
    assert (again["deletionTimestamp"], again["resourceVersion"]) == (
        held["deletionTimestamp"],
        held["resourceVersion"],
    )
    more = await api.ask("PATCH", path, {"metadata": {"finalizers": ["a.io/b", "c.io/d"]}}, content_type=MERGE)
    assert more.refusal == (
        422,
        "Invalid",
        f'Widget.{GROUP} "a" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object '
        'is being deleted, found new finalizers []string{"c.io/d"}',
    )
    last = await api.ask("PATCH", path, {"metadata": {"finalizers": None}}, content_type=MERGE)
    assert (last.status, last.object["metadata"]["deletionTimestamp"]) == (200, held["deletionTimestamp"])
    assert (await api.ask("GET", path)).status == 404


async def test_preconditions(api: Api, widgets: str, made: Object) -> None:
    uid, version = made["metadata"]["uid"], made["metadata"]["resourceVersion"]
    answer = await api.ask("DELETE", f"{widgets}/a", {"preconditions": {"uid": "x"}})
    assert answer.refusal == (
        409,
        "Conflict",
        f'Operation cannot be fulfilled on Widget.{GROUP} "a": the UID in the precondition (x) does not match the UID '
        f"in record ({uid}). The object might have been deleted and then recreated",
    )
    assert answer.object["details"] == {"name": "a", "group": GROUP, "kind": "Widget"}
    answer = await api.ask("DELETE", f"{widgets}/a", {"preconditions": {"resourceVersion": "1"}})
    assert answer.refusal == (
        409,
        "Conflict",
        f'Operation cannot be fulfilled on Widget.{GROUP} "a": the ResourceVersion in the precondition (1) does not '
        f"match the ResourceVersion in record ({version}). The object might have been modified",
    )
    assert (await api.ask("DELETE", f"{widgets}/a", {"preconditions": {"uid": uid}})).status == 200


@pytest.mark.parametrize(
    ("query", "body", "message"),
    [
        (
            "",
            {"propagationPolicy": "Foo"},
            UNSUPPORTED,
        ),
        (
            "?propagationPolicy=Foo",
            None,
            UNSUPPORTED,
        ),
        (
            "",
            {"orphanDependents": True, "propagationPolicy": "Orphan"},
            'propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
        ),
    ],
)
async def test_options_are_checked(
    api: Api, widgets: str, made: Object, query: str, body: Object | None, message: str
) -> None:
    answer = await api.ask("DELETE", f"{widgets}/a{query}", body)
    assert answer.refusal == (422, "Invalid", f'DeleteOptions.meta.k8s.io "" is invalid: {message}')


async def test_another_kind_of_body_is_refused(api: Api, widgets: str, made: Object) -> None:
    answer = await api.ask("DELETE", f"{widgets}/a", {"kind": "Foo", "apiVersion": "v1"})
    assert (answer.status, answer.message.partition(" in scheme")[0]) == (
        400,
        'no kind "Foo" is registered for version "v1"',
    )


async def test_a_collection_is_deleted_as_far_as_selected(api: Api, configmaps: str) -> None:
    for name, label in (("a", "x"), ("b", "y"), ("c", "x")):
        await api.ask("POST", configmaps, configmap(name, labels={"l": label}))
    answer = await api.ask("DELETE", f"{configmaps}?labelSelector=l%3Dx")
    assert answer.object["kind"] == "ConfigMapList"
    assert [each["metadata"]["name"] for each in answer.object["items"]] == ["a", "c"]
    left = (await api.ask("GET", f"{configmaps}?labelSelector=l")).object["items"]
    assert [each["metadata"]["name"] for each in left] == ["b"]


def owned(owner: Object, name: str, *, blocks: bool = False) -> Object:
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    return configmap(name, ownerReferences=[{**reference, "blockOwnerDeletion": True} if blocks else reference])


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
async def test_what_is_owned_goes_with_its_owner(api: Api, configmaps: str, policy: str) -> None:
    owner = (await api.ask("POST", configmaps, configmap("owner"))).object
    await api.ask("POST", configmaps, owned(owner, "dependent", blocks=True))
    await api.ask("DELETE", f"{configmaps}/owner?propagationPolicy={policy}")
    await api.until(f"{configmaps}/dependent", 404)
    await api.until(f"{configmaps}/owner", 404)


async def test_orphans_stay(api: Api, configmaps: str) -> None:
    owner = (await api.ask("POST", configmaps, configmap("owner"))).object
    await api.ask("POST", configmaps, owned(owner, "dependent"))
    # A garbage collector that has not seen the dependent yet would have nothing to orphan.
    gone = owned({"metadata": {"uid": "not-there"}}, "never-owned")
    await api.ask("POST", configmaps, gone)
    await api.until(f"{configmaps}/never-owned", 404)
    await api.ask("DELETE", f"{configmaps}/owner?propagationPolicy=Orphan")
    await api.until(f"{configmaps}/owner", 404)
    left = (await api.ask("GET", f"{configmaps}/dependent")).object["metadata"]
    assert "ownerReferences" not in left


async def test_foreground_marks_the_owner(api: Api, widgets: str, made: Object, configmaps: str) -> None:
    reference = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Widget",
        "name": "a",
        "uid": made["metadata"]["uid"],
        "blockOwnerDeletion": True,
    }
    await api.ask("POST", configmaps, configmap("held", ownerReferences=[reference], finalizers=["a.io/b"]))
    answer = await api.ask("DELETE", f"{widgets}/a?propagationPolicy=Foreground")
    assert answer.object["metadata"]["finalizers"] == ["foregroundDeletion"]
    await api.ask("PATCH", f"{configmaps}/held", {"metadata": {"finalizers": None}}, content_type=MERGE)
    await api.until(f"{widgets}/a", 404)

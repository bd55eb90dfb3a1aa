"""Who is asked, in which order, how often, and what becomes of no answer."""

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import anyio
import anyio.lowlevel
import pytest

from fairlead.aggregation import webhooks
from fairlead.aggregation.webhookcalls import Caller, url_of
from fairlead.aggregation.webhooks import MUTATING, VALIDATING, Asked, Plan, Webhooks
from fairlead.client.errors import Unreachable
from fairlead.machinery import admission, statuses
from fairlead.machinery.admission import CREATE, Answer, Attributes, Hook, ReviewError, Target
from fairlead.machinery.paths import Resource
from fairlead.machinery.principals import Principal

if TYPE_CHECKING:
    from fairlead.client.api import Client

pytestmark = pytest.mark.anyio
Object = dict[str, Any]
TARGET = Target(Resource("example.org", "v1", "widgets"), ("example.org", "v1", "Widget"))
EVERYTHING = [{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}]


def configuration(name: str, **more: Any) -> Object:
    webhook = {"name": name, "rules": EVERYTHING, "admissionReviewVersions": ["v1"], "sideEffects": "None", **more}
    return {"metadata": {"name": name}, "webhooks": [webhook]}


@dataclass
class Scripted:
    """Answers by the name of the webhook; a list of values to set, one for each time."""

    values: dict[str, list[str]] = field(default_factory=dict)
    refuses: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    asked: list[tuple[str, Any]] = field(default_factory=list)

    async def call(self, hook: Hook, attributes: Attributes, target: Target) -> Answer:
        self.asked.append((hook.name, (attributes.object or {}).get("value")))
        if hook.name in self.silent:
            raise ReviewError("failed to call webhook: it is silent")
        values = self.values.get(hook.name, [])
        patch = [{"op": "add", "path": "/value", "value": values.pop(0)}] if values else []
        return Answer(hook.name not in self.refuses, {"code": 403, "message": "no"}, patch, (f"from {hook.name}",), {})


def plan(calling: Scripted, *configurations: Object, validating: tuple[Object, ...] = ()) -> Plan:
    def asked(found: tuple[Object, ...], *, mutate: bool) -> list[Asked]:
        return [Asked(each, TARGET) for each in admission.hooks(found, mutate=mutate)]

    return Plan(calling, asked(configurations, mutate=True), asked(validating, mutate=False))


def attributes(obj: Object | None) -> Attributes:
    return Attributes(CREATE, TARGET, "", "shop", "one", Principal("ana"), {}, object=obj)


@pytest.mark.requirement("connector:admission-order")
async def test_who_wishes_it_is_asked_again_once_when_a_later_one_changed_something() -> None:
    calling = Scripted({"b": ["x"], "a": [], "c": ["y"]})
    wishing = {"reinvocationPolicy": "IfNeeded"}
    mine = plan(calling, configuration("c"), configuration("b", **wishing), configuration("a", **wishing))
    assert await mine.mutate(attributes({"value": ""})) == {"value": "y"}
    assert calling.asked == [("a", ""), ("b", ""), ("c", "x"), ("a", "y"), ("b", "y")]


@pytest.mark.requirement("connector:admission-order")
async def test_nobody_is_asked_again_for_its_own_change_or_for_none() -> None:
    calling = Scripted({"a": ["x"], "b": ["x"]})
    wishing = {"reinvocationPolicy": "IfNeeded"}
    mine = plan(calling, configuration("a", **wishing), configuration("b", **wishing))
    await mine.mutate(attributes({"value": ""}))
    assert calling.asked == [("a", ""), ("b", "x")]


@pytest.mark.requirement("connector:admission-order")
async def test_the_first_refusal_in_their_order_is_told_and_warnings_of_all() -> None:
    calling = Scripted(refuses=frozenset({"b", "c"}))
    mine = plan(calling, validating=(configuration("c"), configuration("b"), configuration("a")))
    with pytest.raises(statuses.Forbidden) as refused:
        await mine.validate(attributes({}))
    assert refused.value.message == 'admission webhook "b" denied the request: no'
    assert {name for name, _ in calling.asked} == {"a", "b", "c"}
    assert mine.warnings == ['299 - "from a"', '299 - "from b"', '299 - "from c"']


@pytest.mark.requirement("connector:admission-failure")
async def test_silence_is_ignored_only_where_the_policy_says_so() -> None:
    calling = Scripted(silent=frozenset({"a"}))
    assert await plan(calling, configuration("a", failurePolicy="Ignore")).mutate(attributes({})) == {}
    with pytest.raises(statuses.InternalError, match='failed calling webhook "a": failed to call'):
        await plan(calling, configuration("a", failurePolicy="Fail")).mutate(attributes({}))
    with pytest.raises(statuses.InternalError):
        await plan(calling, validating=(configuration("a"),)).validate(attributes({}))


@pytest.mark.requirement("connector:admission-failure")
async def test_a_deletion_is_not_changed() -> None:
    with pytest.raises(statuses.InternalError, match="not supported for this operation"):
        await plan(Scripted({"a": ["x"]}), configuration("a")).mutate(attributes(None))


# -- which there are ---------------------------------------------------------------------------------------------------


async def no_labels(namespace: str) -> dict[str, str]:
    raise AssertionError("nobody selects by namespace")


def found(labels: Any = no_labels) -> Webhooks:
    return Webhooks(cast("Client", None), Scripted(), labels)


async def planned(mine: Webhooks) -> Plan | None:
    return await mine.plan(CREATE, TARGET, "", "shop", (), "one")


@pytest.mark.requirement("connector:admission-unknown")
async def test_until_both_lists_are_there_writes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "READY_SECONDS", 0.01)
    mine = found()
    mine.learn(MUTATING, {})
    with pytest.raises(statuses.Forbidden, match='"one" is forbidden: not yet ready to handle request'):
        await planned(mine)
    mine.learn(VALIDATING, {})
    assert await planned(mine) is None


@pytest.mark.requirement("connector:admission-unknown")
async def test_a_write_waits_for_the_lists_that_are_on_their_way() -> None:
    mine = found()
    mine.learn(MUTATING, {})
    async with anyio.create_task_group() as group:
        group.start_soon(planned, mine)
        await anyio.lowlevel.checkpoint()
        mine.learn(VALIDATING, {})


@pytest.mark.requirement("connector:admission-matching")
async def test_labels_of_a_namespace_are_asked_for_only_where_somebody_selects_by_them() -> None:
    asked = []

    async def labels(namespace: str) -> dict[str, str]:
        asked.append(namespace)
        return {"team": "a"}

    mine = found(labels)
    mine.learn(VALIDATING, {})
    mine.learn(MUTATING, {"all": configuration("all")})
    only = await planned(mine)
    assert only is not None
    assert len(only.mutating) == 1
    selecting = {name: configuration(name, namespaceSelector={"matchLabels": {"team": name}}) for name in ("a", "b")}
    mine.learn(MUTATING, selecting)
    chosen = await planned(mine)
    assert chosen is not None
    assert [each.hook.name for each in chosen.mutating] == ["a"]
    assert asked == ["shop"]


# -- where they are ----------------------------------------------------------------------------------------------------


@dataclass
class Services:
    spec: Object
    slices: list[Object] = field(default_factory=list)
    asked: int = 0

    async def get(self, resource: Resource, name: str, namespace: str) -> Object:
        self.asked += 1
        return {"spec": self.spec}

    async def list(self, resource: Resource, namespace: str, *, label_selector: str) -> Any:
        assert label_selector == "kubernetes.io/service-name=hooks"
        return cast("Any", type("Found", (), {"items": self.slices}))


CLIENT = {"service": {"namespace": "ops", "name": "hooks", "path": "/p", "port": 8443}}
PORTS = [{"name": "web", "port": 8443, "targetPort": 9443}]
SLICE = {
    "ports": [{"name": "web", "port": 9443}],
    "endpoints": [
        {"addresses": ["10.0.0.1"], "conditions": {"ready": False}},
        {"addresses": ["10.0.0.2"], "conditions": {"ready": True}},
    ],
}


@pytest.mark.requirement("connector:admission-where")
@pytest.mark.parametrize(
    ("spec", "slices", "place"),
    [
        ({"clusterIP": "10.1.2.3", "ports": PORTS}, [], ("10.1.2.3", 8443)),
        ({"type": "ExternalName", "externalName": "hooks.example.org"}, [], ("hooks.example.org", 8443)),
        ({"clusterIP": "None", "ports": PORTS}, [SLICE], ("10.0.0.2", 9443)),
    ],
)
async def test_a_service_is_reached_as_the_api_server_reaches_it(
    spec: Object, slices: list[Object], place: tuple[str, int]
) -> None:
    services = Services(spec, slices)
    caller = Caller(cast("Client", services))
    bundle = base64.b64encode(b"pem").decode()
    for _ in range(2):
        endpoint = await caller.endpoint(CLIENT | {"caBundle": bundle})
        assert (endpoint.host, endpoint.port, endpoint.server_name) == (*place, "hooks.ops.svc")
        assert endpoint.authority == b"pem"
    assert services.asked == 1


@pytest.mark.requirement("connector:admission-where")
@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"clusterIP": "10.1.2.3", "ports": []}, "no service port 8443"),
        ({"clusterIP": "None", "ports": PORTS}, "no end"),
    ],
)
async def test_what_is_nowhere_is_no_answer(spec: Object, why: str) -> None:
    caller = Caller(cast("Client", Services(spec)))
    hook = admission.hooks([configuration("a", clientConfig=CLIENT)], mutate=True)[0]
    with pytest.raises(ReviewError, match=f'Post "https://hooks.ops.svc:8443/p[?]timeout=10s": {why}'):
        await caller.call(hook, attributes({}), TARGET)


@pytest.mark.requirement("connector:admission-where")
async def test_a_url_is_reached_as_it_stands() -> None:
    endpoint = await Caller(cast("Client", None)).endpoint({"url": "https://hooks.example.org/path"})
    assert (endpoint.host, endpoint.port, endpoint.server_name) == ("hooks.example.org", 443, "hooks.example.org")
    assert url_of({"url": "https://hooks.example.org/path"}) == "https://hooks.example.org/path"


@pytest.mark.requirement("connector:admission-unknown")
async def test_an_api_server_without_the_api_has_no_webhooks_and_other_failures_say_nothing() -> None:
    mine = found()
    for resource in (MUTATING, VALIDATING):
        assert mine.without(resource, statuses.no_such_resource()) == {}
        assert mine.without(resource, statuses.Forbidden("no")) is None
        assert mine.without(resource, Unreachable("gone")) is None
    mine.learn(MUTATING, json.loads('{"a": {"metadata": {"name": "a"}}}'))
    assert mine.without(MUTATING, Unreachable("gone")) == {"a": {"metadata": {"name": "a"}}}

"""How many requests a reviewed write takes, and what becomes of one that somebody overtakes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from fairlead.aggregation.webhooks import Asked, Plan
from fairlead.machinery import admission, statuses
from fairlead.machinery.admission import Answer, Attributes, Hook, Target
from fairlead.machinery.paths import Resource
from tests.connector.fakes import Sent, World, no, ok, world
from tests.connector.objects import PREFIX, stored
from tests.connector.test_handling import ALL, APPLY, JSON, MERGE, ONE, A, mine

pytestmark = pytest.mark.anyio
RULES = [{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*", "*"]}]


@dataclass
class Hooks:
    """One webhook that mutates and one that validates, or none; both agree."""

    concerned: bool = True
    patch: list[Any] = field(default_factory=list)
    asked: list[Attributes] = field(default_factory=list)

    async def plan(
        self, operation: str, asked: Target, subresource: str, namespace: str, others: Sequence[Target], name: str
    ) -> Plan | None:
        if not self.concerned:
            return None
        found = [{"metadata": {"name": "a"}, "webhooks": [{"name": "a", "rules": RULES}]}]
        mutating, validating = (
            [Asked(each, asked) for each in admission.hooks(found, mutate=mutate)] for mutate in (True, False)
        )
        return Plan(self, mutating, validating)

    async def call(self, hook: Hook, attributes: Attributes, target: Target) -> Answer:
        self.asked.append(attributes)
        return Answer(True, {}, self.patch if hook.mutates else [], (), {})


WRITES = [
    ("POST", ALL, mine(size=2), "", "application/json", 1, 2),
    ("PUT", ONE, mine(size=2), "", "application/json", 1, 3),
    ("PATCH", ONE, {"spec": {"size": 2}}, "", MERGE, 1, 3),
    ("PATCH", ONE, [{"op": "replace", "path": "/spec/size", "value": 2}], "", JSON, 1, 3),
    ("PATCH", ONE, mine(size=2), "fieldManager=m", APPLY, 1, 3),
    ("DELETE", ONE, b"", "", "", 1, 2),
]


async def asking(hooks: Hooks, *answers: Any) -> World:
    found = world(ok(stored(A)), *answers, webhooks=hooks)
    await found.ask("GET", ONE)
    found.control_plane.sent.clear()
    return found


def there(sent: Sent) -> Any:
    return ok(stored(A), 201 if sent.method == "POST" else 200)


@pytest.mark.requirement("connector:admission-fast", "connector:one-request")
@pytest.mark.parametrize(("method", "path", "sent", "query", "content_type", "fast", "reviewed"), WRITES)
async def test_only_a_write_that_a_webhook_may_see_takes_more_requests(
    method: str, path: str, sent: Any, query: str, content_type: str, fast: int, reviewed: int
) -> None:
    for concerned, count in ((False, fast), (True, reviewed)):
        hooks = Hooks(concerned)
        found = await asking(hooks, *[there] * 8)
        answer = await found.ask(method, path, sent, query, content_type)
        assert answer.status < 300
        requests = found.control_plane.sent
        assert len(requests) == count, [(each.method, each.query) for each in requests]
        rehearsals = [each for each in requests[:-1] if each.method != "GET"]
        assert all(each.query.get("dryRun") == "All" for each in rehearsals)
        assert "dryRun" not in requests[-1].query
        assert len(hooks.asked) == (2 if concerned else 0)


@pytest.mark.requirement("connector:admission-as-local")
async def test_webhooks_see_the_callers_names_and_nothing_of_the_control_plane() -> None:
    hooks = Hooks()
    found = await asking(hooks, *[there] * 8)
    await found.ask("PATCH", ONE, {"spec": {"size": 2}}, "", MERGE)
    await found.ask("DELETE", ONE)
    for each in hooks.asked:
        assert (each.namespace, each.name, each.principal.name) == ("team-a", "orders", "ana")
        assert each.old is not None
        shown = f"{each.object}{each.old}"
        assert PREFIX not in shown
        assert "upbound" not in shown


@pytest.mark.requirement("connector:admission-apply")
@pytest.mark.parametrize(
    ("method", "sent", "query", "content_type"),
    [
        ("PATCH", {"spec": {"size": 2}}, "", MERGE),
        ("PATCH", mine(size=2), "fieldManager=m", APPLY),
        ("DELETE", b"", "", ""),
    ],
    ids=["patch", "apply", "delete"],
)
async def test_a_write_that_was_overtaken_is_reviewed_again(
    method: str, sent: Any, query: str, content_type: str
) -> None:
    """What was agreed to was about the version read."""
    refused = no(statuses.conflict(Resource("g", "v1", "r"), A.backend(PREFIX), statuses.STALE))
    versions: list[str] = []

    def overtaken(request: Sent) -> Any:
        metadata = request.object.get("preconditions") or request.object["metadata"]
        versions.append(metadata["resourceVersion"])
        return refused if len(versions) == 1 else there(request)

    def script(request: Sent) -> Any:
        return there(request) if request.method == "GET" or request.query.get("dryRun") else overtaken(request)

    hooks = Hooks()
    found = await asking(hooks, *[script] * 12)
    answer = await found.ask(method, ONE, sent, query, content_type)
    assert answer.status == 200
    assert versions == [stored(A)["metadata"]["resourceVersion"]] * 2
    assert len(hooks.asked) == 4


@pytest.mark.requirement("connector:admission-apply")
async def test_an_apply_that_a_webhook_changed_is_forced_and_holds_the_change() -> None:
    hooks = Hooks(patch=[{"op": "add", "path": "/spec/added", "value": 1}])
    found = await asking(hooks, *[there] * 8)
    await found.ask("PATCH", ONE, mine(size=2), "fieldManager=m", APPLY)
    first, *_, last = [each for each in found.control_plane.sent if each.method == "PATCH"]
    assert "force" not in first.query
    assert last.query["force"] == "true"
    assert last.object["spec"] == {"size": 2, "added": 1}

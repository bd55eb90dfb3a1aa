"""The admission webhooks of the cluster that an extension API server belongs to.

Its API server calls none for requests that it passes on, so what policies forbid elsewhere would be allowed here. The
configurations are followed; while they are not known yet, every write is refused as the API server itself refuses it.

Mutating webhooks are asked one after the other, and those that wish it once more after a later one changed something;
validating ones at once.

Source: `pkg/admission/plugin/webhook/{generic,mutating,validating}` of k8s.io/apiserver.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from fairlead.client import watching
from fairlead.client.api import Client
from fairlead.client.errors import ClientError
from fairlead.client.watching import Applied, Deleted, Interrupted, Listed
from fairlead.machinery import admission, patches, statuses
from fairlead.machinery.admission import Answer, Attributes, Hook, ReviewError, Target
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource
from fairlead.machinery.values import same

Object = dict[str, Any]
Labels = Callable[[str], Awaitable[Mapping[str, str]]]
"""Of a namespace. Raises `StatusError`."""

MUTATING = Resource("admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", namespaced=False)
VALIDATING = Resource("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", namespaced=False)
_NAMESPACES = Resource("", "v1", "namespaces", namespaced=False)
READY_SECONDS = 10.0
"""For which a write waits for the first list, as the API server's handlers do."""

_log = logging.getLogger(__name__)


class Calling(Protocol):
    async def call(self, hook: Hook, attributes: Attributes, target: Target) -> Answer:
        """Raises `ReviewError`, or the `StatusError` that the caller is to get."""


@dataclass(frozen=True)
class Asked:
    """A webhook that a request concerns, and the version in which it wants to see it."""

    hook: Hook
    target: Target


@dataclass
class Plan:
    """The webhooks that one request concerns, object selectors apart: objects are known later."""

    calling: Calling
    mutating: Sequence[Asked]
    validating: Sequence[Asked]
    warnings: list[str] = field(default_factory=list)
    """Values of Warning headers."""
    annotations: dict[str, str] = field(default_factory=dict)
    """For an audit log."""

    async def mutate(self, attributes: Attributes) -> Object | None:
        """The object afterwards. Raises `StatusError`."""
        rounds = _Rounds()
        for asked in self.mutating:
            attributes = await self._mutated(asked, attributes, rounds)
        if rounds.changed:
            for asked in self.mutating:
                if asked.hook.uid in rounds.wanted:
                    attributes = await self._mutated(asked, attributes, rounds)
        return attributes.object

    async def _mutated(self, asked: Asked, attributes: Attributes, rounds: "_Rounds") -> Attributes:
        if not asked.hook.selects(attributes):
            return attributes
        answer = await self._ask(asked, attributes)
        after = attributes
        if answer is not None and answer.patch:
            after = _patched(asked.hook, attributes, answer)
        rounds.asked(asked.hook, changed=not same(after.object, attributes.object))
        return after

    async def validate(self, attributes: Attributes) -> None:
        """Raises the first refusal, in the order of the webhooks."""
        concerned = [each for each in self.validating if each.hook.selects(attributes)]
        found = await asyncio.gather(*(self._ask(each, attributes) for each in concerned), return_exceptions=True)
        for each in found:
            if isinstance(each, BaseException):
                raise each

    async def _ask(self, asked: Asked, attributes: Attributes) -> Answer | None:
        """None for a webhook that fails and may. Raises `StatusError`."""
        hook = asked.hook
        try:
            answer = await self.calling.call(hook, attributes, asked.target)
        except ReviewError as error:
            if hook.ignores_failure:
                _log.warning('webhook "%s" could not be asked, and its policy ignores that: %s', hook.name, error)
                return None
            raise admission.failed(hook, error) from error
        self.warnings += [value for each in answer.warnings if (value := admission.warning(each)) is not None]
        self.annotations |= answer.annotations
        if not answer.allowed:
            raise admission.denied(hook, answer.status)
        return answer


@dataclass
class _Rounds:
    """Who is asked a second time: whoever wishes it and was asked before something changed."""

    before: set[str] = field(default_factory=set)
    wanted: set[str] = field(default_factory=set)
    changed: bool = False

    def asked(self, hook: Hook, *, changed: bool) -> None:
        if changed:
            self.wanted |= self.before
            self.before = set()
            self.changed = True
        if hook.reinvoked:
            self.before.add(hook.uid)


def _patched(hook: Hook, attributes: Attributes, answer: Answer) -> Attributes:
    if attributes.object is None:
        why = (
            f'admission webhook "{hook.name}" attempted to modify the object, which is not supported for this operation'
        )
        raise statuses.InternalError(f"Internal error occurred: {why}", {"causes": [{"message": why}]})
    try:
        return replace(attributes, object=patches.json_patch(attributes.object, list(answer.patch)))
    except statuses.StatusError as error:
        why = f'the patch of webhook "{hook.name}" does not apply'
        raise statuses.InternalError(f"Internal error occurred: {why}", {"causes": [{"message": why}]}) from error


def _missing(error: FairleadError) -> bool:
    """Whether the server does not have the API; a 404 about one object names it."""
    return isinstance(error, statuses.NotFound) and not error.details.get("name")


def live_labels(app: Client) -> Labels:
    """Asked each time: a label that exempts a namespace must not be believed longer than it is there."""

    async def labels(namespace: str) -> Mapping[str, str]:
        try:
            found = await app.get(_NAMESPACES, namespace)
        except ClientError as error:
            raise statuses.InternalError(
                f"Internal error occurred: namespace {namespace} cannot be read: {error}"
            ) from error
        return found["metadata"].get("labels") or {}

    return labels


class Webhooks:
    """`labels` answers the labels of a namespace."""

    def __init__(self, app: Client, calling: Calling, labels: Labels) -> None:
        self._app = app
        self._calling = calling
        self._labels = labels
        self._known: dict[Resource, dict[str, Object]] = {}
        self._hooks: dict[Resource, list[Hook]] = {}
        self._ready = asyncio.Event()

    async def follow(self) -> None:
        """Until cancelled."""
        await asyncio.gather(self._follow(MUTATING), self._follow(VALIDATING))

    async def _follow(self, resource: Resource) -> None:
        async for event in watching.watch(self._app, resource):
            known = self._known.get(resource)
            match event:
                case Listed(items):
                    known = {each["metadata"]["name"]: each for each in items}
                case Applied(each):
                    known = (known or {}) | {each["metadata"]["name"]: each}
                case Deleted(each):
                    known = {name: kept for name, kept in (known or {}).items() if name != each["metadata"]["name"]}
                case Interrupted(error):
                    level = logging.DEBUG if _missing(error) else logging.WARNING
                    _log.log(level, "%s cannot be watched: %s", resource.qualified, error)
                    known = self.without(resource, error)
            if known is not None:
                self.learn(resource, known)

    def without(self, resource: Resource, error: FairleadError) -> dict[str, Object] | None:
        """A server that does not have the API has no webhooks; any other failure says nothing."""
        return {} if _missing(error) else self._known.get(resource)

    def learn(self, resource: Resource, known: dict[str, Object]) -> None:
        self._known[resource] = known
        self._hooks[resource] = admission.hooks(known.values(), mutate=resource == MUTATING)
        if len(self._hooks) == len((MUTATING, VALIDATING)):
            self._ready.set()

    async def plan(
        self, operation: str, asked: Target, subresource: str, namespace: str, others: Sequence[Target], name: str
    ) -> Plan | None:
        """`others` are the same kind in its other versions. None where no webhook is concerned.

        Raises `Forbidden` while it is not known which webhooks there are.
        """
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._ready.wait()
        except TimeoutError:
            raise admission.not_ready(asked.resource, name) from None
        mutating, validating = (
            [
                Asked(hook, target)
                for hook in self._hooks[resource]
                if (target := hook.target(operation, asked, subresource, others)) is not None
            ]
            for resource in (MUTATING, VALIDATING)
        )
        if any(each.hook.namespaces for each in (*mutating, *validating)):
            labels = await self._labels(namespace)
            mutating, validating = (
                [each for each in found if each.hook.namespaces.matches(labels)] for found in (mutating, validating)
            )
        return Plan(self._calling, mutating, validating) if mutating or validating else None

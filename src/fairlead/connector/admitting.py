"""Writes that admission webhooks of the app cluster are to see.

They stand above the translation: webhooks see what the caller sees, and what they change is written as if the caller
had. So a reviewed write is made of the unreviewed ones: a dry run says what the object would become, defaults included;
the webhooks are asked; then it is written, on condition that nothing happened to it meanwhile. A patch is a GET, a dry
run and a replacement; an apply keeps its form, with what was changed merged into the applied configuration. Without a
webhook that is concerned nothing of this happens.

Road not taken: to carry patches and defaults out here. The control plane knows its own rules best.

Source: reference/aggregation-layer.md §10; `pkg/endpoints/handlers` of k8s.io/apiserver.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import urlencode

from fairlead.aggregation.webhooks import Plan
from fairlead.connector import bodies, merging, patching, removing
from fairlead.connector.catalog import Offer
from fairlead.connector.upstream import Call
from fairlead.machinery import admission, encoding, statuses
from fairlead.machinery.admission import CREATE, DELETE, UPDATE, Attributes, Target
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.machinery.values import same

Object = dict[str, Any]
Verbs = Mapping[str, Callable[[Call], Awaitable[Response]]]
Versions = Callable[[Offer], Sequence[Offer]]
"""The same resource in its other versions."""

_ATTEMPTS = 5
_GENERATE_ATTEMPTS = 8
_SYSTEM = ("uid", "creationTimestamp", "generation", "resourceVersion", "selfLink")
_DELETE_OPTIONS = {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1"}
_NO_DRY_RUN = "does not support dry run"
_OPERATIONS = {"create": CREATE, "update": UPDATE, "patch": UPDATE, "delete": DELETE, "deletecollection": DELETE}


class Planning(Protocol):
    async def plan(
        self, operation: str, asked: Target, subresource: str, namespace: str, others: Sequence[Target], name: str
    ) -> Plan | None: ...


class Admission:
    """Each of `verbs` as it is without webhooks."""

    def __init__(self, webhooks: Planning, verbs: Verbs, versions: Versions) -> None:
        self._webhooks = webhooks
        self._verbs = verbs
        self._versions = versions

    async def carry_out(self, call: Call) -> Response:
        """Raises `StatusError`, with the warnings of the webhooks that were asked."""
        operation = _OPERATIONS.get(call.info.verb)
        if operation is None:
            return await self._verbs[call.info.verb](call)
        applies = call.info.verb == "patch" and bodies.is_apply(call.request.headers)
        plan = await self._plan(call, operation)
        creating = await self._plan(call, CREATE) if applies and not call.info.subresource else None
        if plan is None and creating is None:
            return await self._verbs[call.info.verb](call)
        reviewed = Reviewed(self._verbs, call, _Plans(plan, creating))
        try:
            answer = await reviewed.carry_out()
        except statuses.StatusError as error:
            error.warnings = _each_once((*reviewed.warnings, *error.warnings))
            raise
        lines = [(key, value) for key, value in answer.headers.lines if key != "warning"]
        warnings = _each_once((*reviewed.warnings, *answer.headers.all("warning")))
        return replace(answer, headers=Headers([*lines, *(("warning", each) for each in warnings)]))

    async def _plan(self, call: Call, operation: str) -> Plan | None:
        others = [target(each, call.info.subresource) for each in self._versions(call.offer)]
        asked = target(call.offer, call.info.subresource)
        return await self._webhooks.plan(
            operation, asked, call.info.subresource, call.info.namespace, others, call.info.name
        )


@dataclass(frozen=True)
class _Plans:
    asked: Plan | None
    creating: Plan | None
    """For an apply that creates."""


@dataclass
class Reviewed:
    """One write."""

    verbs: Verbs
    call: Call
    plans: _Plans
    rehearsed: tuple[str, ...] = ()
    """Warnings about the request as it came."""

    @property
    def warnings(self) -> tuple[str, ...]:
        asked = [each for plan in (self.plans.asked, self.plans.creating) if plan for each in plan.warnings]
        return (*self.rehearsed, *asked)

    async def carry_out(self) -> Response:
        verb = self.call.info.verb
        if verb == "create":
            return await self._create()
        if verb == "deletecollection":
            return await self._delete_each()
        if verb == "delete":
            return await self._delete(self.call)
        return await (self._apply() if bodies.is_apply(self.call.request.headers) else self._change())

    # -- create --------------------------------------------------------------------------------------------------------

    async def _create(self) -> Response:
        for _ in range(_GENERATE_ATTEMPTS - 1):
            with suppress(statuses.AlreadyExists):
                return await self._create_once()
            if not _generates(_sent(self.call)):
                break
        return await self._create_once()

    async def _create_once(self) -> Response:
        found = await self._rehearse(self.call, lambda: _sent(self.call))
        sent = _sent(self.call)
        generates, name = _generates(sent), str((found.get("metadata") or {}).get("name") or "")
        before = _without_system(found, *(("name",) if generates else ()))
        after = await self._mutated(self.plans.asked, CREATE, before, None, "" if generates else name)
        changed = not same(before, after)
        body = _named(after if changed else sent, name)
        final = _writing(self.call, body, changed=changed) if changed or generates else self.call
        if changed and self._validates(self.plans.asked):
            found = await self._rehearse(final)
        await self._validated(self.plans.asked, CREATE, found, None, name)
        return await self.verbs["create"](final)

    # -- update and patch ----------------------------------------------------------------------------------------------

    async def _change(self) -> Response:
        for attempt in range(1, _ATTEMPTS + 1):
            old = await self._old(self.call)
            if old is None:
                await self._rehearse(self.call)  # which says what is wrong; else it is there by now
                continue
            final = await self._changed(old)
            try:
                return await self.verbs["update"](final)
            except statuses.Conflict:
                if attempt == _ATTEMPTS:
                    raise
        raise statuses.conflict(self.call.offer.resource, self.call.info.name, statuses.STALE)

    async def _changed(self, old: Object) -> Call:
        """The replacement that the webhooks have agreed to."""
        call, plan = self.call, self.plans.asked
        new = await self._rehearse(call, lambda: _as_sent(call, old))
        before = _with_generation(new, old)
        after = await self._mutated(plan, UPDATE, before, old, call.info.name)
        changed = not same(before, after)
        if changed:
            body = _without_managers(after)
        elif call.info.verb == "update":
            body = _sent(call)
        else:
            body = new if b"managedFields" in call.request.body else _without_managers(new)
        if call.info.verb == "patch" or call.info.subresource == "scale":  # any other PUT has to name a version
            body = _pinned(body, old)
        final = _writing(_as_update(call), body, changed=changed or call.info.verb == "patch")
        if changed and self._validates(plan):
            new = await self._rehearse(final)
        await self._validated(plan, UPDATE, new, old, call.info.name)
        return final

    # -- apply ---------------------------------------------------------------------------------------------------------

    async def _apply(self) -> Response:
        for attempt in range(1, _ATTEMPTS + 1):
            old = await self._old(self.call)
            final = await self._applied(old)
            try:
                return await self.verbs["patch"](final)
            except statuses.Conflict:
                if attempt == _ATTEMPTS or old is None:
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def _applied(self, old: Object | None) -> Call:
        call = self.call
        plan, operation = (self.plans.asked, UPDATE) if old else (self.plans.creating, CREATE)
        new = await self._rehearse(call)
        before = _with_generation(new, old) if old else _without_system(new)
        after = await self._mutated(plan, operation, before, old, call.info.name)
        changed = not same(before, after)
        configuration = _sent(call, bodies.YAML)
        if changed:
            configuration = _merged(configuration, before, after)
        if old is not None:
            configuration = _pinned(configuration, old)
        final = _writing(call, configuration, changed=changed, content_type=bodies.APPLY_PATCH)
        if changed and self._validates(plan):
            new = await self._rehearse(final)
        await self._validated(plan, operation, new, old, call.info.name)
        return final

    # -- delete --------------------------------------------------------------------------------------------------------

    async def _delete(self, call: Call, shown_name: str | None = None) -> Response:
        """`shown_name` is the name in the request, which a collection's does not have."""
        options = removing.delete_options(call) if _readable(call) else None
        pinned = bool(options and (options.get("preconditions") or {}).get("resourceVersion"))
        for attempt in range(1, _ATTEMPTS + 1):
            old = await self._old(call) if options is not None else None
            if old is None or options is None:
                await self.verbs["delete"](_dry(call))  # which says what is wrong; else it is there by now
                continue
            name = call.info.name if shown_name is None else shown_name
            await self._mutated(self.plans.asked, DELETE, None, old, name, options)
            await self._validated(self.plans.asked, DELETE, None, old, name, options)
            version = {} if pinned else {"resourceVersion": old["metadata"].get("resourceVersion")}
            full = options | {"preconditions": {**(options.get("preconditions") or {}), **version}}
            try:
                return await self.verbs["delete"](_with_body(call, full))
            except statuses.Conflict:
                if attempt == _ATTEMPTS or pinned:
                    raise
        raise statuses.conflict(call.offer.resource, call.info.name, statuses.STALE)

    async def _delete_each(self) -> Response:
        """One after the other, as the API server does: a refusal leaves those before it deleted."""
        listing = _reading(self.call, "list", keep_query=True)
        answer = await self.verbs["list"](replace(listing, request=replace(listing.request, headers=_asked(self.call))))
        found = _object(await self.verbs["list"](listing))
        for each in found.get("items") or ():
            metadata = each["metadata"]
            one = replace(self.call.info, verb="delete", name=metadata["name"], namespace=metadata["namespace"])
            request = replace(self.call.request, headers=_asked(self.call, accept=bodies.JSON))
            with suppress(statuses.NotFound):
                await self._delete(replace(self.call, info=one, request=request), "")
        return answer

    # -- shared --------------------------------------------------------------------------------------------------------

    async def _old(self, call: Call) -> Object | None:
        try:
            return _object(await self.verbs["get"](_reading(call, "get")))
        except statuses.NotFound:
            return None

    async def _rehearse(self, call: Call, instead: Callable[[], Object] | None = None) -> Object:
        """What the object would become. Raises `StatusError`.

        A mutating webhook may put right what is wrong, so it is asked about an invalid object too: about the one
        `instead`, without defaults; and so is any webhook where the control plane has one that allows no dry run.
        """
        try:
            answer = await self.verbs[call.info.verb](_dry(call))
        except (statuses.Invalid, statuses.BadRequest) as error:
            mends = _is_about_object(error) and self.plans.asked is not None and self.plans.asked.mutating
            if instead is None or not (mends or _NO_DRY_RUN in error.message):
                raise
            return instead()
        if call is self.call:
            self.rehearsed = tuple(answer.headers.all("warning"))
        return _object(answer)

    def _validates(self, plan: Plan | None) -> bool:
        return plan is not None and bool(plan.validating)

    async def _mutated(
        self,
        plan: Plan | None,
        operation: str,
        obj: Object | None,
        old: Object | None,
        name: str,
        options: Mapping[str, Any] | None = None,
    ) -> Object:
        if plan is None:
            return obj or {}
        return await plan.mutate(self._attributes(operation, obj, old, name, options)) or {}

    async def _validated(
        self,
        plan: Plan | None,
        operation: str,
        obj: Object | None,
        old: Object | None,
        name: str,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if plan is not None:
            await plan.validate(self._attributes(operation, obj, old, name, options))

    def _attributes(
        self, operation: str, obj: Object | None, old: Object | None, name: str, options: Mapping[str, Any] | None
    ) -> Attributes:
        call = self.call
        parameters = call.request.parameters
        kind = "CreateOptions" if operation == CREATE else "UpdateOptions"
        given = admission.options(kind, parameters) if options is None else {**options, **_DELETE_OPTIONS}
        return Attributes(
            operation,
            target(call.offer, call.info.subresource),
            call.info.subresource,
            call.info.namespace or str(((old or {}).get("metadata") or {}).get("namespace") or ""),
            name,
            call.principal,
            given,
            bool(given.get("dryRun")),
            obj,
            old,
        )


def target(offer: Offer, subresource: str) -> Target:
    """The kind of a subresource where it is of its own, such as Scale."""
    found = next((each for each in offer.api.subresources if each.name == subresource), None)
    if found is not None and found.group:
        return Target(offer.resource, (found.group, found.version, found.kind))
    return Target(offer.resource, (offer.resource.group, offer.resource.version, offer.kind))


# -- requests that are made of the caller's ----------------------------------------------------------------------------


def _dry(call: Call) -> Call:
    """As JSON, and all of it."""
    parameters = {key: value for key, value in call.request.parameters.items() if key != "includeObject"}
    query = urlencode(parameters | {"dryRun": parameters.get("dryRun") or "All"})
    request = replace(call.request, query=query, headers=_asked(call, accept=bodies.JSON))
    if call.info.verb == "delete" and call.request.body:
        options = removing.delete_options(call)
        request = replace(request, body=encoding.to_json(options | {"dryRun": options.get("dryRun") or ["All"]}))
    return replace(call, request=request)


def _asked(call: Call, *, accept: str = "", content_type: str = "") -> Headers:
    mine = [(key, value) for key, value in (("accept", accept), ("content-type", content_type)) if value]
    replaced = {key for key, _ in mine}
    return Headers([*((key, value) for key, value in call.request.headers.lines if key not in replaced), *mine])


def _reading(call: Call, verb: str, *, keep_query: bool = False) -> Call:
    kept = ("labelSelector", "fieldSelector")
    parameters = {key: value for key, value in call.request.parameters.items() if keep_query and key in kept}
    lines = [(key, value) for key, value in _asked(call, accept=bodies.JSON).lines if key != "content-type"]
    request = Request("GET", call.request.path, urlencode(parameters), Headers(lines))
    return replace(call, request=request, info=replace(call.info, verb=verb))


def _as_update(call: Call) -> Call:
    return replace(call, request=replace(call.request, method="PUT"), info=replace(call.info, verb="update"))


def _writing(call: Call, body: Object, *, changed: bool, content_type: str = bodies.JSON) -> Call:
    """What others made of the request is no longer the caller's to have checked, or to force."""
    parameters = dict(call.request.parameters)
    if changed:
        parameters["fieldValidation"] = "Ignore"
    if content_type == bodies.APPLY_PATCH and changed:
        parameters["force"] = "true"
    elif content_type != bodies.APPLY_PATCH:
        parameters.pop("force", None)
    request = replace(
        call.request,
        query=urlencode(parameters),
        headers=_asked(call, content_type=content_type),
        body=encoding.to_json(body),
    )
    return replace(call, request=request)


def _with_body(call: Call, options: Object) -> Call:
    headers = _asked(call, content_type=bodies.JSON)
    return replace(call, request=replace(call.request, headers=headers, body=encoding.to_json(options)))


def _readable(call: Call) -> bool:
    """Whether the options of a deletion are."""
    try:
        removing.delete_options(call)
    except statuses.StatusError:
        return False
    return True


def _is_about_object(error: statuses.StatusError) -> bool:
    """Not about the request, such as a patch that does not apply."""
    return isinstance(error, statuses.Invalid) and bool(error.details.get("kind"))


# -- objects -----------------------------------------------------------------------------------------------------------


def _object(answer: Response) -> Object:
    if not isinstance(answer.body, bytes):
        raise TypeError("a stream where a whole answer was expected")
    found: Object = encoding.from_json(answer.body)
    return found


def _sent(call: Call, kind: str = "") -> Object:
    kind = kind or bodies.media_type(call.request.headers.get("content-type"), (bodies.JSON, bodies.YAML))
    found: Object = encoding.from_json(encoding.to_json(bodies.read(call.request.body, kind)))
    return found


def _as_sent(call: Call, old: Object) -> Object:
    if call.info.verb == "update":
        return _sent(call)
    kind = bodies.media_type(call.request.headers.get("content-type"), bodies.PATCHES)
    return patching.slow(kind, call.request.body, encoding.to_json(old))


def _generates(sent: Object) -> bool:
    metadata = sent.get("metadata") or {}
    return bool(metadata.get("generateName")) and not metadata.get("name")


def _without_system(found: Object, *more: str) -> Object:
    """As a new object is before it is stored."""
    hidden = (*_SYSTEM, *more)
    return found | {"metadata": {key: value for key, value in found["metadata"].items() if key not in hidden}}


def _with_generation(new: Object, old: Object) -> Object:
    """It is counted up once the webhooks that change objects have been asked."""
    if "generation" not in old["metadata"]:
        return new
    return new | {"metadata": {**new["metadata"], "generation": old["metadata"]["generation"]}}


def _without_managers(found: Object) -> Object:
    """Absent means: as they are, and the caller for what it changes."""
    return found | {"metadata": {key: value for key, value in found["metadata"].items() if key != "managedFields"}}


def _named(found: Object, name: str) -> Object:
    return _without_managers(found | {"metadata": {**(found.get("metadata") or {}), "name": name}})


def _pinned(found: Object, old: Object) -> Object:
    return found | {
        "metadata": {**(found.get("metadata") or {}), "resourceVersion": old["metadata"]["resourceVersion"]}
    }


def _merged(configuration: Object, before: Object, after: Object) -> Object:
    before, after = _without_managers(before), _without_managers(after)
    lost = merging.withheld(configuration, before, after)
    if lost:
        why = f"an admission webhook removed {', '.join(lost)}, which this apply does not own"
        raise statuses.InternalError(f"Internal error occurred: {why}", {"causes": [{"message": why}]})
    return merging.merged(configuration, before, after)


def _each_once(warnings: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(warnings))

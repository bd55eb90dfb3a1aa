"""APIServices: which group versions another server serves, whether it answers, and passing requests on to it.

Local group versions have an APIService too, because tools list them. Every remote one has a task that checks it when it
or its Service changes and every so often besides, keeps its Available condition and its discovery, and never takes a
server that is silent for one that serves nothing.
"""

import asyncio
from contextlib import suppress
from typing import Any

from fairlead.embedded import availability, metadata, proxying
from fairlead.embedded.core import Core
from fairlead.embedded.kinds import APISERVICES
from fairlead.embedded.proxying import Backends, Destination, Proxy, Unresolved
from fairlead.embedded.store import Key
from fairlead.machinery.discovery import APIGroup, APIVersion
from fairlead.machinery.encoding import from_json
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Request, Response
from fairlead.machinery.paths import GroupVersion
from fairlead.machinery.principals import Principal
from fairlead.serving.certificates import KeyPair

Object = dict[str, Any]

_AUTOMANAGED = "kube-aggregator.kubernetes.io/automanaged"
_CHECK_EVERY = 30.0
_RETRY_FIRST, _RETRY_LAST = 0.25, 15.0
_ANSWER_WITHIN = 5.0
_DOCUMENT_READER = Principal("system:aggregator")


class Extensions:
    """`pair` is the front proxy's client certificate."""

    def __init__(self, core: Core, pair: KeyPair) -> None:
        self._core = core
        self._store = core.store
        self._backends = Backends(pair)
        self._proxy = Proxy(self._backends.open)
        self._found: dict[str, APIVersion] = {}
        self._documents: dict[str, Object] = {}

    # --- requests ---

    def groups(self) -> list[APIGroup]:
        """What the servers behind APIServices said last; stale where they do not answer."""
        found: dict[str, list[APIVersion]] = {}
        for name, service in self._remote().items():
            group_version = _group_version(service)
            version = self._found.get(name, APIVersion(group_version.version, fresh=False))
            found.setdefault(group_version.group, []).append(version)
        return [APIGroup(name, tuple(versions)) for name, versions in found.items()]

    def openapi_entries(self) -> Object:
        """What the servers behind APIServices list of themselves at `/openapi/v3`, each only its own group version."""
        return {path: entry for entries in self._documents.values() for path, entry in entries.items()}

    async def forward(self, request: Request, principal: Principal) -> Response | None:
        """None where the request is ours to answer."""
        service = self._service_of(request.path)
        if service is None:
            return None
        if not _is_available(service):
            return proxying.unavailable()
        try:
            destination = self._destination(service)
        except Unresolved:
            return proxying.unavailable()
        return await self._proxy.forward(request, principal, destination)

    def _service_of(self, path: str) -> Object | None:
        parts = path.split("/")
        if parts[:3] == ["", "openapi", "v3"]:
            parts = parts[2:]
            parts[0] = ""
        if len(parts) < 4 or parts[1] != "apis":
            return None
        found = self._store.get(Key(*APISERVICES, "", f"{parts[3]}.{parts[2]}"))
        return found if found is not None and found["spec"].get("service") else None

    def _destination(self, service: Object) -> Destination:
        reference = service["spec"]["service"]
        key = Key("", "services", reference["namespace"], reference["name"])
        return proxying.resolve(service, self._store.get(key))

    def _remote(self) -> dict[str, Object]:
        listed = self._store.scan(APISERVICES)
        return {key.name: each for key, each in listed if each["spec"].get("service")}

    # --- following ---

    async def run(self) -> None:
        """Until cancelled: keeps local APIServices, and one task for each remote one."""
        watchers: dict[str, asyncio.Task[None]] = {}
        subscription = self._store.subscribe()
        try:
            while True:
                changes = subscription.drain()
                self.register_local()
                self._restart(watchers, {each.key for each in changes if _matters(each.before, each.after)})
                await subscription.wait()
        finally:
            self._store.unsubscribe(subscription)
            for each in watchers.values():
                each.cancel()
            await asyncio.gather(*watchers.values(), return_exceptions=True)
            await self._backends.close()

    def _restart(self, watchers: dict[str, asyncio.Task[None]], changed: set[Key]) -> None:
        remote = self._remote()
        for name in [name for name in watchers if name not in remote]:
            watchers.pop(name).cancel()
            self._found.pop(name, None)
            self._documents.pop(name, None)
        for name, service in remote.items():
            reference = service["spec"]["service"]
            concerned = {
                Key(*APISERVICES, "", name),
                Key("", "services", reference["namespace"], reference["name"]),
            }
            if name not in watchers or changed & concerned:
                if name in watchers:
                    watchers[name].cancel()
                watchers[name] = asyncio.create_task(self._follow(name))

    async def _follow(self, name: str) -> None:
        """Checks again and again: soon while it fails, seldom once it passes."""
        delay = _RETRY_FIRST
        while True:
            passed = await self._check(name)
            await asyncio.sleep(_CHECK_EVERY if passed else delay)
            delay = _RETRY_FIRST if passed else min(delay * 2, _RETRY_LAST)

    async def _check(self, name: str) -> bool:
        service = self._remote().get(name)
        if service is None:
            return False
        group_version = _group_version(service)
        try:
            destination = self._destination(service)
        except Unresolved as error:
            self._found[name] = APIVersion(group_version.version, fresh=False)
            self._report(name, availability.unresolved(error))
            return False

        async def ask(request: Request, principal: Principal) -> Response:
            return await self._backends.ask(destination, request, principal, _ANSWER_WITHIN)

        verdict = await availability.check(group_version, destination, ask)
        if verdict[0] != "True":
            self._found[name] = APIVersion(group_version.version, fresh=False)
        else:
            self._found[name] = await availability.fetch(group_version, ask)
            self._documents[name] = await _document_entry(group_version, ask)
        self._report(name, verdict)
        return verdict[0] == "True" and self._found[name].fresh

    def _report(self, name: str, verdict: tuple[str, str, str]) -> None:
        key = Key(*APISERVICES, "", name)
        service = self._store.get(key)
        if service is None:
            return
        previous = _condition(service)
        condition = availability.condition(*verdict, metadata.now(), previous)
        if condition != previous:
            self._store.put(key, {**service, "status": {"conditions": [condition]}})

    def register_local(self) -> None:
        """An APIService for every group version of our own, and none for those that have gone."""
        wanted = {f"{each.version}.{each.group}": each for each in self._core.catalog.kinds()}
        for name, kind in wanted.items():
            key = Key(*APISERVICES, "", name)
            if self._store.get(key) is None:
                self._store.put(key, _local(name, kind.group_version, custom=kind.custom))
        for key, service in self._store.scan(APISERVICES):
            ours = _AUTOMANAGED in (service["metadata"].get("labels") or {})
            if ours and key.name not in wanted:
                with suppress(KeyError):
                    self._store.delete(key)


async def _document_entry(group_version: GroupVersion, ask: availability.Ask) -> Object:
    """Empty where the server behind has no OpenAPI v3; clients then do without a schema."""
    path = group_version.path.lstrip("/")
    try:
        answer = await ask(Request("GET", "/openapi/v3"), _DOCUMENT_READER)
        document = from_json(answer.body) if answer.status == 200 and isinstance(answer.body, bytes) else {}
    except FairleadError:
        return {}
    entry = (document.get("paths") or {}).get(path) if isinstance(document, dict) else None
    return {path: entry} if isinstance(entry, dict) else {}


def _matters(before: Object | None, after: Object | None) -> bool:
    """Whether more than the status that we write ourselves has changed."""
    if before is None or after is None:
        return True
    return _without_status(before) != _without_status(after)


def _without_status(obj: Object) -> Object:
    kept = {key: value for key, value in obj.items() if key not in ("status", "metadata")}
    hidden = ("resourceVersion", "managedFields")
    return {**kept, "metadata": {key: value for key, value in obj["metadata"].items() if key not in hidden}}


def _group_version(service: Object) -> GroupVersion:
    return GroupVersion(service["spec"].get("group", ""), service["spec"]["version"])


def _condition(service: Object) -> Object | None:
    conditions = (service.get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each.get("type") == "Available"), None)


def _is_available(service: Object) -> bool:
    return (_condition(service) or {}).get("status") == "True"


def _local(name: str, group_version: GroupVersion, *, custom: bool) -> Object:
    managed = "true" if custom else "onstart"
    priority = (1000, 100) if custom else (18000, 1) if not group_version.group else (17000, 15)
    spec = {
        "version": group_version.version,
        "groupPriorityMinimum": priority[0],
        "versionPriority": priority[1],
    }
    if group_version.group:
        spec = {"group": group_version.group, **spec}
    obj: Object = {
        "kind": "APIService",
        "apiVersion": "apiregistration.k8s.io/v1",
        "metadata": {"name": name, "labels": {_AUTOMANAGED: managed}},
        "spec": spec,
        "status": {"conditions": [availability.condition(*availability.LOCAL, metadata.now())]},
    }
    obj["metadata"] |= {"uid": metadata.new_uid(), "creationTimestamp": metadata.now()}
    return obj

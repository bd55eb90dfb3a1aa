"""Admission webhooks that a test scripts, and one kind behind them on both sides: stored locally, and claimed.

A webhook is reached under `/<side>/<what it does>`; what it was told is kept by side.
"""

import base64
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio

from fairlead.aggregation.webhooks import MUTATING, VALIDATING
from fairlead.client.api import Client
from fairlead.client.targets import Cluster
from fairlead.machinery import encoding
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.machinery.paths import Resource
from fairlead.serving import listening
from fairlead.serving.certificates import Authority
from fairlead.serving.tls import ServerTLS
from tests.differential import kind

Object = dict[str, Any]
Deed = Callable[[Object], Object]
"""From the request of a review to the response, without uid."""

DEADLINE = 30.0
SIDES = ("local", "app")
PROBE = "probe"


def allow(request: Object) -> Object:
    return {"allowed": True}


def patching(*operations: Object, **more: Any) -> Deed:
    def deed(request: Object) -> Object:
        patch = base64.b64encode(json.dumps(operations).encode()).decode()
        return {"allowed": True, "patchType": "JSONPatch", "patch": patch, **more}

    return deed


@dataclass
class Reviewers:
    """The server of all webhooks."""

    authority: Authority
    deeds: dict[str, Deed] = field(default_factory=dict)
    raw: dict[str, Callable[[Object], Response]] = field(default_factory=dict)
    """For answers that are none."""
    told: dict[str, list[Object]] = field(default_factory=lambda: {side: [] for side in SIDES})
    url: str = ""

    async def handle(self, request: Request) -> Response:
        side, name = request.path.strip("/").split("/")
        review = encoding.from_json(request.body)
        if review["request"]["resource"]["group"] == kind.GROUP:  # else a Lease, say, which somebody renews just now
            self.told[side].append({"hook": name, **review["request"]})
        if name in self.raw:
            return self.raw[name](review)
        response = {"uid": review["request"]["uid"], **self.deeds[name](review["request"])}
        answer = {"apiVersion": review["apiVersion"], "kind": "AdmissionReview", "response": response}
        return Response(200, Headers([("content-type", "application/json")]), encoding.to_json(answer))

    def webhook(self, side: str, name: str, **more: Any) -> Object:
        bundle = base64.b64encode(self.authority.certificate).decode()
        return {
            "name": f"{name}.example.org",
            "clientConfig": {"url": f"{self.url}/{side}/{name}", "caBundle": bundle},
            "rules": [
                {"operations": ["*"], "apiGroups": [kind.GROUP], "apiVersions": ["*"], "resources": ["widgets"]},
            ],
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "timeoutSeconds": 5,
        } | more


@asynccontextmanager
async def reviewers() -> AsyncIterator[Reviewers]:
    authority = Authority.create("reviewers")
    found = Reviewers(authority)
    tls = ServerTLS(authority.issue_server(["localhost"], ["127.0.0.1"]), None)
    async with listening.listen(found.handle, tls=tls) as listener:
        found.url = listener.url
        yield found


@dataclass
class Sides:
    clients: dict[str, Client]
    reviewers: Reviewers

    async def register(self, name: str, resource: Resource, *webhooks: tuple[str, Object]) -> None:
        """The same configuration on both, in effect."""
        for side, client in self.clients.items():
            shown = "MutatingWebhookConfiguration" if resource == MUTATING else "ValidatingWebhookConfiguration"
            hooks = [self.reviewers.webhook(side, hook, **more) for hook, more in webhooks]
            document = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": shown, "metadata": {"name": name}}
            await client.create(resource, {**document, "webhooks": hooks})

    async def in_effect(self) -> None:
        """A webhook of its own, asked about an object of its own, says when the configurations have arrived."""
        self.reviewers.deeds[PROBE] = allow
        rules = [{"operations": ["CREATE"], "apiGroups": [kind.GROUP], "apiVersions": ["*"], "resources": ["widgets"]}]
        selector = {"objectSelector": {"matchLabels": {"probe": "yes"}}, "rules": rules}
        for resource in (MUTATING, VALIDATING):
            await self.register("zz-probe", resource, (PROBE, selector))
        probe = kind.widget("probe", kind.NAMESPACES[1])
        probe["metadata"]["labels"] = {"probe": "yes"}
        with anyio.fail_after(DEADLINE):
            for side, client in self.clients.items():
                while True:
                    self.reviewers.told[side].clear()
                    await client.create(kind.WIDGETS, probe, dryRun="All")
                    if [each["hook"] for each in self.reviewers.told[side]].count(PROBE) == len((MUTATING, VALIDATING)):
                        break
        for resource in (MUTATING, VALIDATING):
            for client in self.clients.values():
                await client.delete(resource, "zz-probe")
        for told in self.reviewers.told.values():
            told.clear()

    async def forget(self) -> None:
        for client in self.clients.values():
            for resource in (MUTATING, VALIDATING):
                for each in (await client.list(resource)).items:
                    await client.delete(resource, each["metadata"]["name"])
            await self._without_webhooks(client)
        self.reviewers.deeds.clear()
        self.reviewers.raw.clear()

    async def _without_webhooks(self, client: Client) -> None:
        side = next(name for name, each in self.clients.items() if each is client)
        with anyio.fail_after(DEADLINE):
            while True:
                before = len(self.reviewers.told[side])
                answer = await client.connection.request(
                    "POST", kind.WIDGETS.path(kind.NAMESPACES[1]), query="dryRun=All", body=_probe(), headers=JSON
                )
                if answer.status == 201 and len(self.reviewers.told[side]) == before:
                    break
            for namespace in kind.NAMESPACES:
                await client.delete_collection(kind.WIDGETS, namespace)


JSON = Headers([("content-type", "application/json")])


def _probe() -> bytes:
    return encoding.to_json(kind.widget("without-webhooks", kind.NAMESPACES[1]))


@asynccontextmanager
async def sides(local: Cluster, app: Cluster) -> AsyncIterator[Sides]:
    async with local.open() as one, app.open() as other, reviewers() as server:
        found = Sides({"local": one, "app": other}, server)
        yield found


# -- what differs between any two servers ------------------------------------------------------------------------------

_GENERATED = re.compile(r"\bgen-[a-z0-9]{5}\b")
_UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_VARYING = {"uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "time", "extra"}


def normalised(value: Any, key: str = "") -> Any:
    if key in _VARYING and value:
        return "…"
    if isinstance(value, dict):
        # The owner of a map of labels as such: the connector's own labels keep it from being empty.
        return {name: normalised(each, name) for name, each in value.items() if (key, name) != ("f:labels", ".")}
    if isinstance(value, list):
        found = [normalised(each) for each in value]
        # Their order is that of their times, in whole seconds.
        return sorted(found, key=json.dumps) if key == "managedFields" else found
    if isinstance(value, str):
        return _GENERATED.sub("gen-…", _UUID.sub("…", value.replace("/local/", "/side/").replace("/app/", "/side/")))
    return value


def differences(local: Any, through: Any, where: str = "") -> list[str]:
    if isinstance(local, dict) and isinstance(through, dict):
        keys = sorted({*local, *through})
        return [
            each for key in keys for each in differences(local.get(key, "-"), through.get(key, "-"), f"{where}.{key}")
        ]
    if isinstance(local, list) and isinstance(through, list) and len(local) == len(through):
        pairs = enumerate(zip(local, through, strict=True))
        return [each for at, (one, other) in pairs for each in differences(one, other, f"{where}[{at}]")]
    return [] if local == through else [f"{where}: {json.dumps(local)} != {json.dumps(through)}"]

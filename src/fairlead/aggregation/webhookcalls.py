"""One call of one admission webhook: where it is, what is sent, how long it may take.

A webhook names a Service or a URL. The API server reaches a Service by its cluster IP or its external name, and so do
we, who may run where no cluster DNS is asked; a headless one is reached by the addresses of its EndpointSlices. The
certificate is expected for `<service>.<namespace>.svc` either way.

Source: `pkg/util/webhook` and `pkg/util/proxy` of k8s.io/apiserver.
"""

import base64
import time
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from fairlead.client.api import Client
from fairlead.client.connection import Connection
from fairlead.client.endpoints import Endpoint
from fairlead.client.errors import ClientError
from fairlead.machinery import admission, encoding
from fairlead.machinery.admission import Answer, Attributes, Hook, ReviewError, Target
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Headers, Response
from fairlead.machinery.paths import Resource

Object = dict[str, Any]

SERVICES = Resource("", "v1", "services")
SLICES = Resource("discovery.k8s.io", "v1", "endpointslices")
_HEADERS = Headers([("content-type", "application/json"), ("accept", "application/json")])
_LOCATED_SECONDS = 10.0
_MOST_CONNECTIONS = 200
_MOST_TOLD = 200


class Caller:
    """Keeps connections open between calls; close it."""

    def __init__(self, app: Client) -> None:
        self._app = app
        self._connections: dict[Endpoint, Connection] = {}
        self._located: dict[tuple[str, str, int], tuple[float, str, int]] = {}

    async def call(self, hook: Hook, attributes: Attributes, target: Target) -> Answer:
        """Raises `ReviewError` where there is no answer, `BadRequest` for a webhook that may not be asked."""
        hook.check_dry_run(attributes)
        version, uid = hook.version, str(uuid.uuid4())
        body = encoding.to_json(admission.review(attributes, target, uid, version))
        answer = await self._post(hook, body)
        content = answer.body if isinstance(answer.body, bytes) else b""
        if answer.status >= 300:
            raise ReviewError(f"failed to call webhook: {_refused(answer.status, content)}")
        return Answer.read(content, hook, uid, version)

    async def _post(self, hook: Hook, body: bytes) -> Response:
        url = url_of(hook.client)
        query = f"timeout={hook.seconds}s"
        try:
            endpoint = await self.endpoint(hook.client)
            path = urlsplit(url).path or "/"
            return await self._connection(endpoint).request(
                "POST", path, query=query, headers=_HEADERS, body=body, timeout=hook.seconds
            )
        except FairleadError as error:
            self._located.clear()
            raise ReviewError(f'failed to call webhook: Post "{url}?{query}": {_why(error)}') from error

    def _connection(self, endpoint: Endpoint) -> Connection:
        """Open connections of webhooks that no longer exist are few, and end with the process."""
        found = self._connections.get(endpoint)
        if found is None:
            found = endpoint.open(user_agent="fairlead-admission")
            if len(self._connections) < _MOST_CONNECTIONS:
                self._connections[endpoint] = found
        return found

    async def endpoint(self, client: Mapping[str, Any]) -> Endpoint:
        bundle = base64.b64decode(client["caBundle"]) if client.get("caBundle") else None
        service = client.get("service")
        if service is None:
            url = urlsplit(str(client["url"]))
            host = url.hostname or ""
            return Endpoint(host, url.port or 443, host, bundle)
        host, port = await self._locate(service["namespace"], service["name"], int(service.get("port") or 443))
        return Endpoint(host, port, f"{service['name']}.{service['namespace']}.svc", bundle)

    async def _locate(self, namespace: str, name: str, port: int) -> tuple[str, int]:
        key = (namespace, name, port)
        at, host, found = self._located.get(key, (0.0, "", 0))
        if not host or time.monotonic() - at > _LOCATED_SECONDS:
            host, found = await self._look_up(namespace, name, port)
            self._located[key] = (time.monotonic(), host, found)
        return host, found

    async def _look_up(self, namespace: str, name: str, port: int) -> tuple[str, int]:
        spec = (await self._app.get(SERVICES, name, namespace)).get("spec") or {}
        if spec.get("type") == "ExternalName":
            return str(spec["externalName"]), port
        named = next((each for each in spec.get("ports") or () if each.get("port") == port), None)
        if named is None:
            raise FairleadError(f'no service port {port} found for service "{name}"')
        if spec.get("clusterIP") not in (None, "", "None"):
            return str(spec["clusterIP"]), port
        slices = await self._app.list(SLICES, namespace, label_selector=f"kubernetes.io/service-name={name}")
        for each in slices.items:
            place = _ready_place(each, named.get("name") or "")
            if place is not None:
                return place
        raise FairleadError(f'no endpoints available for service "{name}"')

    async def close(self) -> None:
        for each in self._connections.values():
            await each.close()
        self._connections.clear()


def url_of(client: Mapping[str, Any]) -> str:
    """As the API server names it in errors."""
    service = client.get("service")
    if service is None:
        return str(client.get("url") or "")
    host = f"{service['name']}.{service['namespace']}.svc:{service.get('port') or 443}"
    return f"https://{host}{service.get('path') or '/'}"


def _ready_place(endpoint_slice: Object, port_name: str) -> tuple[str, int] | None:
    ports = [each for each in endpoint_slice.get("ports") or () if (each.get("name") or "") == port_name]
    for each in endpoint_slice.get("endpoints") or ():
        if ports and each.get("addresses") and (each.get("conditions") or {}).get("ready") is not False:
            return str(each["addresses"][0]), int(ports[0]["port"])
    return None


def _refused(status: int, content: bytes) -> str:
    """As client-go says it."""
    try:
        said = encoding.from_json(content)
    except encoding.DecodeError:
        said = None
    if isinstance(said, dict) and said.get("kind") == "Status" and said.get("message"):
        return str(said["message"])
    if status == HTTPStatus.NOT_FOUND:
        return "the server could not find the requested resource"
    text = content.decode("utf-8", "replace").strip()[:_MOST_TOLD] or "unknown"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return f'an error on the server ("{text}") has prevented the request from succeeding'
    return f"the server responded with the status code {status} but did not return more information"


def _why(error: FairleadError) -> str:
    return error.why or error.what if isinstance(error, ClientError) else str(error)

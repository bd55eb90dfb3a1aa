"""The front-proxy trust of the moment, kept current by watching its ConfigMap.

A cluster rotates its front-proxy CA by publishing old and new together and dropping the old one later; who reads the
ConfigMap once keeps believing a CA that nobody guards any more, or stops working on the day of the change. What is read
goes to two places at once: the value that judges requests, and the TLS layer that lets peers in.

A ConfigMap that cannot be read, or is gone, changes nothing: the last good trust holds, and it is said in the log.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fairlead.aggregation.frontproxy import NAME, NAMESPACE, FrontProxyTrust
from fairlead.client import watching
from fairlead.client.api import Client
from fairlead.client.watching import Applied, Deleted, Event, Interrupted, Listed
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource
from fairlead.serving.tls import ServerTLS

CONFIGMAPS = Resource("", "v1", "configmaps")

_log = logging.getLogger(__name__)


class TrustFollower:
    def __init__(self, tls: ServerTLS | None = None) -> None:
        self._tls = tls
        self._trust = FrontProxyTrust.parse({})
        self._known = asyncio.Event()

    def trust(self) -> FrontProxyTrust:
        """Believes nobody until the ConfigMap has been read."""
        return self._trust

    async def known(self) -> None:
        """Returns once the ConfigMap has been read."""
        await self._known.wait()

    def take(self, configmap: Mapping[str, Any]) -> None:
        """Raises `frontproxy.TrustError` or `serving.certificates.CertificateError`, and then changes nothing."""
        trust = FrontProxyTrust.parse(configmap.get("data") or {})
        if self._tls is not None:
            self._tls.exchange(client_authorities=trust.client_authorities)
        self._trust = trust
        self._known.set()

    async def follow(self, events: AsyncIterator[Event]) -> None:
        """Until the events end, which those of `watch` never do."""
        async for event in events:
            match event:
                case Listed(items):
                    self._try(items[0] if items else None)
                case Applied(configmap):
                    self._try(configmap)
                case Deleted():
                    self._try(None)
                case Interrupted(error):
                    _log.warning("ConfigMap %s/%s cannot be watched: %s", NAMESPACE, NAME, error)

    def _try(self, configmap: Mapping[str, Any] | None) -> None:
        if configmap is None:
            _log.warning("ConfigMap %s/%s is gone; the last known trust holds", NAMESPACE, NAME)
            return
        try:
            self.take(configmap)
        except FairleadError as error:
            _log.error("%s; the last known trust holds", error)


def watch(client: Client) -> AsyncIterator[Event]:
    """What `TrustFollower.follow` follows; needs what the role `extension-apiserver-authentication-reader` grants."""
    return watching.watch(client, CONFIGMAPS, NAMESPACE, field_selector=f"metadata.name={NAME}")

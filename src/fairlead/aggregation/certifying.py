"""The serving certificate that all replicas share, kept in a Secret.

With a certificate of its own per replica every APIService would be right for one of them only. The Secret is created by
whoever comes first; all follow it, and the TLS layer takes each new leaf while it runs. Writing is `rotate`'s alone,
with the resourceVersion of what was decided on, so that even two who both believe to lead cannot mix their steps.

Without rights on the Secret the process keeps an authority of its own, as a single replica may, and says so once.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from fairlead.aggregation import rotating
from fairlead.aggregation.rotating import Material
from fairlead.client import watching
from fairlead.client.api import Client
from fairlead.client.watching import Applied, Deleted, Interrupted, Listed
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource
from fairlead.serving.certificates import CertificateError
from fairlead.serving.tls import ServerTLS

Object = dict[str, Any]

SECRETS = Resource("", "v1", "secrets")
ROTATE = "fairlead.dev/rotate-authority"
"""On the Secret, with any value: the leader makes a new authority and removes the annotation."""
# How long all APIServices must have carried a bundle before its leaf is served: API servers learn of it by watching.
ANNOUNCING = 10.0

_log = logging.getLogger(__name__)


class SharedCertificate:
    """`changed` is called whenever the bundle to publish may be another; `owners` are those of a new Secret."""

    def __init__(
        self,
        client: Client,
        namespace: str,
        name: str,
        dns: str,
        *,
        announcing: float = ANNOUNCING,
        changed: Callable[[], None] = lambda: None,
        owners: Callable[[], Sequence[Object]] = tuple,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._name = name
        self._dns = dns
        self._announcing = announcing
        self.changed = changed
        self._owners = owners
        self._clock = clock
        self._material = Material.create(dns)
        self._secret: Object | None = None
        self._announced: tuple[bytes, float] | None = None
        self.tls = ServerTLS(self._material.leaf, b"")
        self.shared = False

    @property
    def bundle(self) -> bytes:
        return self._material.bundle

    async def begin(self) -> None:
        """Reads the Secret or creates it. Raises what the client raises, and `CertificateError`."""
        try:
            self._take(await self._read() or await self._create())
        except statuses.Forbidden as error:
            _log.warning("without rights on its Secret the certificate is this process's own: %s", error)

    async def _read(self) -> Object | None:
        try:
            return await self._client.get(SECRETS, self._name, self._namespace)
        except statuses.NotFound:
            return None

    async def _create(self) -> Object:
        metadata: Object = {"name": self._name, "namespace": self._namespace}
        if owners := self._owners():
            metadata["ownerReferences"] = list(owners)
        document = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata,
            "type": "kubernetes.io/tls",
            "data": self._material.data,
        }
        try:
            return await self._client.create(SECRETS, document, self._namespace)
        except statuses.AlreadyExists:
            return await self._client.get(SECRETS, self._name, self._namespace)

    def _take(self, secret: Object) -> None:
        material = Material.parse(secret.get("data") or {})
        if material != self._material:
            self.tls.exchange(pair=material.leaf)
        self._material, self._secret, self.shared = material, secret, True
        self.changed()

    async def follow(self) -> None:
        """Until cancelled, where the Secret is ours to read; otherwise there is nothing to follow."""
        if not self.shared:
            return
        selector = f"metadata.name={self._name}"
        async for event in watching.watch(self._client, SECRETS, self._namespace, field_selector=selector):
            match event:
                case Applied(secret) | Listed([secret, *_]):
                    self._try(secret)
                case Deleted() | Listed([]):
                    self._secret = None  # the leader writes it again, as it was
                case Interrupted(error):
                    _log.warning("Secret %s/%s cannot be watched: %s", self._namespace, self._name, error)
                case _:
                    pass

    def _try(self, secret: Object) -> None:
        try:
            self._take(secret)
        except CertificateError as error:
            _log.error("Secret %s/%s: %s; the last good certificate holds", self._namespace, self._name, error)

    async def rotate(self, published: Iterable[bytes]) -> None:
        """One step, where one is due. `published` are the CA bundles of our APIServices, as they are now.

        Only for whoever leads. Raises what the client raises, `Conflict` where another was faster.
        """
        if not self.shared:
            return
        if self._secret is None:
            self._take(await self._create())
            return
        secret = self._secret
        asked = ROTATE in (secret["metadata"].get("annotations") or {})
        step = rotating.next_step(
            self._material, self._dns, datetime.now(UTC), announced=self._stands(published), asked=asked
        )
        if step is None:
            return
        annotations = dict(secret["metadata"].get("annotations") or {})
        if step.authority != self._material.authority:
            annotations.pop(ROTATE, None)
        metadata = {**secret["metadata"], "annotations": annotations}
        _log.info("the serving certificate in Secret %s/%s goes one step on", self._namespace, self._name)
        self._take(await self._client.replace(SECRETS, {**secret, "metadata": metadata, "data": step.data}))

    def _stands(self, published: Iterable[bytes]) -> bool:
        """Whether all of them have been our bundle for long enough."""
        if any(each != self.bundle for each in published):
            self._announced = None
            return False
        if self._announced is None or self._announced[0] != self.bundle:
            self._announced = (self.bundle, self._clock())
        return self._clock() - self._announced[1] >= self._announcing

    async def check(self, published: Iterable[bytes]) -> None:
        """A health check: the served leaf chains to every published bundle. Raises `UntrustedLeafError`."""
        leaf = self.tls.pair
        if leaf.expires <= datetime.now(UTC):
            raise UntrustedLeafError("the serving certificate has expired")
        if not all(rotating.chains(leaf.certificate, each) for each in published):
            raise UntrustedLeafError("the serving certificate does not chain to the published CA bundle")


class UntrustedLeafError(FairleadError):
    """API servers would refuse the certificate that is served."""

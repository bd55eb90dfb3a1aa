"""What an OpenID Connect provider says of itself: where its keys are, where it gives tokens, what it can do.

Source: OpenID Connect Discovery 1.0 §4; RFC 8414 for those that serve only the plain OAuth document.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from fairlead.identity.errors import ProviderError
from fairlead.identity.fetching import Fetcher
from fairlead.identity.kept import Kept


class Provider:
    def __init__(self, issuer: str, fetcher: Fetcher, clock: Callable[[], float] = time.monotonic) -> None:
        self.issuer = issuer
        self.fetcher = fetcher
        self._document = Kept(self._discover, clock)

    async def document(self) -> Mapping[str, Any]:
        """Raises `ProviderError`."""
        return await self._document.get()

    async def endpoint(self, name: str) -> str:
        """An address of the document, such as `jwks_uri`. Raises `ProviderError` where it has none."""
        found = (await self.document()).get(name)
        if not isinstance(found, str) or not found:
            raise ProviderError(f"the identity provider {self.issuer} has no {name}")
        return found

    async def registers(self) -> bool:
        """Whether clients can register themselves, or describe themselves by an address (CIMD)."""
        found = await self.document()
        return bool(found.get("registration_endpoint") or found.get("client_id_metadata_document_supported"))

    async def _discover(self) -> Mapping[str, Any]:
        """The issuer has to be ours to the letter: tokens are compared with it."""
        found = await self._fetch()
        if found.get("issuer") != self.issuer:
            raise ProviderError(
                f"the identity provider {self.issuer} cannot be used",
                f"its document says that it is {str(found.get('issuer'))[:200]}",
                "write the issuer as the document has it, trailing slash included",
            )
        return found

    async def _fetch(self) -> dict[str, Any]:
        try:
            return await self.fetcher.get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        except ProviderError as error:
            parts = urlsplit(self.issuer)
            path = f"/.well-known/oauth-authorization-server{parts.path.rstrip('/')}"
            try:
                return await self.fetcher.get(f"{parts.scheme}://{parts.netloc}{path}")
            except ProviderError:
                raise error from None

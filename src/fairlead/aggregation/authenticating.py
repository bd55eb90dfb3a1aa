"""Who asks: the front proxy's word, else a client certificate, else a bearer token, else nobody.

The order is that of generic API servers. A credential that was shown and convinces no one is refused with 401 rather
than passed as anonymous: its owner means to be someone.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from fairlead.aggregation import tokens
from fairlead.aggregation.frontproxy import FrontProxyTrust
from fairlead.machinery import statuses
from fairlead.machinery.messages import Request
from fairlead.machinery.principals import NOBODY, Principal

Identify = Callable[[str], Awaitable[Principal | None]]
"""Whose a bearer token is; `tokens.TokenReviews.authenticate` asks the API server."""


class Authenticator:
    """`trust` answers the value of the moment; without `identify` no token convinces."""

    def __init__(
        self,
        trust: Callable[[], FrontProxyTrust],
        identify: Identify | None = None,
        remaining: Callable[[float], None] | None = None,
    ) -> None:
        """`remaining` is told for how many seconds a certificate that convinced is still valid."""
        self._trust = trust
        self._identify = identify
        self._remaining = remaining

    async def authenticate(self, request: Request) -> Principal:
        """Raises `statuses.Unauthorized`, or `statuses.InternalError` where a token cannot be reviewed."""
        trust = self._trust()
        token = tokens.bearer(request.headers)
        found = trust.authenticate(request) or trust.authenticate_user(request)
        if found is not None and self._remaining is not None and (end := trust.expires(request)):
            self._remaining((end - datetime.now(UTC)).total_seconds())
        if found is None and token and self._identify is not None:
            found = await self._identify(token)
        if found is not None:
            return found.authenticated()
        if token or request.peer_certificate is not None:
            raise statuses.Unauthorized("Unauthorized")
        return NOBODY

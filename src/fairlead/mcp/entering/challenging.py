"""The answers to who may not come in, so that a client knows what to do: log in, ask for more, or give up.

A client that brought nothing is told where to log in and is accused of nothing. One whose token is not good is told
why. One that may come in but not do this is told all the scopes that it takes, because it asks for exactly those. Who
is not among a server's users gets no challenge: no other token of theirs would help.

Source: RFC 6750 §3; RFC 9728 §5.1; reference/mcp-and-gateways.md §1.3, §2.5.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from starlette.responses import JSONResponse, Response

from fairlead.identity.errors import TokenError


@dataclass(frozen=True)
class Challenges:
    """Of one server, as it is reached by this request."""

    resource_metadata: Callable[[], str]

    def missing(self, scopes: Iterable[str]) -> Response:
        return self._challenge(401, "", "a token is needed", scopes)

    def invalid(self, error: TokenError, scopes: Iterable[str]) -> Response:
        description = "; ".join(each for each in (error.what, error.remedy) if each)
        return self._challenge(401, "invalid_token", description, scopes)

    def insufficient(self, scopes: Iterable[str]) -> Response:
        return self._challenge(403, "insufficient_scope", "the scopes of the token do not reach this", scopes)

    def malformed(self, description: str) -> Response:
        """Credentials in a way that is not one."""
        return self._challenge(400, "invalid_request", description, ())

    def _challenge(self, status: int, error: str, description: str, scopes: Iterable[str]) -> Response:
        said = {"error": error, "error_description": description} if error else {}
        said["resource_metadata"] = self.resource_metadata()
        if wanted := " ".join(scopes):
            said["scope"] = wanted
        header = "Bearer " + ", ".join(f'{key}="{_quotable(value)}"' for key, value in said.items())
        body = {"error": error or "unauthorized", "error_description": description}
        return JSONResponse(body, status, {"WWW-Authenticate": header, "Cache-Control": "no-store"})


def not_admitted() -> Response:
    description = "this server is not for you; whoever runs it says for whom under `access`"
    return JSONResponse({"error": "access_denied", "error_description": description}, 403)


def unavailable() -> Response:
    """Not 401: logging in again would not help, and costs a person's time."""
    body = {"error": "temporarily_unavailable", "error_description": "the identity provider cannot be asked"}
    return JSONResponse(body, 503, {"Retry-After": "10"})


def _quotable(text: str) -> str:
    return "".join(each for each in text if 32 <= ord(each) < 127 and each not in '"\\')

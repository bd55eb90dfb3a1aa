"""An MCP client with a person before it, as the official SDK makes one: it finds the provider, registers, and logs in.

The person is a browser without a screen: forms of Keycloak, filled in and sent until it redirects to the client.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import httpx2
import jwt
from mcp import Client
from mcp.client.auth import OAuthClientProvider, OAuthRegistrationError
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

CALLBACK = "http://127.0.0.1:33418/callback"
PASSWORD = "a-password-of-the-tests"
_MOST_PAGES = 6


@dataclass
class Agent:
    """Also what the SDK keeps of a login; its `token` may be taken away or exchanged by a test."""

    trusting: ssl.SSLContext
    person: str
    callback: str = CALLBACK
    document: str = ""
    """Where it describes itself, instead of registering."""
    token: OAuthToken | None = None
    registered: OAuthClientInformationFull | None = None
    answered: dict[str, list[str]] = field(default_factory=dict)
    """What the provider added to the address of the client."""

    login: OAuthClientProvider | None = None
    seen: str = ""
    """The page that its person saw last."""

    @asynccontextmanager
    async def connected(self, url: str, mode: Literal["auto", "legacy"] = "auto") -> AsyncIterator[Client]:
        wanted = OAuthClientMetadata.model_validate(
            {"client_name": "An agent", "redirect_uris": [self.callback], "token_endpoint_auth_method": "none"}
        )
        self.login = OAuthClientProvider(
            server_url=url,
            client_metadata=wanted,
            storage=self,
            redirect_handler=self._log_in,
            callback_handler=self._came_back,
            client_metadata_url=self.document or None,
        )
        async with (
            httpx2.AsyncClient(verify=self.trusting, auth=self.login, timeout=300, trust_env=False) as http,
            Client(streamable_http_client(url, http_client=http), mode=mode) as client,
        ):
            yield client

    @property
    def claims(self) -> dict[str, Any]:
        """Of the token that it has."""
        assert self.token is not None
        return jwt.decode(self.token.access_token, options={"verify_signature": False})

    def expire(self) -> None:
        """To its own mind; the provider's is not asked."""
        assert self.login is not None
        self.login.context.token_expiry_time = 1.0

    async def fails(self, url: str, *call: Any) -> None:
        """To connect, or else to call; the SDK says no more than that, so the test looks at what counts itself."""
        try:
            async with self.connected(url) as client:
                if call:
                    await client.call_tool(*call)
        except (Exception, BaseExceptionGroup):
            return
        raise AssertionError("it came in")

    async def refused(self, url: str) -> tuple[int, str]:
        """Status and text of the answer to a login whose token is not taken."""
        await self.fails(url)
        assert self.token is not None, "it never came to a token"
        headers = {
            "Authorization": f"Bearer {self.token.access_token}",
            "Accept": "application/json, text/event-stream",
        }
        body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        async with httpx2.AsyncClient(timeout=300, trust_env=False) as http:
            answer = await http.post(url, json=body, headers=headers)
        return answer.status_code, answer.text

    async def cannot_register(self, url: str) -> str:
        """Why."""
        try:
            async with self.connected(url):
                pass
        except OAuthRegistrationError as refused:
            return str(refused)
        except BaseExceptionGroup as group:
            error: BaseException = group
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            if isinstance(error, OAuthRegistrationError):
                return str(error)
            raise
        raise AssertionError("it could register")

    async def get_tokens(self) -> OAuthToken | None:
        return self.token

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.token = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.registered

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.registered = client_info

    async def _log_in(self, url: str) -> None:
        self.answered = parse_qs(urlsplit(await self.log_in(url)).query)

    async def log_in(self, url: str) -> str:
        """To where the person is sent back; raises `LoginError` for a page with nothing more to fill in."""
        async with httpx2.AsyncClient(verify=self.trusting, timeout=300, trust_env=False) as browser:
            answer = await browser.get(url)
            for _ in range(_MOST_PAGES):
                if answer.is_redirect:
                    where: str = answer.headers["location"]
                    if where.startswith(self.callback):
                        return where
                    answer = await browser.get(where)
                    continue
                self.seen = answer.text
                form = Form.read(answer.text)
                filled = form.fields | {"username": self.person, "password": PASSWORD, "accept": "Yes"}
                answer = await browser.post(answer.url.join(form.action), data=filled)
        raise LoginError(answer.text)

    async def _came_back(self) -> AuthorizationCodeResult:
        if "error" in self.answered:
            raise LoginError(str(self.answered))
        (code,), (state,), (issuer,) = (self.answered[each] for each in ("code", "state", "iss"))
        return AuthorizationCodeResult(code=code, state=state, iss=issuer)


class LoginError(Exception):
    """The page that the person saw last."""


class Form(HTMLParser):
    """The first form of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    @classmethod
    def read(cls, page: str) -> "Form":
        form = cls()
        form.feed(page)
        if not form.action:
            raise LoginError(page)
        return form

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        said = dict(attrs)
        if tag == "form":
            self.action = self.action or said["action"]
        elif tag == "input" and said.get("type") == "hidden" and said.get("name"):
            self.fields[said["name"]] = said.get("value") or ""

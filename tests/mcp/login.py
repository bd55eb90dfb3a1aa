"""The SDK's client, which finds out by itself where to log in; whoever logs in there is logged in without a form."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import httpx2
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

CALLBACK = "http://localhost:3000/callback"


class Memory:
    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Browser:
    """Follows the address that it is sent to, up to the callback."""

    def __init__(self) -> None:
        self.visited: list[str] = []

    async def visit(self, address: str) -> None:
        self.visited.append(address)

    async def called_back(self) -> AuthorizationCodeResult:
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.visited[-1], allow_redirects=False) as answer,
        ):
            found: dict[str, list[Any]] = parse_qs(urlsplit(answer.headers["Location"]).query)
        issuer = found.get("iss")
        return AuthorizationCodeResult(
            code=found["code"][0], state=found["state"][0], iss=issuer[0] if issuer else None
        )


@asynccontextmanager
async def logged_in(url: str, mode: str = "auto") -> AsyncIterator[tuple[Client, Browser, Memory]]:
    browser, memory = Browser(), Memory()
    auth = OAuthClientProvider(
        url,
        OAuthClientMetadata(redirect_uris=[CALLBACK], client_name="test"),  # type: ignore[list-item]  # as JSON has it
        memory,
        browser.visit,
        browser.called_back,
    )
    async with (
        httpx2.AsyncClient(auth=auth, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client, browser, memory

"""Fixtures of the connector's tests."""

import socket
from typing import Any

import pytest

from fairlead.serving import loops
from tests.connector.doubles import DOMAIN, ROUTER


@pytest.fixture
def space_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Space's names are resolved to loopback in this process, as DNS would to its hosts."""
    known = socket.getaddrinfo

    def resolve(host: Any, *arguments: Any, **named: Any) -> Any:
        return known("127.0.0.1" if host in (ROUTER, f"auth.{DOMAIN}") else host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(loops, "factory", lambda: None)  # uvloop has a resolver of its own

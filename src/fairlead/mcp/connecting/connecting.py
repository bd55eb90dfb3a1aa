"""How MCP clients are told of a server: for each of them the exact command, or the exact text for its file.

Every client has a format of its own, and the differences are traps: VS Code's key is `servers`, Gemini's `url` without
a type is another transport, Claude Desktop's file takes no addresses at all. So each is written down here as a
function, and what has a command line on npm is tried by `tests/mcp/clients`. Nothing is changed in the client's files
by us: they hold other servers too, and a person should see what is added.

A secret is never part of it: a token is named by an environment variable of the client's, or the client logs in itself
(OAuth), for which the server's answer to a request without a token is all that it needs.
"""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from fairlead.machinery.errors import FairleadError

_LOCAL = ("127.0.0.1", "::1", "localhost")


class ConnectError(FairleadError):
    """Clients cannot be told of a server in this way."""


@dataclass(frozen=True)
class Pipe:
    """The client starts a command and talks to it over standard input and output."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Address:
    url: str
    logs_in: bool = False
    """Whether the server wants a token, for which the client sends its person to the identity provider."""
    client_id: str = ""
    """Of a client that is registered there already; empty where clients register themselves."""
    token_variable: str = ""
    """An environment variable of the client's with a token, instead of a login."""

    @property
    def is_local(self) -> bool:
        return urlsplit(self.url).hostname in _LOCAL


Way = Pipe | Address


@dataclass(frozen=True)
class Command:
    """To be run in a shell."""

    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join(self.arguments)


@dataclass(frozen=True)
class Snippet:
    """To be merged into a file."""

    file: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Note:
    text: str

    def __str__(self) -> str:
        return self.text


Step = Command | Snippet | Note


@dataclass(frozen=True)
class Client:
    name: str
    title: str
    steps: Callable[[str, Way], tuple[Step, ...]] = field(repr=False, compare=False)


def address(url: str, server: str) -> str:
    """Of a server's end point, from that or from where all of them are served. Raises `ConnectError`."""
    try:
        parts = urlsplit(url)
        wrong = parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0
    except ValueError:
        wrong = True
    if wrong or parts.username or parts.query or parts.fragment or not url.isprintable() or " " in url:
        raise ConnectError(
            "this is no address of a server", "", "an http or https URL without user, query and fragment"
        )
    path = parts.path.rstrip("/")
    return url.rstrip("/") if path.endswith("/mcp") else f"{url.rstrip('/')}/s/{server}/mcp"

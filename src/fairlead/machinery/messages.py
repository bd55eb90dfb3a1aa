"""Requests and responses as values.

Every server of ours is a function from `Request` to `Response`, free of any web framework: it is tested by calling it,
and the HTTP server under it can be exchanged (today uvicorn; see `serving`). Headers stay a list of pairs, because
`X-Remote-Group` and `Warning` repeat and joining them with commas loses information.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import parse_qsl

Pairs = tuple[tuple[str, str], ...]


class Headers:
    """Ordered header lines with duplicates; names are lower-case, values are decoded as UTF-8 (as Go's server does)."""

    __slots__ = ("lines",)

    def __init__(self, lines: Iterable[tuple[str, str]] = ()) -> None:
        self.lines: Pairs = tuple((name.lower(), value) for name, value in lines)

    def get(self, name: str, default: str = "") -> str:
        """The first line of that name: what Go's `Header.Get` answers."""
        name = name.lower()
        return next((value for key, value in self.lines if key == name), default)

    def all(self, name: str) -> list[str]:
        name = name.lower()
        return [value for key, value in self.lines if key == name]

    def __contains__(self, name: str) -> bool:
        return any(key == name.lower() for key, _ in self.lines)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self.lines == other.lines

    def __hash__(self) -> int:
        return hash(self.lines)

    def __repr__(self) -> str:
        return f"Headers({[name for name, _ in self.lines]})"  # values may be credentials


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    """Percent-decoded, without the query."""
    query: str = ""
    """As it arrived, still encoded."""
    headers: Headers = field(default_factory=Headers)
    body: bytes = field(default=b"", repr=False)
    peer_certificate: bytes | None = field(default=None, repr=False)
    """DER of the client certificate of the TLS connection, checked by no one yet."""

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The first value of each query parameter, as Go reads them; blank values are kept."""
        found: dict[str, str] = {}
        for key, value in parse_qsl(self.query, keep_blank_values=True):
            found.setdefault(key, value)
        return found


@dataclass(frozen=True)
class Response:
    status: int
    headers: Headers = field(default_factory=Headers)
    body: bytes | AsyncIterator[bytes] = field(default=b"", repr=False)
    """An iterator is streamed chunk by chunk; a server closes it (`aclose`) as soon as the client has gone."""


Handler = Callable[[Request], Awaitable[Response]]

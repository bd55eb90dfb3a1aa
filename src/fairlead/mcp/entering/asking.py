"""What a request asks for, as far as letting it in depends on it: its token, and the tools that its body calls.

The body is read once and handed on as it was. One that cannot be read asks for nothing that would need more than
reading: the protocol's library refuses it.
"""

from typing import Any

from starlette.requests import Request
from starlette.types import Message

from fairlead.machinery import encoding
from fairlead.mcp.callers import Caller
from fairlead.mcp.deciding import policy
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.tools import ToolClass

MOST_BYTES = 4 << 20
_ORDER = list(ToolClass)
_ANYBODY = Caller("anybody")


class TooLargeError(Exception):
    """The body is larger than any call."""


class Asked:
    def __init__(self, request: Request) -> None:
        self.request = request
        self._messages: list[Message] = []

    def token(self) -> tuple[str, str]:
        """What is wrong with how it is brought, and the token; both empty where there is none."""
        lines = self.request.headers.getlist("authorization")
        if self.request.scope["query_string"] and "access_token" in self.request.query_params:
            return "a token in the address is not accepted", ""
        if len(lines) > 1:
            return "more than one Authorization", ""
        scheme, _, token = (lines[0] if lines else "").strip().partition(" ")
        if scheme and scheme.lower() != "bearer":
            return "", ""
        token = token.strip()
        return ("", token) if not scheme or (token and token.isascii() and " " not in token) else ("no token", "")

    async def most(self, gate: Gate) -> ToolClass:
        """What the tools that are called may do at most; only reading where none is.

        A tool that the server does not have, or has for nobody, needs no scope: it is unknown. Raises `TooLargeError`.
        """
        found = [ToolClass.READ]
        for name in await self._called():
            tool = gate.offer.tools.get(name)
            if tool is not None and policy.authorize(gate.server, tool, _ANYBODY).allowed:
                found.append(tool.tool_class)
        return max(found, key=_ORDER.index)

    async def _called(self) -> list[str]:
        if self.request.method != "POST":
            return []
        try:
            found = encoding.from_json(await self._body())
        except encoding.DecodeError:
            return []
        calls = found if isinstance(found, list) else [found]
        return [each for each in map(_name, calls) if each]

    async def _body(self) -> bytes:
        body = bytearray()
        while True:
            message = await self.request.receive()
            self._messages.append(message)
            body += message.get("body", b"")
            if len(body) > MOST_BYTES:
                raise TooLargeError
            if not message.get("more_body", False):
                return bytes(body)

    async def receive(self) -> Message:
        """For whoever comes next: what was read already, and then the rest."""
        return self._messages.pop(0) if self._messages else await self.request.receive()


def _name(message: Any) -> str:
    """Of the tool that a message calls."""
    if not isinstance(message, dict) or message.get("method") != "tools/call":
        return ""
    parameters = message.get("params")
    name = parameters.get("name") if isinstance(parameters, dict) else None
    return name if isinstance(name, str) else ""

"""Running a command in a container, and what became of it.

A command that fails has still run: its exit code is an answer and no error. One that could not be started, or whose end
was not seen, is told apart from both, because whoever asked must know what may have been done.

Source: k8s.io/api core/v1 PodExecOptions; the Status on the error channel, k8s.io/cri-streaming
`pkg/streaming/remotecommand/status.go`.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from fairlead.client import websockets
from fairlead.client.api import Client, refusal
from fairlead.machinery import encoding
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource

PODS = Resource("", "v1", "pods")


class NotStartedError(FairleadError):
    """The command could not be run at all."""


@dataclass(frozen=True)
class Command:
    namespace: str
    pod: str
    container: str
    """Empty: the pod's only one."""
    argv: tuple[str, ...]

    @property
    def query(self) -> str:
        wanted = [("command", each) for each in self.argv] + [("stdout", "true"), ("stderr", "true")]
        return urlencode(wanted + ([("container", self.container)] if self.container else []))


@dataclass(frozen=True)
class Ran:
    stdout: str = field(repr=False)
    stderr: str = field(repr=False)
    code: int | None
    """None where its end was not seen."""
    cut: int = 0
    """Bytes that were printed beyond those kept."""


@dataclass
class _Output:
    most: int
    kept: dict[int, bytearray]
    cut: int = 0

    def take(self, channel: int, data: bytes) -> None:
        room = self.most - sum(map(len, self.kept.values()))
        self.kept[channel] += data[:room]
        self.cut += len(data) - len(data[:room])

    def text(self, channel: int) -> str:
        return self.kept[channel].decode("utf-8", "replace")


async def run(client: Client, command: Command, *, seconds: float, most: int) -> Ran:
    """Waits `seconds` for its end; `most` bytes of output are kept.

    Raises `NotStartedError`, what `Client` raises for a refusal, and `ClientError` where the connection failed.
    """
    path = PODS.path(command.namespace, command.pod, "exec")
    output = _Output(most, {websockets.STDOUT: bytearray(), websockets.STDERR: bytearray()})
    async with client.connection.upgraded(path, query=command.query) as answer:
        if isinstance(answer, websockets.Refused):
            raise refusal(answer.status, answer.body, answer.headers)
        code = None
        try:
            async with asyncio.timeout(seconds):
                code = await _followed(answer, output)
        except TimeoutError:
            pass
    return Ran(output.text(websockets.STDOUT), output.text(websockets.STDERR), code, output.cut)


async def _followed(answer: websockets.Upgraded, output: _Output) -> int | None:
    """Its exit code; None where the server ended the exchange without one."""
    async for channel, data in answer.frames():
        if channel == websockets.ERROR:
            return _code(encoding.from_json(data))
        if channel in output.kept:
            output.take(channel, data)
    return None


def _code(status: Any) -> int:
    """Raises `NotStartedError`."""
    if status.get("status") == "Success":
        return 0
    for each in (status.get("details") or {}).get("causes") or ():
        if each.get("reason") == "ExitCode":
            return int(each["message"])
    raise NotStartedError("the command could not be run", str(status.get("message") or "the container did not say why"))

"""Serving on a port, by this process or by several."""

import socket
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import typer

from fairlead.cli.stopping import until_asked
from fairlead.mcp.operating import running, workers
from fairlead.mcp.operating.running import Serving
from fairlead.serving import listening, loops
from fairlead.serving.listening import Listening


def serve(serving: Serving, port: int, metrics_port: int, count: int) -> None:
    """Until a signal comes. What is wrong is said before anything is opened."""
    exposure = serving.exposure
    exposure.check_transport()
    first = serving.source.first(serving.source.read())
    exposure.check(first.values())
    with ExitStack() as sockets:
        bound = sockets.enter_context(listening.bind(exposure.address, port))
        if metrics_port:
            shown = sockets.enter_context(listening.bind(exposure.address, metrics_port))
            serving = replace(serving, metrics=shown)
        if count == 1:
            loops.run(until_asked(running.serve_port(serving, bound, lambda *held: _say(serving, *held))))
        else:
            _by_several(serving, bound, count, first)


def _by_several(serving: Serving, bound: socket.socket, count: int, names: Iterable[str]) -> None:
    address = bound.getsockname()
    where = Listening(address[0], address[1], serving.tls is not None)

    def work(key: Path, started: Callable[[], None]) -> None:
        one = replace(serving, seal_key_file=key, manner=replace(serving.manner, stateless=True))
        loops.run(until_asked(running.serve_port(one, bound, lambda *_: started())))

    workers.serve(count, serving.seal_key_file, work, lambda: _say(serving, where, names))


def _say(serving: Serving, listener: Listening, names: Iterable[str]) -> None:
    for name in sorted(names):
        typer.echo(f"ready: {listener.url}{'/mcp' if name == serving.alone else f'/s/{name}/mcp'}")

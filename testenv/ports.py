"""Ports of 127.0.0.1 that stay ours from before a server starts until after it has ended.

A free port that is only looked up may be taken by anyone before the server binds it: by another test process, or by an
outgoing connection. So the socket that found it is kept. Bound but not listening, it is in everybody's way except for
servers that set SO_REUSEADDR, as Go's do (Linux).
"""

import socket


class Ports:
    def __init__(self, *names: str) -> None:
        self._held = {name: _hold() for name in names}

    def __getitem__(self, name: str) -> int:
        port: int = self._held[name].getsockname()[1]
        return port

    def close(self) -> None:
        for each in self._held.values():
            each.close()


def _hold() -> socket.socket:
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    # Only now: had both this been set before, the kernel might have chosen a port that another test process holds.
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return held

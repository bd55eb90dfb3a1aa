"""A wire between a client and a server whose two directions can be held, so that a test may act at a chosen moment.

What passes is encrypted, so a request is told from the rest by its size: the test pads it.
"""

import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from fairlead.machinery import encoding

LARGE = 4096
"""Bytes; nothing but the padded request is sent in so large a piece."""


class Relay:
    """Everything passes at first."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.asking, self.answering = threading.Event(), threading.Event()
        self.large = threading.Event()
        """Set when a large piece has come from the client; held or not."""
        self._open: set[socket.socket] = set()
        self.pass_all()
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self, direction: threading.Event) -> None:
        """`asking` is towards the server, `answering` back."""
        self.large.clear()
        direction.clear()

    def pass_all(self) -> None:
        self.large.clear()
        self.asking.set()
        self.answering.set()

    def cut(self) -> None:
        """All connections end here, and what was held never arrives."""
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._open.clear()

    def close(self) -> None:
        self._listener.close()
        self.cut()
        self.pass_all()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._target)
            except OSError:
                near.close()
                continue
            self._open |= {near, far}
            for source, target, gate in ((near, far, self.asking), (far, near, self.answering)):
                pieces: queue.SimpleQueue[bytes] = queue.SimpleQueue()
                threading.Thread(target=self._take, args=(source, pieces, gate), daemon=True).start()
                threading.Thread(target=self._give, args=(target, pieces, gate), daemon=True).start()

    def _take(self, source: socket.socket, pieces: "queue.SimpleQueue[bytes]", gate: threading.Event) -> None:
        """Goes on while the way is held, so that what comes is seen."""
        with suppress(OSError):
            while piece := source.recv(1 << 16):
                if len(piece) >= LARGE and gate is self.asking:
                    self.large.set()
                pieces.put(piece)
        pieces.put(b"")

    def _give(self, target: socket.socket, pieces: "queue.SimpleQueue[bytes]", gate: threading.Event) -> None:
        with suppress(OSError):
            while piece := pieces.get():
                gate.wait()
                target.sendall(piece)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)
        target.close()
        self._open.discard(target)


@contextmanager
def relayed(kubeconfig: Path, folder: Path) -> Iterator[tuple[Relay, Path]]:
    """And a kubeconfig that leads through it."""
    document = encoding.from_yaml(kubeconfig.read_bytes())
    cluster = document["clusters"][0]["cluster"]
    server = urlsplit(cluster["server"])
    relay = Relay(server.hostname or "", server.port or 443)
    cluster["server"] = f"{server.scheme}://127.0.0.1:{relay.port}"
    path = folder / "through-relay.kubeconfig"
    path.write_bytes(encoding.to_json(document))
    try:
        yield relay, path
    finally:
        relay.close()

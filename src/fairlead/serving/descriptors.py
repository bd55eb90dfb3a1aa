"""uvloop, but a socket that is handed to it and fails there has its descriptor closed once.

aiohttp connects a socket and gives it to `create_connection`. Where the server resets it before TLS has begun, uvloop
0.23 closes the descriptor and leaves the Python object believing that it still has it. What the object closes when it
is collected is whoever was given that number meanwhile, perhaps the connection of another caller: that is how a
control plane that died under many watches took the connector with it. asyncio's own loop is not affected; uvloop's
issues 645, 653 and 738 tell of relatives of it, of which 0.23 mended one.
"""

import socket
from typing import Any

import uvloop


class Loop(uvloop.Loop):
    async def create_connection(self, *args: Any, sock: socket.socket | None = None, **options: Any) -> Any:
        """A socket is the loop's from here on, as it is asyncio's: if it fails, its object forgets the descriptor."""
        try:
            return await super().create_connection(*args, sock=sock, **options)
        except BaseException:
            if sock is not None:
                sock.detach()
            raise

"""A program of two workers that say who they are; `slow` answers when a file is there, `failing` never serves."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from fairlead.cli.stopping import forever, until_asked
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.serving import listening, loops, supervising

GO = Path(sys.argv[1])
SOCKET = listening.bind()


async def answer(request: Request) -> Response:
    if request.path == "/slow":
        await asyncio.to_thread(wait)
    return Response(200, Headers(), str(os.getpid()).encode())


def wait() -> None:
    while not GO.exists():
        time.sleep(0.02)


def work(started: Callable[[], None]) -> None:
    if "failing" in sys.argv:
        raise FairleadError("nothing can be served", "the test wants it so")
    loops.run(until_asked(serve(started)))


async def serve(started: Callable[[], None]) -> None:
    async with listening.listen(answer, bound=SOCKET):
        started()
        await forever()


def ready() -> None:
    print(SOCKET.getsockname()[1], flush=True)


if __name__ == "__main__":
    try:
        supervising.supervise(2, work, ready)
    except FairleadError as error:
        print(error, file=sys.stderr)
        sys.exit(1)

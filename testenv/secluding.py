"""`python secluding.py PORT PROGRAM ARGUMENT…`: runs a program in a network of its own, with one way out.

Some programs listen on fixed ports of every interface, and nothing of theirs changes that; two of them on one machine
are one too many, and tests run side by side. So this process moves into a new network namespace, whose loopback is
empty, and becomes the program; what it sends to 127.0.0.1:PORT reaches the same port of the machine, through a relay
that has stayed outside with the listening socket. The road not taken is a veth cable: the servers to be reached listen
on loopback alone.

Needs the right to make namespaces: root's, or a kernel that lets users make their own.
"""

import asyncio
import ctypes
import fcntl
import os
import socket
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

LOOPBACK = "127.0.0.1"
CLONE_NEWUSER = 0x10000000  # linux/sched.h
CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914  # linux/sockios.h
IFF_UP = 0x1  # linux/if.h


def main(arguments: Sequence[str]) -> int:
    port, *command = arguments
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        asyncio.run(_relay(theirs, int(port)))
        os._exit(0)
    theirs.close()
    ours.set_inheritable(True)  # its end tells the relay of the program's
    _seclude()
    with socket.create_server((LOOPBACK, int(port))) as listening:
        socket.send_fds(ours, [b"."], [listening.fileno()])
    os.execv(command[0], command)  # noqa: S606 - whatever a test starts


def _seclude() -> None:
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET | (CLONE_NEWUSER if user else 0)):
        number = ctypes.get_errno()
        raise OSError(number, f"no network namespace can be made here: {os.strerror(number)}")
    if user:
        own = Path("/proc/self")
        (own / "setgroups").write_text("deny", encoding="ascii")
        (own / "uid_map").write_text(f"{user} {user} 1", encoding="ascii")
        (own / "gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


async def _relay(program: socket.socket, port: int) -> None:
    """Until the program ends, or has never begun."""
    _, given, _, _ = socket.recv_fds(program, 1, 1)
    if not given:
        return

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pipe(reader, there[1]), _pipe(there[0], writer))

    program.setblocking(False)
    async with await asyncio.start_server(carry, sock=socket.socket(fileno=given[0])):
        await asyncio.get_running_loop().sock_recv(program, 1)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

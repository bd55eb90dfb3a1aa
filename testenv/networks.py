"""Machines with a network between them, out of network namespaces and virtual cables (Linux, as root).

A connector has one address and can lose one network while another stands only if it really has its own. A `Network` is
a bridge of the machine that runs the tests, which has the first address in it; a `Machine` is a network namespace with
a cable to each network that it is plugged into. Nothing is routed and nothing leads outside. All names hold the number
of the process that made them, so that what a killed one has left is found and removed by the next.

The addresses are of 198.18.0.0/15, which is set aside for tests (RFC 2544).
"""

import itertools
import os
import re
import subprocess
from types import TracebackType

from testenv.closing import Closing
from testenv.processes import ServerError

_NUMBERS = itertools.count(1)
_OURS = re.compile(r"\bfl(\d+)[bnv]\d+\b")


class Network(Closing):
    """`with Network() as network`. Raises `ServerError` where the rights for it are missing."""

    def __init__(self) -> None:
        self.bridge = _name("b")
        self._subnet = ""
        self._taken = itertools.count(10)

    @property
    def host(self) -> str:
        """The address of the tests' own machine."""
        return f"{self._subnet}.1"

    def __enter__(self) -> "Network":
        _sweep()
        _ip("link", "add", self.bridge, "type", "bridge")
        with self._or_close():
            self._subnet = _free_subnet()
            _ip("addr", "add", f"{self.host}/24", "dev", self.bridge)
            _ip("link", "set", self.bridge, "up")
        return self

    def close(self) -> None:
        _ip("link", "del", self.bridge)

    def next_address(self) -> str:
        return f"{self._subnet}.{next(self._taken)}"


class Machine:
    """`with Machine() as machine`; its programs must have ended before it goes."""

    def __init__(self) -> None:
        self.name = _name("n")
        self._cables: dict[str, str] = {}

    @property
    def prefix(self) -> tuple[str, ...]:
        """In front of a command that is to run there."""
        return ("ip", "netns", "exec", self.name)

    def __enter__(self) -> "Machine":
        _ip("netns", "add", self.name)
        _ip("-n", self.name, "link", "set", "lo", "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _ip("netns", "del", self.name)

    def connect(self, network: Network) -> str:
        """Lays a cable; returns the machine's address in that network."""
        cable, inside, address = _name("v"), f"eth{len(self._cables)}", network.next_address()
        _ip("link", "add", cable, "type", "veth", "peer", "name", inside, "netns", self.name)
        _ip("link", "set", cable, "master", network.bridge, "up")
        _ip("-n", self.name, "addr", "add", f"{address}/24", "dev", inside)
        _ip("-n", self.name, "link", "set", inside, "up")
        self._cables[network.bridge] = cable
        return address

    def unplug(self, network: Network) -> None:
        """No packet passes, and neither side is told."""
        _ip("link", "set", self._cables[network.bridge], "nomaster")

    def plug(self, network: Network) -> None:
        _ip("link", "set", self._cables[network.bridge], "master", network.bridge)


def _name(kind: str) -> str:
    """An interface's name has at most 15 characters."""
    return f"fl{os.getpid()}{kind}{next(_NUMBERS)}"


def _free_subnet() -> str:
    taken = _ip("-o", "-4", "addr", "show")
    first = os.getpid() % 256
    for number in range(512):
        subnet = f"198.{18 + (first + number) // 256 % 2}.{(first + number) % 256}"
        if f" {subnet}." not in taken:
            return subnet
    raise ServerError("no network of 198.18.0.0/15 is free", remedy="remove what `ip link` shows as fl…")


def _sweep() -> None:
    for kind, listed, removed in (
        ("n", _ip("netns", "list"), ("netns", "del")),
        ("b", _ip("-o", "link", "show", "type", "bridge"), ("link", "del")),
    ):
        for found in {each.group(): each.group(1) for each in _OURS.finditer(listed)}.items():
            name, process = found
            if f"{process}{kind}" in name and not _lives(int(process)):
                subprocess.run(["ip", *removed, name], capture_output=True, check=False)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _ip(*arguments: str) -> str:
    try:
        done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ServerError("the program ip is missing", remedy="install the package iproute2") from None
    if done.returncode:
        remedy = "run as root" if os.geteuid() else ""
        raise ServerError(f"`ip {' '.join(arguments)}` failed", " ".join(done.stderr.split()), remedy)
    return done.stdout

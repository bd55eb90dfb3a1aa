"""The other product's own program, as `make testenv` has it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from testenv import building
from testenv.targets import PEER

Object = dict[str, Any]
_HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "fairlead-tests", "version": "1"},
    },
}
_STARTED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def program() -> Path:
    found = building.binary(PEER)
    if found is None:
        pytest.skip("make testenv has not installed kubernetes-mcp-server")
    return found


def ask(*requests: Object, config: Path) -> list[Object]:
    """The result of each, of one process that is spoken to over its standard input and output."""
    sent: list[Object] = [_HELLO, _STARTED]
    sent += [{"jsonrpc": "2.0", "id": number, **each} for number, each in enumerate(requests, start=2)]
    process = subprocess.Popen(
        [program(), "--config", config, "--log-file", "stderr"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    found: dict[int, Object] = {}
    try:
        for each in sent:
            process.stdin.write(json.dumps(each) + "\n")
            process.stdin.flush()
            while "id" in each and each["id"] not in found:
                answer = json.loads(process.stdout.readline())
                if "id" in answer:
                    found[answer["id"]] = answer
    finally:
        process.kill()
        process.communicate()
    return [found[number]["result"] for number in range(2, len(requests) + 2)]


def tools(config: Path) -> dict[str, Object]:
    (listed,) = ask({"method": "tools/list"}, config=config)
    return {each["name"]: each for each in listed["tools"]}


def call(config: Path, name: str, arguments: Object) -> str:
    """Raises `AssertionError` for a call that fails."""
    (answer,) = ask({"method": "tools/call", "params": {"name": name, "arguments": arguments}}, config=config)
    text = "\n".join(each.get("text", "") for each in answer["content"])
    assert not answer.get("isError"), text
    return text


def refusal(folder: Path, text: str) -> str:
    """What it says of a configuration that it does not take."""
    path = folder / "refused.toml"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run([program(), "--config", path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    return done.stderr.splitlines()[0]

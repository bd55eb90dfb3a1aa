"""A real Redis for the tests, on a socket of its own; tests that ask for it are left out where it is not installed."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        (pytest.fail if os.environ.get("FAIRLEAD_REQUIRE_REAL") else pytest.skip)("redis-server is not installed")
    with tempfile.TemporaryDirectory(prefix="fairlead-redis-") as folder:
        path = Path(folder) / "redis.sock"
        command = [program, "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None
            ready = any("eady to accept connections" in line for line in running.stdout)
            assert ready, "redis-server did not start"
            yield f"unix://{path}"
            running.terminate()
            running.stdout.read()

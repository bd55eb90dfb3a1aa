import asyncio

import pytest

from fairlead.serving import loops


async def loop_name() -> str:
    return type(asyncio.get_running_loop()).__module__


@pytest.mark.requirement("serving:loop")
def test_a_server_runs_on_uvloop() -> None:
    assert loops.run(loop_name()) == "uvloop"


@pytest.mark.requirement("serving:loop")
def test_a_server_runs_without_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert loops.run(loop_name()).startswith("asyncio.")

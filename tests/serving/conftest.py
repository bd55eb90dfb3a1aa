"""Everything that opens a socket is proven on both event loops."""

from typing import Any

import pytest

from fairlead.serving import loops
from fairlead.serving.certificates import Authority


@pytest.fixture(params=[{}, {"loop_factory": loops.factory()}], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return "asyncio", request.param


@pytest.fixture(scope="session")
def serving_authority() -> Authority:
    return Authority.create("serving-ca")

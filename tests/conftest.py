"""Shared fixtures."""

import hypothesis
import pytest

pytest_plugins = ["tests.clusters"]

# A test never depends on time: hypothesis' own deadline of 200 ms would make it depend on what else the machine does.
hypothesis.settings.register_profile("fairlead", deadline=None)
hypothesis.settings.load_profile("fairlead")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"

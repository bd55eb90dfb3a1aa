"""Shared fixtures."""

import os

import hypothesis
import pytest

pytest_plugins = ["tests.clusters", "tests.crossplane.planes", "tests.crossplane.provided"]

# A test never depends on time: hypothesis' own deadline of 200 ms would make it depend on what else the machine does.
# Where a change is judged, the examples are the same each time; everywhere else each run looks for new ones.
hypothesis.settings.register_profile("fairlead", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("fairlead")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"

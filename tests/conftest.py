"""Shared fixtures."""

import pytest

pytest_plugins = ["tests.clusters"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"

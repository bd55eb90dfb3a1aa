"""Shared fixtures."""

import pytest

from tests.clusters import (
    cluster,
    crossplane_crds,
    embedded_pair,
    kubectl,
    pair,
    pytest_collection_modifyitems,
    pytest_runtest_setup,
    real_app,
    real_control_plane,
    real_pair,
    unique,
)

__all__ = [
    "anyio_backend",
    "cluster",
    "crossplane_crds",
    "embedded_pair",
    "kubectl",
    "pair",
    "pytest_collection_modifyitems",
    "pytest_runtest_setup",
    "real_app",
    "real_control_plane",
    "real_pair",
    "unique",
]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"

"""An API server to ask raw questions, embedded and real by turns: what a test here states holds for both."""

from collections.abc import AsyncIterator, Callable

import pytest

from fairlead.client.targets import Cluster
from tests.apiserver.asking import Api, widgets_definition


@pytest.fixture
async def api(cluster: Cluster) -> AsyncIterator[Api]:
    async with cluster.open() as client:
        yield Api(client.connection)


@pytest.fixture
async def namespace(api: Api, unique: Callable[[str], str]) -> str:
    """One of the test's own; it is left behind, because the real server takes seconds to delete one."""
    name = unique("suite")
    answer = await api.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    assert answer.status == 201
    return name


@pytest.fixture
async def configmaps(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps"


@pytest.fixture
async def widgets(api: Api, namespace: str) -> str:
    """The path of custom resources in the test's namespace: two versions, status and scale."""
    await api.define(widgets_definition())
    return f"/apis/suite.fairlead.dev/v1/namespaces/{namespace}/widgets"

"""What the function answers to Crossplane, without a server between."""

from typing import Any

import pytest
from crossplane.function import resource
from crossplane.function.proto.v1 import run_function_pb2 as protocol

from testenv.function import COMPOSED, Composer, config_map, connection

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("testenv:composition-function")]
COMPOSITE: dict[str, Any] = {
    "apiVersion": "demo.example.org/v1alpha1",
    "kind": "XDatabase",
    "metadata": {"name": "orders-abcde"},
    "spec": {"size": "small", "replicas": 3.0, "tags": ["a"], "claimRef": {"name": "orders", "namespace": "shop"}},
}


def asked(observed: dict[str, Any] | None = None) -> protocol.RunFunctionRequest:
    request = protocol.RunFunctionRequest()
    resource.update(request.observed.composite, COMPOSITE)
    if observed is not None:
        resource.update(request.observed.resources[COMPOSED], observed)
    return request


async def answered(request: protocol.RunFunctionRequest) -> protocol.RunFunctionResponse:
    return await Composer().RunFunction(request, None)


async def test_it_composes_a_config_map_of_the_scalars() -> None:
    answer = await answered(asked())
    assert list(answer.desired.resources) == [COMPOSED]
    assert resource.struct_to_dict(answer.desired.resources[COMPOSED].resource) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "orders-abcde", "namespace": "shop"},
        "data": {"size": "small", "replicas": "3"},
    }


async def test_it_is_ready_only_once_it_is_there() -> None:
    fresh, seen = await answered(asked()), await answered(asked(config_map(COMPOSITE)))
    assert fresh.desired.resources[COMPOSED].ready == protocol.READY_UNSPECIFIED
    assert seen.desired.resources[COMPOSED].ready == protocol.READY_TRUE


async def test_connection_details_name_the_composite() -> None:
    answer = await answered(asked())
    assert dict(answer.desired.composite.connection_details) == connection(COMPOSITE)
    assert connection(COMPOSITE)["endpoint"] == b"orders-abcde.example.org"

"""Monstrous bodies: refused, or borne; the connector answers afterwards."""

import gzip
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from fairlead.machinery import encoding
from tests.clusters import Pair
from tests.connector import intruding
from tests.connector.intruding import Scene

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.requirement("connector:nothing-gets-in"),
    # aiohttp's advice to whoever sends as much, here the test.
    pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning"),
]
Object = dict[str, Any]


@pytest.fixture
async def scene(pair: Pair, unique: Callable[[str], str]) -> AsyncIterator[Scene]:
    async with intruding.scene(pair, unique) as found:
        yield found


def bombs(scene: Scene) -> dict[str, tuple[bytes, dict[str, str]]]:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]", *(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))]
    laughs = "\n".join([f"apiVersion: {scene.group}/v1alpha1", "kind: Database", "metadata: {name: bomb}", *lines])
    claim = json.dumps(scene.claim("bomb", scene.mine)).encode()
    deep = claim[:-1] + b', "deep": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    return {
        "too large": (b'{"a": "' + b"x" * (4 * 1024 * 1024) + b'"}', {"content_type": "application/json"}),
        "zipped": (
            gzip.compress(b" " * 50_000_000 + claim),
            {"content_type": "application/json", "content_encoding": "gzip"},
        ),
        "laughing": (laughs.encode(), {"content_type": "application/yaml"}),
        "deep": (deep, {"content_type": "application/json"}),
        "no text": (b"\xff\xfe\x00", {"content_type": "application/json"}),
    }


@pytest.mark.whole
async def test_no_body_brings_it_down(scene: Scene) -> None:
    path = scene.claims.path(scene.mine)
    for name, (body, headers) in bombs(scene).items():
        answer = await scene.ask("POST", path, "", body, **headers)
        assert answer.status in (400, 413, 415, 422), (name, answer.status, answer.body[:200])  # type: ignore[index]  # never a stream
    fields: Object = {f"f:{number:06d}": {} for number in range(50_000)}
    managed = [
        {
            "manager": "m",
            "operation": "Update",
            "apiVersion": "x/v1",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": fields},
        }
    ]
    body = json.dumps(scene.claim("huge", scene.mine, managedFields=managed)).encode()
    answer = await scene.ask("POST", path, "", body, content_type="application/json")
    assert answer.status in (201, 400, 413, 422)
    answer = await scene.ask("GET", scene.claims.path(scene.mine, "orders"))
    assert isinstance(answer.body, bytes)
    assert encoding.from_json(answer.body)["metadata"]["name"] == "orders"

"""What a list costs: it is cut into its objects and put together again, never decoded into Python's own."""

import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from fairlead.connector.naming import Identity
from fairlead.connector.rewriting import Rewriter
from tests.connector.objects import PREFIX, SCOPE, encode, stored

pytestmark = pytest.mark.requirement("connector:lists-by-spans")

CLAIMS = 300
COPIES = 4
"""Of the body, that may exist at once: its spans, the objects as they become, and the answer."""


def body(form: str) -> bytes:
    spec = {f"field-{index}": {"on": True, "list": [index, index + 0.5, None]} for index in range(150)}
    objects = [stored(Identity(SCOPE.cluster, "team-a", f"claim-{index}")) | {"spec": spec} for index in range(CLAIMS)]
    if form == "Table":
        rows = [{"cells": [each["metadata"]["name"], "1d"], "object": each} for each in objects]
        columns = [{"name": "Name", "format": "name"}, {"name": "Age"}]
        return encode({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "columnDefinitions": columns, "rows": rows})
    return encode({"kind": "DatabaseList", "apiVersion": "demo.example.org/v1", "metadata": {}, "items": objects})


def peak(of: Callable[[bytes], Any], body: bytes) -> float:
    """Of memory while `of` runs, in bodies."""
    tracemalloc.start()
    try:
        of(body)
        return tracemalloc.get_traced_memory()[1] / len(body)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("form", ["List", "Table"])
def test_a_list_is_rewritten_without_being_decoded_whole(form: str) -> None:
    whole = body(form)
    assert peak(json.loads, whole) > COPIES, "what decoding would take"
    assert peak(Rewriter(SCOPE, PREFIX).collection, whole) < COPIES

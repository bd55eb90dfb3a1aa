"""What a yes is for: the change and what follows from it, and not what is merely told beside it."""

from dataclasses import replace

import pytest

from fairlead.machinery.discovery import APIResource
from fairlead.machinery.paths import Resource
from fairlead.mcp.toolsets.core import planned
from fairlead.resources.kinds import Kind
from fairlead.resources.planning import Change

pytestmark = pytest.mark.requirement("mcp-core-writes:as-confirmed")


async def nothing() -> dict[str, object]:
    return {}


def test_a_note_is_part_of_what_is_agreed_to_and_a_remark_is_not() -> None:
    kind = Kind(Resource("", "v1", "configmaps", namespaced=True), APIResource("configmaps", "ConfigMap", ("create",)))
    change = Change("create", kind, "one", "shop", None, {}, {}, nothing, ("goes with it: 1 Bucket",))
    more, beside = replace(change, notes=("goes with it: 2 Bucket",)), replace(change, remarks=("3 use it",))
    assert change.digest != more.digest
    assert change.digest == beside.digest
    assert planned.shown([beside]).splitlines()[-2:] == ["goes with it: 1 Bucket", "3 use it"]

"""What a yes is for: the change and what follows from it, and not what is merely told beside it."""

from dataclasses import replace

import pytest

from fairlead.machinery import statuses
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


@pytest.mark.requirement("mcp-core-writes:patch")
def test_a_refused_patch_does_not_show_the_whole_object() -> None:
    """As a kube-apiserver words it where a field is of another type: with all that the object would have held."""
    whole = r'"{\"kind\":\"Object\",\"spec\":{\"password\":\"hunter\\\"2\"}}"'
    field = 'spec.metadata: Invalid value: {"annotations":{"a":1},"token":"hunter2"}: json: cannot unmarshal number'
    error = statuses.Invalid(f' "" is invalid: patch: Invalid value: {whole}: {field} into field annotations')
    told = str(planned.refused(error))
    assert (
        told == "the change does not fit the kind: spec.metadata: json: cannot unmarshal number into field annotations"
    )
    other = statuses.Invalid('Object "a" is invalid: spec.size: Invalid value: "huge": must be small')
    assert "huge" in str(planned.refused(other))

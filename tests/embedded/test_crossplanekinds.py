"""The playground's short kinds of Crossplane beside Crossplane's own: whoever looks from outside sees the same."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fairlead.embedded.simulator import crossplanekinds
from fairlead.machinery.encoding import from_yaml

Object = dict[str, Any]
pytestmark = pytest.mark.requirement("playground-scenarios:kinds")
KINDS = [each["spec"]["names"]["kind"] for each in crossplanekinds.crds()]


@cache
def real(folder: Path, name: str) -> Object:
    plural, _, group = name.partition(".")
    found: Object = from_yaml((folder / f"{group}_{plural}.yaml").read_text(encoding="utf-8"))
    return found


@pytest.fixture(params=KINDS)
def both(request: pytest.FixtureRequest, crossplane_crds: Path) -> tuple[Object, Object]:
    """Ours, and Crossplane's."""
    ours = next(each for each in crossplanekinds.crds() if each["spec"]["names"]["kind"] == request.param)
    return ours, real(crossplane_crds, ours["metadata"]["name"])


def stored(crd: Object) -> Object:
    found: Object = next(each for each in crd["spec"]["versions"] if each["storage"])
    return found


@pytest.mark.real
def test_names_scope_and_version(both: tuple[Object, Object]) -> None:
    ours, theirs = both
    for key in ("group", "scope"):
        assert ours["spec"][key] == theirs["spec"][key]
    names = [{**each["spec"]["names"]} for each in both]
    for key in ("kind", "plural", "singular", "listKind", "shortNames"):
        assert names[0].get(key) == names[1].get(key)
    assert set(names[0].get("categories") or ()) == set(names[1].get("categories") or ())
    assert stored(ours)["name"] == stored(theirs)["name"]
    assert stored(ours)["subresources"] == (stored(theirs).get("subresources") or {})


@pytest.mark.real
def test_columns(both: tuple[Object, Object]) -> None:
    ours, theirs = (stored(each).get("additionalPrinterColumns") or [] for each in both)
    assert ours == theirs


@pytest.mark.real
def test_what_is_said_of_fields_is_so(both: tuple[Object, Object]) -> None:
    """Whatever ours requires, allows or defaults, Crossplane's does too; what ours leaves out it keeps."""
    ours, theirs = (stored(each)["schema"]["openAPIV3Schema"]["properties"] for each in both)
    for key in ours:
        agrees(ours[key], theirs[key], key)


def agrees(ours: Object, theirs: Object, path: str) -> None:
    told = {key: value for key, value in ours.items() if key in ("type", "enum", "default", "minItems", "maxItems")}
    assert told == {key: theirs.get(key) for key in told}, path
    assert set(ours.get("required") or ()) <= set(theirs.get("required") or ()), path
    if "items" in ours:
        agrees(ours["items"], theirs["items"], f"{path}[]")
    for key, field in (ours.get("properties") or {}).items():
        assert key in theirs["properties"], f"{path}.{key}"
        agrees(field, theirs["properties"][key], f"{path}.{key}")

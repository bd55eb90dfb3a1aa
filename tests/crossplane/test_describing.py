from typing import Any

import pytest

from fairlead.crossplane import building
from fairlead.crossplane.defining import describing
from fairlead.crossplane.xrds import DefinitionError

pytestmark = pytest.mark.requirement("crossplane-evaluation:recoverability")


def xrd(plural: str, kind: str, claim: str = "", group: str = "example.org") -> dict[str, Any]:
    names = {"kind": kind, "plural": plural, "shortNames": [kind[:3].lower()]}
    spec = {"group": group, "names": names, **({"claimNames": {"kind": claim}} if claim else {})}
    return {"metadata": {"name": f"{plural}.{group}"}, "spec": spec}


MANY = [
    *(xrd(f"xbuckets{index}", f"XBucket{index}", f"Bucket{index}") for index in range(50)),
    xrd("xdatabases", "XDatabase", "Database"),
]


@pytest.mark.parametrize("named", ["databasex", "DatabaseX", "xdatabasez", "xdatabases.exampel.org", "datbase"])
def test_of_many_apis_the_one_that_is_called_nearly_so_is_named_first(named: str) -> None:
    with pytest.raises(DefinitionError, match=r"no XRD makes .*near: xdatabases.example.org"):
        describing.find(MANY, named)


@pytest.mark.parametrize(
    "named", ["xdatabases.example.org", "Database", "xdatabase", "xda", "XDATABASES", "database.example.org"]
)
def test_an_api_is_found_by_whatever_kubectl_calls_it(named: str) -> None:
    assert describing.find(MANY, named)["metadata"]["name"] == "xdatabases.example.org"


def test_of_several_that_are_called_so_none_is_taken() -> None:
    twins = [xrd("caches", "Cache"), xrd("caches", "Cache", group="example.net")]
    with pytest.raises(
        DefinitionError, match=r"2 XRDs make 'cache'; there are: caches.example.org, caches.example.net"
    ):
        describing.find(twins, "cache")
    assert describing.find(twins, "caches.example.net") is twins[1]


def test_what_holds_for_all_fields_together_is_told() -> None:
    rule = {"rule": "self.size < 50 || self.fast", "message": "only the fast may be big"}
    schema = {
        "x-kubernetes-validations": [rule],
        "properties": {"tags": {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 2}}},
    }
    made = building.xrd("example.org", "Cache", "caches", schema)
    assert describing.fields(made) == [
        "spec: rule: only the fast may be big",
        "spec.tags[]: string, length ≥ 2, ≥ 1 items",
    ]

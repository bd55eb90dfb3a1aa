import pytest

from fairlead.crossplane.defining import describing


def xrd(plural: str, kind: str, claim: str = "") -> dict[str, object]:
    names = {"kind": kind, "plural": plural}
    spec = {"group": "example.org", "names": names, **({"claimNames": {"kind": claim}} if claim else {})}
    return {"metadata": {"name": f"{plural}.example.org"}, "spec": spec}


@pytest.mark.requirement("crossplane-evaluation:recoverability")
@pytest.mark.parametrize("named", ["databasex", "DatabaseX", "xdatabase", "xdatabases.exampel.org", "datbase"])
def test_of_many_apis_the_one_that_is_called_nearly_so_is_named_first(named: str) -> None:
    many = [xrd(f"xbuckets{index}", f"XBucket{index}", f"Bucket{index}") for index in range(50)]
    assert describing.nearest([*many, xrd("xdatabases", "XDatabase", "Database")], named)[0] == "xdatabases.example.org"

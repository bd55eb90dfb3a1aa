"""Why a package cannot be fetched, in the words of each Crossplane."""

import pytest

from fairlead.crossplane import references
from fairlead.crossplane.judging import judge
from fairlead.crossplane.tracing import Node, Trace
from fairlead.crossplane.understanding.circumstances import Circumstances
from fairlead.crossplane.understanding.rules import packaging

pytestmark = pytest.mark.requirement("crossplane-older:understanding")
UNKNOWN = "GET https://r.example.org/v2/one/manifests/v9: MANIFEST_UNKNOWN: manifest unknown"


@pytest.mark.parametrize(
    "words",
    [
        "cannot resolve r.example.org/one:v9 to digest",
        "UnpackPackage: cannot unpack package: failed to fetch package digest from remote",  # 1.20 to 2.1
    ],
)
def test_a_version_that_its_registry_lacks_is_called_so(words: str) -> None:
    package = {"apiVersion": "pkg.crossplane.io/v1", "kind": "Provider", "metadata": {"name": "one", "uid": "1"}}
    node = Node(0, None, 0, references.of(package), judge(package), package)
    known = Circumstances(Trace((node,)), events={"1": [f"{words}: {UNKNOWN}"]})
    cause = packaging.package_failed(node, known)
    assert cause is not None
    assert cause.what == "Provider/one cannot be fetched: its registry has no such version"

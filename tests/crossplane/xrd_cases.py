"""XRDs, of which `data/generated_crds.json` holds the CRDs that Crossplane's own renderer makes.

To make the file again, build `rendering.go` in a module that requires crossplane v2.3.4 (`testenv/modules/crossplane`),
then: `python -m tests.crossplane.xrd_cases PATH_TO_THE_BUILT_PROGRAM`.
"""

import json
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

from fairlead.machinery.encoding import from_yaml

Object = dict[str, Any]
GENERATED = Path(__file__).parent / "data" / "generated_crds.json"


def demo() -> Object:
    data = resources.files("fairlead.embedded.simulator").joinpath("data/demo_xrd.yaml").read_text(encoding="utf-8")
    found: Object = from_yaml(data)
    return found


def xrd(scope: str, **spec: Any) -> Object:
    return {
        "apiVersion": "apiextensions.crossplane.io/v1",
        "kind": "CompositeResourceDefinition",
        "metadata": {"name": "xthings.example.org", "uid": "some-uid"},
        "spec": {
            "group": "example.org",
            "scope": scope,
            "names": {"kind": "XThing", "plural": "xthings"},
            "versions": [_version("v1", {"type": "object"})],
            **spec,
        },
    }


def _version(name: str, schema: Object, **more: Any) -> Object:
    return {"name": name, "served": True, "referenceable": True, "schema": {"openAPIV3Schema": schema}, **more}


_CLAIM = {"kind": "Thing", "plural": "things", "categories": ["own"], "shortNames": ["th"]}
_RICH = {
    "type": "object",
    "description": "A thing.",
    "x-kubernetes-validations": [{"rule": "self.metadata.name.startsWith('a')"}],
    "properties": {
        "metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 20, "pattern": "^a"}}},
        "spec": {
            "type": "object",
            "description": "Wanted.",
            "required": ["size"],
            "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
            "x-kubernetes-preserve-unknown-fields": True,
            "x-kubernetes-validations": [{"rule": "has(self.size)", "message": "size is needed"}],
            "properties": {
                "size": {"type": "integer", "minimum": 1, "default": 3},
                "compositionRef": {"type": "string"},
                "crossplane": {"type": "string"},
                "list": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
                "port": {"x-kubernetes-int-or-string": True},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        },
        "status": {
            "type": "object",
            "description": "Found.",
            "required": ["phase"],
            "properties": {"phase": {"type": "string"}, "conditions": {"type": "string"}},
        },
        "extra": {"type": "string"},
    },
}
_COLUMNS = [{"name": "SIZE", "type": "integer", "jsonPath": ".spec.size", "description": "How large."}]

CASES: dict[str, Object] = {
    "demo": demo(),
    "namespaced": xrd("Namespaced"),
    "cluster": xrd("Cluster", versions=[_version("v1", _RICH)]),
    "legacy": xrd("LegacyCluster", versions=[_version("v1", _RICH)]),
    "legacy-with-claim": xrd("LegacyCluster", claimNames=_CLAIM, versions=[_version("v1", _RICH)]),
    "no-scope": xrd("LegacyCluster", claimNames=_CLAIM),
    "policies": xrd(
        "LegacyCluster",
        claimNames=_CLAIM,
        defaultCompositeDeletePolicy="Foreground",
        defaultCompositionUpdatePolicy="Manual",
    ),
    "policies-namespaced": xrd("Namespaced", defaultCompositionUpdatePolicy="Automatic"),
    "versions": xrd(
        "LegacyCluster",
        claimNames=_CLAIM,
        versions=[
            {
                **_version("v1", {"type": "object"}),
                "referenceable": False,
                "deprecated": True,
                "deprecationWarning": "use v2",
                "additionalPrinterColumns": _COLUMNS,
            },
            _version("v2", _RICH, additionalPrinterColumns=_COLUMNS),
            {**_version("v3", {"type": "object"}), "referenceable": False, "served": False},
        ],
    ),
    "scale": xrd(
        "Namespaced",
        versions=[
            _version(
                "v1",
                _RICH,
                subresources={"scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}},
            )
        ],
    ),
    "metadata": {
        **xrd("LegacyCluster", claimNames=_CLAIM, metadata={"labels": {"a": "2", "c": "3"}, "annotations": {"n": "m"}}),
        "metadata": {"name": "xthings.example.org", "uid": "some-uid", "labels": {"a": "1", "b": "2"}},
    },
    "names": xrd(
        "Namespaced",
        names={
            "kind": "XThing",
            "plural": "xthings",
            "singular": "xthing",
            "listKind": "XThings",
            "shortNames": ["xt"],
            "categories": ["all"],
        },
    ),
    "conversion": xrd(
        "LegacyCluster",
        conversion={
            "strategy": "Webhook",
            "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": {"url": "https://example.org"}},
        },
    ),
    "no-schema": xrd("Namespaced", versions=[{"name": "v1", "served": True, "referenceable": True}]),
    "claim-kind-conflicts": xrd("LegacyCluster", claimNames={"kind": "XThing", "plural": "things"}),
    "claim-plural-conflicts": xrd("LegacyCluster", claimNames={"kind": "Thing", "plural": "xthings"}),
}
del CASES["no-scope"]["spec"]["scope"]


def main(program: str) -> None:
    out = subprocess.run([program], input=json.dumps(list(CASES.values())), text=True, capture_output=True, check=True)
    found = dict(zip(CASES, json.loads(out.stdout), strict=True))
    GENERATED.write_text(json.dumps(found, separators=(",", ":"), sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])

"""Records what a real kube-apiserver says about its built-in kinds, for the playground's own use.

    python -m testenv.recording --kubectl PATH --kubeconfig PATH

Writes `src/fairlead/embedded/data/builtin_schemas.json`: the OpenAPI v3 components of the kinds that the playground
serves, and what they refer to. Run it again for a newer Kubernetes; the recorded version is in the file.
"""

import argparse
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "src/fairlead/embedded/data/builtin_schemas.json"
SOURCE = "Kubernetes, https://github.com/kubernetes/kubernetes, Apache License 2.0; pruned by testenv/recording.py"

KINDS = (
    ("api/v1", "v1", (
        "ConfigMap", "DeleteOptions", "Event", "Namespace", "Secret", "Service", "ServiceAccount", "Status",
    )),
    ("api/v1", "authentication.k8s.io/v1", ("TokenRequest",)),
    ("apis/apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1", ("CustomResourceDefinition",)),
    ("apis/apiregistration.k8s.io/v1", "apiregistration.k8s.io/v1", ("APIService",)),
    ("apis/authentication.k8s.io/v1", "authentication.k8s.io/v1", ("SelfSubjectReview", "TokenReview")),
    ("apis/authorization.k8s.io/v1", "authorization.k8s.io/v1", (
        "LocalSubjectAccessReview", "SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview",
    )),
    ("apis/coordination.k8s.io/v1", "coordination.k8s.io/v1", ("Lease",)),
    ("apis/events.k8s.io/v1", "events.k8s.io/v1", ("Event",)),
    ("apis/rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io/v1", (
        "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding",
    )),
)  # fmt: skip
"""The document that has them, their group version, the kinds."""
_GVK = "x-kubernetes-group-version-kind"
_PREFIX = "#/components/schemas/"


def pruned(components: Mapping[str, Any], group_version: str, kinds: tuple[str, ...]) -> dict[str, Any]:
    """The components of those kinds, and all that they refer to."""
    group, _, version = group_version.rpartition("/")
    found: dict[str, Any] = {}
    missing = set(kinds)
    for name, component in components.items():
        served = [each for each in component.get(_GVK, ()) if (each["group"], each["version"]) == (group, version)]
        for each in served:
            if each["kind"] in kinds:
                missing.discard(each["kind"])
                _add(name, components, found)
    if missing:
        raise SystemExit(f"{group_version} has no {', '.join(sorted(missing))}")
    return found


def _add(name: str, components: Mapping[str, Any], found: dict[str, Any]) -> None:
    if name in found:
        return
    found[name] = component = dict(components[name])
    if len(component.get(_GVK, ())) > 1:  # options are listed for every group; the core one stands for all
        component[_GVK] = [each for each in component[_GVK] if (each["group"], each["version"]) == ("", "v1")]
    for reference in sorted(_references(component)):
        _add(reference.removeprefix(_PREFIX), components, found)


def _references(value: Any) -> set[str]:
    if isinstance(value, list):
        return {each for item in value for each in _references(item)}
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
    return own | {each for item in value.values() for each in _references(item)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kubectl", required=True)
    parser.add_argument("--kubeconfig", required=True)
    given = parser.parse_args()

    def read(path: str) -> Any:
        command = [given.kubectl, "--kubeconfig", given.kubeconfig, "get", "--raw", path]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    paths = read("/openapi/v3")["paths"]
    components: dict[str, Any] = {}
    for document, group_version, kinds in KINDS:
        found = read(paths[document]["serverRelativeURL"])["components"]["schemas"]
        components |= pruned(found, group_version, kinds)
    recorded = {"source": SOURCE, "version": read("/version")["gitVersion"], "schemas": components}
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(recorded, indent=1, sort_keys=True, ensure_ascii=False)
    TARGET.write_text(text + "\n", encoding="utf-8")
    print(f"{TARGET.name}: {len(components)} schemas, {TARGET.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()

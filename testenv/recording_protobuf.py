"""Records how Kubernetes writes its built-in kinds as protobuf, for the playground to read such bodies.

    python -m testenv.recording_protobuf --modules "$(go env GOMODCACHE)"

Writes `src/fairlead/embedded/data/protobuf_fields.json` from the Go types of `k8s.io/api`: their tags hold the field
number and the JSON name, their types say what is a pointer; the `.proto` files say neither of the last two.
"""

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path

VERSION = "v0.36.3"
SOURCE = f"Go types of k8s.io/api, apimachinery and kube-aggregator {VERSION}, Apache License 2.0"
TARGET = Path(__file__).parents[1] / "src/fairlead/embedded/data/protobuf_fields.json"

PACKAGES = {
    "core": ("api", "core/v1"),
    "events": ("api", "events/v1"),
    "coordination": ("api", "coordination/v1"),
    "rbac": ("api", "rbac/v1"),
    "authorization": ("api", "authorization/v1"),
    "authentication": ("api", "authentication/v1"),
    "apiregistration": ("kube-aggregator", "pkg/apis/apiregistration/v1"),
    "meta": ("apimachinery", "pkg/apis/meta/v1"),
}
IMPORTS = {"metav1": "meta", "v1": "core", "corev1": "core"}
KINDS = {
    "v1": ("core", ("ConfigMap", "Event", "Namespace", "Secret", "Service", "ServiceAccount")),
    "apiregistration.k8s.io/v1": ("apiregistration", ("APIService",)),
    "authentication.k8s.io/v1": ("authentication", ("SelfSubjectReview", "TokenRequest", "TokenReview")),
    "authorization.k8s.io/v1": (
        "authorization",
        ("LocalSubjectAccessReview", "SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"),
    ),
    "coordination.k8s.io/v1": ("coordination", ("Lease",)),
    "events.k8s.io/v1": ("events", ("Event",)),
    "rbac.authorization.k8s.io/v1": ("rbac", ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")),
}
SPECIAL = {
    "meta.Time": "time",
    "meta.MicroTime": "microtime",
    "meta.FieldsV1": "json",
    "intstr.IntOrString": "intorstring",
    "resource.Quantity": "quantity",
    "types.UID": "string",
    "[]byte": "bytes",
}
SCALARS = ("string", "bool", "int32", "int64")
_FIELD = re.compile(r"^\t(?:(\w+)\s+)?([\w.*\[\]]+)\s+`([^`]*)`", re.MULTILINE)
_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_ALIAS = re.compile(r"^type (\w+) ([\w.\[\]]+)$", re.MULTILINE)


class Types:
    def __init__(self, modules: Path) -> None:
        self.structs: dict[str, str] = {}
        self.aliases: dict[str, str] = {}
        for package, (module, folder) in PACKAGES.items():
            for source in sorted((modules / f"k8s.io/{module}@{VERSION}" / folder).glob("*types.go")):
                text = source.read_text(encoding="utf-8")
                self.structs |= {f"{package}.{name}": body for name, body in _STRUCT.findall(text)}
                self.aliases |= {f"{package}.{name}": kind for name, kind in _ALIAS.findall(text)}

    def fields(self, message: str) -> Iterator[tuple[int, str, str, str]]:
        """Number, JSON name, type, and `*` where a zero value is written into JSON."""
        package = message.split(".")[0]
        for _, kind, tags in _FIELD.findall(self.structs[message]):
            named = re.search(r'json:"([^"]*)"', tags)
            numbered = re.search(r'protobuf:"\w+,(\d+)', tags)
            if not named or not numbered:
                continue
            name, *options = named[1].split(",")
            kept = "*" if kind.startswith("*") or "omitempty" not in options else ""
            yield int(numbered[1]), name, self.resolve(kind.removeprefix("*"), package), kept

    def resolve(self, kind: str, package: str) -> str:
        """A scalar, a special type, a message, `[]` before any of them, or `map:` before the type of its values."""
        if kind in SPECIAL or kind in SCALARS:
            return SPECIAL.get(kind, kind)
        if kind.startswith("map[string]"):
            return "map:" + self.resolve(kind.removeprefix("map[string]"), package)
        if kind.startswith("[]"):
            return "[]" + self.resolve(kind.removeprefix("[]"), package)
        prefix, _, bare = kind.rpartition(".")
        if f"{prefix}.{bare}" in SPECIAL:
            return SPECIAL[f"{prefix}.{bare}"]
        home = IMPORTS.get(prefix, prefix) if prefix else package
        full = f"{home}.{bare}"
        if full in SPECIAL or full in self.structs:
            return SPECIAL.get(full, full)
        if full not in self.aliases:
            raise SystemExit(f"{kind} in {package} is not known")
        resolved = self.resolve(self.aliases[full], home)
        return f"items:{resolved}" if resolved.startswith("[]") else resolved


def tables(types: Types) -> dict[str, list[list[object]]]:
    waiting = [f"{package}.{kind}" for package, kinds in KINDS.values() for kind in kinds] + ["meta.DeleteOptions"]
    found: dict[str, list[list[object]]] = {}
    while waiting:
        message = waiting.pop()
        if message in found:
            continue
        found[message] = [list(each) for each in sorted(types.fields(message))]
        inner = {re.sub(r"^(map:|items:|\[\])*", "", str(each[2])) for each in found[message]}
        waiting += [each for each in inner if "." in each]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modules", required=True, type=Path)
    messages = tables(Types(parser.parse_args().modules))
    kinds = {f"{version}/{kind}": f"{package}.{kind}" for version, (package, names) in KINDS.items() for kind in names}
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(messages[name])}" for name in sorted(messages))
    head = f'"source": {json.dumps(SOURCE)},\n "kinds": {json.dumps(kinds, indent=2)},\n'
    TARGET.write_text(f'{{{head} "messages": {{\n{lines}\n }}\n}}\n', encoding="utf-8")
    print(f"{TARGET.name}: {len(messages)} messages, {TARGET.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()

"""Asks a real API server what it makes of each schema case, and writes its answers down.

Run `python -m tests.machinery.gather_schema_answers KUBECONFIG` after changing the cases or for a new Kubernetes
version. kubectl is the client, so that nothing of ours stands between the question and the answer.
"""

import http.client
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.machinery.schema_cases import CASES, FORMATS, Case

ANSWERS = Path(__file__).parent / "data" / "schema_answers.json"
Object = dict[str, Any]


class Asker:
    """`raw` sends one request: method, path, body, content type → status code, body, warnings."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self.group = f"schemas-{secrets.token_hex(4)}.fairlead.dev"

    def prepare(self, number: int, each: Case) -> None:
        """Defines the case's CRD, at first without its schema if that is to judge an update."""
        lax = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        self.define(f"cases{number}", lax if "update" in each else each["schema"])

    def ask(self, number: int, each: Case) -> Object:
        plural = f"cases{number}"
        path = f"/apis/{self.group}/v1/{plural}"
        code, body, warnings = self.await_served("POST", path, self.object(number, each["spec"]))
        if "update" in each:
            assert code == 201, body
            self.redefine(plural, each["schema"])
            code, body, warnings = self.update_when_schema_holds(path, number, each)
        self.raw("DELETE", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.{self.group}")
        return self.answer(code, body, warnings)

    def ask_below(self, token: str, spec: Any) -> Object:
        """The case's schema is one property of a shared one; what the answer says is told as if it were the spec."""
        obj = self.object(0, {token: spec})
        obj["metadata"] = {"name": token}
        answer = self.answer(*self.await_served("POST", f"/apis/{self.group}/v1/cases0", obj))
        told: Object = json.loads(json.dumps(answer).replace(f"spec.{token}", "spec"))
        if "spec" in told and token in told["spec"]:
            return {**told, "spec": told["spec"][token]}
        return {key: value for key, value in told.items() if key != "spec"}

    def object(self, number: int, spec: Any) -> Object:
        return {"apiVersion": f"{self.group}/v1", "kind": f"Case{number}", "metadata": {"name": "probe"}, "spec": spec}

    def define(self, plural: str, schema: Object) -> None:
        code, body, _ = self.raw(
            "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", self.crd(plural, schema)
        )
        assert code == 201, (plural, body)

    def redefine(self, plural: str, schema: Object) -> None:
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.{self.group}"
        _, live, _ = self.raw("GET", path)
        live["spec"] = self.crd(plural, schema, lenient=True)["spec"]
        code, body, _ = self.raw("PUT", path, live)
        assert code == 200, body

    def await_served(self, method: str, path: str, obj: Object) -> tuple[int, Object, list[str]]:
        for _ in range(200):
            code, body, warnings = self.raw(method, path, obj)
            if code != 404:
                return code, body, warnings
            time.sleep(0.05)
        raise AssertionError(f"{path} is not served")

    def update_when_schema_holds(self, path: str, number: int, each: Case) -> tuple[int, Object, list[str]]:
        """The new schema reaches the handler a moment later: a probe object that it refuses tells when."""
        for _ in range(200):
            code, _, _ = self.raw("POST", path, self.object(number, {"sentinel": "x"}) | {"metadata": {"name": "s"}})
            if code == 422:
                break
            self.raw("DELETE", f"{path}/s")
            time.sleep(0.05)
        _, live, _ = self.raw("GET", f"{path}/probe")
        live["spec"] = each["update"]
        found: tuple[int, Object, list[str]] = self.raw("PUT", f"{path}/probe", live)
        return found

    def crd(self, plural: str, schema: Object, *, lenient: bool = False) -> Object:
        """With a `sentinel` in the spec that is refused, so that a change of schema can be seen."""
        number = plural.removeprefix("cases")
        if lenient:
            properties = {**schema["properties"], "sentinel": {"type": "integer"}}
            schema = {**schema, "properties": properties}
        version = {
            "name": "v1",
            "served": True,
            "storage": True,
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": schema}}},
        }
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{self.group}"},
            "spec": {
                "group": self.group,
                "scope": "Cluster",
                "names": {"plural": plural, "singular": f"case{number}", "kind": f"Case{number}"},
                "versions": [version],
            },
        }

    @staticmethod
    def answer(code: int, body: Object, warnings: list[str]) -> Object:
        if code in (200, 201):
            stored = {"spec": body["spec"]} if "spec" in body else {}
            return {"code": code, **stored, "warnings": warnings}
        return {"code": code, "causes": (body.get("details") or {}).get("causes", [])}


def formats_schema() -> Object:
    properties = {
        name.replace("-", "_"): {"type": "array", "items": {"type": "string", "format": name}} for name in FORMATS
    }
    return {"type": "object", "properties": properties}


def gather(raw: Any) -> Object:
    """One CRD serves all cases that cannot disturb each other, each below its own field: CRDs are slow to come."""
    asker = Asker(raw)
    shared = {name: each for name, each in CASES.items() if "update" not in each and not name.startswith("rules")}
    tokens = {name: f"probe{number}" for number, name in enumerate(shared)}
    schema = {"type": "object", "properties": {tokens[name]: each["schema"] for name, each in shared.items()}}
    asker.define("cases0", schema)
    answers = {name: asker.ask_below(tokens[name], each["spec"]) for name, each in shared.items()}
    others = {name: each for name, each in CASES.items() if name not in shared}
    others["formats"] = {"schema": formats_schema(), "spec": formats_spec()}
    for number, each in enumerate(others.values(), start=1):
        asker.prepare(number, each)
    answers |= {name: asker.ask(number, each) for number, (name, each) in enumerate(others.items(), start=1)}
    refused = answers.pop("formats")
    fields = {each["field"] for each in refused["causes"]}
    formats = {
        name: {value: f"spec.{name.replace('-', '_')}[{index}]" not in fields for index, value in enumerate(values)}
        for name, values in FORMATS.items()
    }
    return {"answers": answers, "formats": formats}


def formats_spec() -> Object:
    return {name.replace("-", "_"): values for name, values in FORMATS.items()}


@contextmanager
def through_proxy(port: int) -> Iterator[Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def raw(
        method: str, path: str, body: Any = None, media_type: str = "application/json"
    ) -> tuple[int, Object, list[str]]:
        connection.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": media_type})
        response = connection.getresponse()
        warnings = [json.loads(each.split(" ", 2)[2]) for each in response.headers.get_all("Warning") or []]
        answer = response.read()
        found = json.loads(answer) if answer.startswith(b"{") else {"message": answer.decode()}
        return response.status, found, warnings

    try:
        yield raw
    finally:
        connection.close()


def through_kubectl(kubeconfig: str, work: Callable[[Any], object], *, kubectl: str = "kubectl") -> None:
    """Runs `work` with a `raw` that goes through `kubectl proxy`."""
    proxy = subprocess.Popen(
        [kubectl, "--kubeconfig", kubeconfig, "proxy", "--port=0", "--reject-methods=^$"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert proxy.stdout is not None
        with through_proxy(int(proxy.stdout.readline().rsplit(":", 1)[1])) as raw:
            work(raw)
    finally:
        proxy.terminate()
        proxy.communicate()


def main(kubeconfig: str) -> None:
    through_kubectl(
        kubeconfig, lambda raw: ANSWERS.write_text(json.dumps(gather(raw), indent=1, sort_keys=True) + "\n")
    )


if __name__ == "__main__":
    main(sys.argv[1])

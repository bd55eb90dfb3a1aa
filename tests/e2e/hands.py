"""Two pairs of hands for one end-to-end file.

Between real servers a person's own tool drives: `Kubectl`. Between embedded ones, where no tool may be installed,
`Plain` sends what kubectl would send. Both are synchronous, as a person at a terminal is.
"""

import copy
import json
import os
import queue
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskStatus
from anyio.from_thread import BlockingPortal, start_blocking_portal

from fairlead.client.api import Client, lines
from fairlead.client.targets import Cluster
from fairlead.machinery import encoding, paths
from fairlead.machinery.messages import Headers, Response
from fairlead.machinery.paths import Resource

Object = dict[str, Any]
DEADLINE = 30.0
"""Seconds that any single step may take; nothing here waits for time to pass."""


class Refused(Exception):
    """What the API server said, as the person would read it."""


class Hands(Protocol):
    def apply(self, manifest: Object) -> str: ...
    def create(self, manifest: Object) -> str: ...
    def get(self, resource: Resource, name: str, namespace: str | None = None) -> Object: ...
    def names(self, resource: Resource, namespace: str | None = None) -> list[str]: ...
    def table(self, word: str, resource: Resource) -> list[list[str]]:
        """`get WORD -A`: the header row, then one row per object."""

    def patch(self, resource: Resource, name: str, namespace: str, kind: str, patch: Any) -> Object:
        """`kind` is json, merge, strategic or apply."""

    def status(self, resource: Resource, name: str, namespace: str, status: Object) -> None: ...
    def edit(self, resource: Resource, name: str, namespace: str, old: str, new: str) -> None: ...
    def delete(self, resource: Resource, name: str, namespace: str | None = None) -> None: ...
    def describe(self, resource: Resource, name: str, namespace: str) -> str: ...
    def watch(self, resource: Resource, namespace: str) -> Any:
        """A context manager that yields a `Watched`."""

    def resources(self) -> dict[str, list[str]]:
        """The plural of every namespaced resource outside the core group, with its categories."""


class Watched:
    """Lines of a watch, read in a thread, waited for with a deadline."""

    def __init__(self) -> None:
        self.lines: queue.Queue[str] = queue.Queue()
        self.seen: list[str] = []

    def until(self, *words: str) -> str:
        """The first line that holds all of the words."""
        for line in self.seen:
            if all(word in line for word in words):
                return line
        while True:
            try:
                line = self.lines.get(timeout=DEADLINE)
            except queue.Empty:
                raise AssertionError(f"no line with {words} among {self.seen}") from None
            self.seen.append(line)
            if all(word in line for word in words):
                return line


class Kubectl:
    def __init__(self, cluster: Cluster, program: Path) -> None:
        self.command = [str(program), f"--kubeconfig={cluster.kubeconfig}"]
        self.home = cluster.kubeconfig.parent / "kubectl-home"

    def as_program(self, program: Path) -> "Kubectl":
        """The same hands with another kubectl."""
        found = copy.copy(self)
        found.command = [str(program), *self.command[1:]]
        return found

    def run(self, *arguments: str, text: str | None = None, environment: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            [*self.command, *arguments],
            input=text,
            capture_output=True,
            text=True,
            timeout=DEADLINE * 2,
            check=False,
            env=self.environment() | (environment or {}),
        )
        if done.returncode:
            raise Refused(done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def environment(self) -> dict[str, str]:
        self.home.mkdir(exist_ok=True)
        return os.environ | {"HOME": str(self.home), "KUBECACHEDIR": str(self.home / "cache")}

    def apply(self, manifest: Object) -> str:
        return self.run("apply", "-f", "-", text=json.dumps(manifest))

    def create(self, manifest: Object) -> str:
        return self.run("create", "-f", "-", text=json.dumps(manifest))

    def get(self, resource: Resource, name: str, namespace: str | None = None) -> Object:
        found: Object = json.loads(self.run("get", *_where(resource, namespace), name, "-o", "json"))
        return found

    def names(self, resource: Resource, namespace: str | None = None) -> list[str]:
        where = _where(resource, namespace) if namespace else [_word(resource), "-A"]
        return [each.rpartition("/")[2] for each in self.run("get", *where, "-o", "name").split()]

    def table(self, word: str, resource: Resource) -> list[list[str]]:
        return [line.split() for line in self.run("get", word, "-A").splitlines()]

    def patch(self, resource: Resource, name: str, namespace: str, kind: str, patch: Any) -> Object:
        where = _where(resource, namespace)
        if kind == "apply":
            text = self.run("apply", "--server-side", "-f", "-", "-o", "json", text=json.dumps(patch))
        else:
            text = self.run("patch", *where, name, "--type", kind, "-p", json.dumps(patch), "-o", "json")
        found: Object = json.loads(text)
        return found

    def status(self, resource: Resource, name: str, namespace: str, status: Object) -> None:
        patch = json.dumps({"status": status})
        self.run("patch", *_where(resource, namespace), name, "--subresource=status", "--type=merge", "-p", patch)

    def edit(self, resource: Resource, name: str, namespace: str, old: str, new: str) -> None:
        script = f"import sys,pathlib;p=pathlib.Path(sys.argv[-1]);p.write_text(p.read_text().replace({old!r},{new!r}))"
        editor = shlex.join([sys.executable, "-c", script])
        self.run("edit", *_where(resource, namespace), name, environment={"KUBE_EDITOR": editor})

    def delete(self, resource: Resource, name: str, namespace: str | None = None) -> None:
        self.run("delete", *_where(resource, namespace), name)

    def describe(self, resource: Resource, name: str, namespace: str) -> str:
        return self.run("describe", *_where(resource, namespace), name)

    @contextmanager
    def watch(self, resource: Resource, namespace: str) -> Iterator[Watched]:
        process = subprocess.Popen(
            [*self.command, "get", *_where(resource, namespace), "-w", "--output-watch-events"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=self.environment(),
        )
        watched = Watched()
        assert process.stdout is not None
        reader = threading.Thread(target=_pump, args=(process.stdout, watched), daemon=True)
        reader.start()
        try:
            yield watched
        finally:
            process.terminate()
            process.wait(DEADLINE)
            reader.join(DEADLINE)
            process.stdout.close()

    def resources(self) -> dict[str, list[str]]:
        rows = [line.split() for line in self.run("api-resources", "--namespaced", "-o", "wide").splitlines()[1:]]
        return {row[0]: row[-1].split(",") for row in rows if not row[-1].startswith(("[", "create", "delete"))}


def _pump(lines: Any, watched: Watched) -> None:
    for line in lines:
        watched.lines.put(line)


def _word(resource: Resource) -> str:
    return f"{resource.plural}.{resource.version}.{resource.group}" if resource.group else resource.plural


def _where(resource: Resource, namespace: str | None) -> list[str]:
    return [_word(resource), *(["-n", namespace] if namespace else [])]


TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PATCHES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Plain:
    """The requests that kubectl makes, made with our own client on the loop of a thread."""

    def __init__(self, cluster: Cluster, portal: BlockingPortal, client: Client) -> None:
        self.cluster = cluster
        self.portal = portal
        self.client = client

    @classmethod
    @contextmanager
    def of(cls, cluster: Cluster) -> Iterator["Plain"]:
        with start_blocking_portal() as portal, portal.wrap_async_context_manager(cluster.open()) as client:
            yield cls(cluster, portal, client)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: str = "",
        accept: str = "application/json",
        content_type: str = "application/json",
    ) -> Object:
        async def one() -> Response:
            headers = Headers([("accept", accept), ("content-type", content_type)])
            data = b"" if body is None else encoding.to_json(body)
            connection = self.client.connection
            return await connection.request(method, path, query=query, headers=headers, body=data, timeout=DEADLINE)

        answer = self.portal.call(one)
        assert isinstance(answer.body, bytes)
        try:
            found: Object = encoding.from_json(answer.body)
        except encoding.DecodeError:
            found = {"message": answer.body.decode(errors="replace")}
        if answer.status >= 400:
            raise Refused(f"Error from server ({found.get('reason', answer.status)}): {found['message']}")
        return found

    def _resource(self, manifest: Object) -> tuple[Resource, str, str | None]:
        """Asks discovery for the plural, as kubectl does."""
        group_version = paths.GroupVersion.parse(manifest["apiVersion"])
        listed = self.send("GET", group_version.path)["resources"]
        entry = next((each for each in listed if each["kind"] == manifest["kind"] and "/" not in each["name"]), None)
        if entry is None:
            raise Refused(f"no matches for kind {manifest['kind']} in version {group_version}")
        resource = Resource(group_version.group, group_version.version, entry["name"], entry["namespaced"])
        namespace = manifest["metadata"].get("namespace", "default") if entry["namespaced"] else None
        return resource, manifest["metadata"].get("name", ""), namespace

    def apply(self, manifest: Object) -> str:
        resource, name, namespace = self._resource(manifest)
        written = json.dumps(manifest, separators=(",", ":")) + "\n"
        annotated = {**manifest, "metadata": {**manifest["metadata"], "annotations": {LAST_APPLIED: written}}}
        try:
            self.send("GET", resource.path(namespace, name))
        except Refused as refusal:
            if "NotFound" not in str(refusal):
                raise
            self.send("POST", resource.path(namespace), annotated, query="fieldManager=kubectl-client-side-apply")
            return f"{name} created"
        self.send("PATCH", resource.path(namespace, name), annotated, content_type=PATCHES["merge"])
        return f"{name} configured"

    def create(self, manifest: Object) -> str:
        resource, _, namespace = self._resource(manifest)
        made = self.send("POST", resource.path(namespace), manifest)
        return f"{made['metadata']['name']} created"

    def get(self, resource: Resource, name: str, namespace: str | None = None) -> Object:
        return self.send("GET", resource.path(namespace, name))

    def names(self, resource: Resource, namespace: str | None = None) -> list[str]:
        return [each["metadata"]["name"] for each in self.send("GET", resource.path(namespace))["items"]]

    def table(self, word: str, resource: Resource) -> list[list[str]]:
        table = self.send("GET", resource.path(), accept=TABLE)
        shown = [i for i, each in enumerate(table["columnDefinitions"]) if not each.get("priority")]
        header = ["NAMESPACE", *(table["columnDefinitions"][i]["name"].upper() for i in shown)]
        rows = [
            [
                row["object"]["metadata"]["namespace"],
                *(str(row["cells"][i]) for i in shown if row["cells"][i] is not None),
            ]
            for row in table["rows"]
        ]
        return [header, *rows]

    def patch(self, resource: Resource, name: str, namespace: str, kind: str, patch: Any) -> Object:
        query = "fieldManager=kubectl" if kind == "apply" else ""
        return self.send("PATCH", resource.path(namespace, name), patch, query=query, content_type=PATCHES[kind])

    def status(self, resource: Resource, name: str, namespace: str, status: Object) -> None:
        path = resource.path(namespace, name, "status")
        self.send("PATCH", path, {"status": status}, content_type=PATCHES["merge"])

    def edit(self, resource: Resource, name: str, namespace: str, old: str, new: str) -> None:
        before = self.get(resource, name, namespace)
        after = json.loads(json.dumps(before).replace(old, new))
        self.patch(resource, name, namespace, "merge", {"spec": after["spec"]})

    def delete(self, resource: Resource, name: str, namespace: str | None = None) -> None:
        """Returns when the object has gone, as kubectl does."""
        with self.watch(resource, namespace or "") as watched:
            body = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
            self.send("DELETE", resource.path(namespace, name), body)
            watched.until('"type":"DELETED"', f'"name":"{name}"')

    def describe(self, resource: Resource, name: str, namespace: str) -> str:
        found = self.get(resource, name, namespace)
        selector = f"fieldSelector=involvedObject.uid%3D{found['metadata']['uid']}"
        events = self.send("GET", Resource("", "v1", "events").path(namespace), query=selector)["items"]
        return encoding.to_yaml({"Name": name, "Namespace": namespace, **found, "Events": events})

    @contextmanager
    def watch(self, resource: Resource, namespace: str) -> Iterator[Watched]:
        watched = Watched()

        async def follow(*, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
            path = resource.path(namespace)
            async with self.client.connection.stream("GET", path, query="watch=true") as stream:
                task_status.started()
                async for line in lines(stream.chunks):
                    watched.lines.put(line.decode())

        following, _ = self.portal.start_task(follow)
        try:
            yield watched
        finally:
            following.cancel()

    def resources(self) -> dict[str, list[str]]:
        accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        listed = self.send("GET", "/apis", accept=accept)["items"]
        return {
            each["resource"]: each.get("categories") or []
            for group in listed
            for version in group["versions"]
            for each in version.get("resources") or ()
            if each["scope"] == "Namespaced"
        }

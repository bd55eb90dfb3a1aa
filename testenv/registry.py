"""A registry of packages on loopback, so that Crossplane really installs what a test has built.

Crossplane pulls packages as OCI images: a manifest by tag or digest, its layers as blobs; what others depend on it
chooses from the list of tags. It tries TLS first and then plain HTTP for an address like this one. Nothing is pushed:
packages are made in memory, of one layer, a gzipped tar with `package.yaml`, which holds the package's metadata and the
objects that it brings.

Source: reference/testenv.md (Packages); the OCI distribution and image specifications.
"""

import gzip
import hashlib
import http.server
import io
import json
import re
import tarfile
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_PATH = re.compile(r"/v2/(?P<name>.+)/(?P<what>manifests|blobs|tags)/(?P<reference>[^/]+)")


class Registry:
    """`with Registry() as registry:`; `registry.put(...)` answers the reference to install."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}
        self._tags: dict[tuple[str, str], str] = {}
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def put(self, name: str, tag: str, objects: Sequence[Mapping[str, Any]]) -> str:
        """`objects` begin with the package's own metadata (`meta.pkg.crossplane.io`)."""
        diff = _archive("\n---\n".join(json.dumps(each) for each in objects).encode())
        layer = gzip.compress(diff, mtime=0)
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": {f"io.crossplane.xpkg:sha256:{_hash(layer)}": "base"}},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_hash(diff)}"]},
        }
        described = self._keep(json.dumps(config).encode(), CONFIG)
        layers = [self._keep(layer, LAYER) | {"annotations": {"io.crossplane.xpkg": "base"}}]
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": layers}
        self._tags[name, tag] = self._keep(json.dumps(manifest).encode(), MANIFEST)["digest"]
        return f"{self.address}/{name}:{tag}"

    def _keep(self, content: bytes, media_type: str) -> dict[str, Any]:
        digest = f"sha256:{_hash(content)}"
        self._blobs[digest] = content
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def _found(self, path: str) -> tuple[bytes, str, str] | None:
        """Content, media type and digest."""
        match = _PATH.fullmatch(path)
        if match is None:
            return None
        if match["what"] == "tags":
            return self._listed(match["name"])
        digest = self._tags.get((match["name"], match["reference"]), match["reference"])
        content = self._blobs.get(digest)
        media_type = MANIFEST if match["what"] == "manifests" else "application/octet-stream"
        return None if content is None else (content, media_type, digest)

    def _listed(self, name: str) -> tuple[bytes, str, str] | None:
        """What Crossplane chooses the version of a dependency from."""
        tags = [tag for each, tag in self._tags if each == name]
        return (json.dumps({"name": name, "tags": tags}).encode(), "application/json", "") if tags else None

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                found = (b"{}", "application/json", "") if path in ("/v2", "/v2/") else registry._found(path)
                if found is None:
                    body = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no such package"}]}'
                    self._answer(404, body, "application/json", "")
                else:
                    self._answer(200, *found)

            do_HEAD = do_GET  # noqa: N815 - the library's name

            def _answer(self, status: int, body: bytes, media_type: str, digest: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(body)))
                if digest:
                    self.send_header("Docker-Content-Digest", digest)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        return Handler

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _archive(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("package.yaml")
        entry.size = len(content)
        entry.mode = 0o644
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def metadata(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    """Of a package, which comes first in it."""
    return {"apiVersion": "meta.pkg.crossplane.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}

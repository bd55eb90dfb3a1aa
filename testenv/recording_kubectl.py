"""Records the protobuf bodies that a real kubectl sends, and how a real kube-apiserver reads them.

    python -m testenv.recording_kubectl --kubeconfig PATH --kubectl PATH [--kubectl PATH …]

Writes `tests/embedded/data/kubectl_bodies.json`. A proxy on loopback stands between the two, so that what is recorded
is what went over the wire. All writes are dry runs.
"""

import argparse
import base64
import json
import subprocess
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "tests/embedded/data/kubectl_bodies.json"
MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_OWN = ("accept-encoding", "connection", "content-length", "host")
DRY = """
create namespace recorded
create configmap plain --from-literal=a=ä --from-literal=b=
create configmap binary --from-file=raw={binary}
create secret generic secret --from-literal=user=u --type=example.dev/login
create serviceaccount robot
create service externalname away --external-name=example.dev --tcp=80:8080
create service clusterip near --tcp=http:http --tcp=53:53
create role reader --verb=get,list --resource=pods,services/status --resource-name=one
create clusterrole recorded --verb=get --non-resource-url=/healthz
create rolebinding reader --role=reader --user=u --group=g --serviceaccount=default:robot
create clusterrolebinding recorded --clusterrole=view --user=u
delete clusterrole view --cascade=foreground
delete configmap kube-root-ca.crt --grace-period=0
"""
ASKED = """
create token absent --duration=20m
auth can-i create pods --subresource=log
auth can-i get /healthz
auth can-i --list
auth whoami
"""


class Recorder:
    """A plain proxy in front of `kubectl proxy`, which does the credentials."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.found: list[dict[str, Any]] = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do(self) -> None:
                recorder.pass_on(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do  # noqa: N815

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def pass_on(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        is_protobuf = handler.headers.get("Content-Type") == MEDIA_TYPE
        headers = {name: each for name, each in handler.headers.items() if name.lower() not in _OWN}
        if is_protobuf:
            headers["Accept"] = "application/json"
        request = urllib.request.Request(  # noqa: S310 — loopback
            self.upstream + handler.path, body or None, headers, method=handler.command
        )
        status, answer, media_type = _answer(request)
        if is_protobuf:
            self.found.append({"method": handler.command, "path": handler.path, "body": body, "answer": answer})
        handler.send_response(status)
        handler.send_header("Content-Type", media_type)
        handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)


def _answer(request: urllib.request.Request) -> tuple[int, bytes, str]:
    try:
        with urllib.request.urlopen(request) as response:  # noqa: S310 — loopback
            return response.status, response.read(), response.headers["Content-Type"]
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read(), refused.headers["Content-Type"]


def record(kubectl: str, upstream: str) -> list[dict[str, Any]]:
    text = subprocess.run(
        [kubectl, "version", "--client", "-o", "json"], check=True, capture_output=True, text=True
    ).stdout
    version = json.loads(text)["clientVersion"]["gitVersion"]
    recorder = Recorder(upstream)
    binary = TARGET.with_name("binary")
    binary.write_bytes(bytes(range(250, 256)))
    found = []
    lines = [f"{line} --dry-run=server" for line in DRY.strip().splitlines()] + ASKED.strip().splitlines()
    for line in lines:
        recorder.found.clear()
        command = [kubectl, "--server", recorder.url, *line.format(binary=binary).split()]
        subprocess.run(command, check=False, capture_output=True, timeout=30)
        shown = line.format(binary="FILE")
        found += [{"kubectl": version, "command": shown, **_written(each)} for each in recorder.found]
    binary.unlink()
    recorder.server.shutdown()
    return found


def _written(recorded: dict[str, Any]) -> dict[str, Any]:
    """Tokens are left out: nothing that could be a credential is kept."""
    answer = json.loads(recorded["answer"])
    if isinstance(answer.get("status"), dict):
        answer["status"].pop("token", None)
    return {
        "method": recorded["method"],
        "path": recorded["path"],
        "body": base64.b64encode(recorded["body"]).decode("ascii"),
        "answer": answer,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("--kubectl", required=True, action="append")
    given = parser.parse_args()
    command = [given.kubectl[0], "--kubeconfig", given.kubeconfig, "proxy", "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:
        try:
            upstream = "http://" + (proxy.stdout.readline().split()[-1] if proxy.stdout else "")
            TARGET.parent.mkdir(parents=True, exist_ok=True)
            found = [each for kubectl in given.kubectl for each in record(kubectl, upstream)]
        finally:
            proxy.terminate()
    TARGET.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{TARGET.name}: {len(found)} bodies")


if __name__ == "__main__":
    main()

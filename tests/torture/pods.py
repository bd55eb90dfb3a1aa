"""What a kubelet would do with one Pod of the chart, on a machine without kubelets (Linux, as root).

The container's root is a file system of its own that nobody can write to. It holds Python and this project where an
image would have them, and beside them only what the Deployment mounts: the files of its Secrets, laid out as the
kubelet lays them out, and the token of its service account. The process has the Deployment's user, group, command and
arguments, no capability and no way to gain one, and the environment of a Pod. Its network is a namespace with a cable.

What is not honoured: the seccomp profile, and the limits of memory and CPU.
"""

import base64
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from fairlead.machinery.paths import Resource
from testenv.networks import Machine
from testenv.processes import Process
from testenv.servers import RealCluster
from tests.e2e.hands import Plain

Object = dict[str, Any]

SECRETS = Resource("", "v1", "secrets")
CONFIG_MAPS = Resource("", "v1", "configmaps")
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
REPOSITORY = Path(__file__).parents[2]
SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/sbin")


class Pod:
    """`template` is that of the Deployment as the API server has it."""

    def __init__(
        self, name: str, namespace: str, template: Object, server: RealCluster, hands: Plain, folder: Path
    ) -> None:
        self.name = name
        self.namespace = namespace
        self.spec: Object = template["spec"]
        self._server = server
        self._hands = hands
        self._folder = folder / name
        self._folder.mkdir(parents=True)
        self._process: Process | None = None
        (self.container,) = self.spec["containers"]

    def start(self, machine: Machine | None) -> None:
        """Returns when it says that it is ready. Without a machine it is on the network of the tests."""
        mounts = [self._mounted(each) for each in self.container["volumeMounts"]]
        if self.spec.get("automountServiceAccountToken", True):
            mounts.append((self._account(), ACCOUNT))
        script = self._folder / "start.sh"
        script.write_text(self._script(mounts), encoding="utf-8")
        command = [
            *(machine.prefix if machine else ()),
            "unshare",
            "--mount",
            "--propagation=private",
            "sh",
            "-eu",
            str(script),
        ]
        self._process = Process(self.name, command, self.log)
        self._process.await_ready(lambda: "ready: " in self.said())

    @property
    def log(self) -> Path:
        return self._folder / "log"

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process = None

    def stop(self, seconds: float) -> int | None:
        """As the kubelet ends it. Its exit status."""
        assert self._process is not None
        self._process.stop(seconds)
        code, self._process = self._process.code, None
        return code

    # -- volumes -------------------------------------------------------------------------------------------------------

    def _mounted(self, mount: Object) -> tuple[Path, str]:
        assert mount["readOnly"]
        (volume,) = [each for each in self.spec["volumes"] if each["name"] == mount["name"]]
        return self._volume(volume) / mount.get("subPath", ""), mount["mountPath"]

    def _volume(self, volume: Object) -> Path:
        if secret := volume.get("secret"):
            found = self._hands.get(SECRETS, secret["secretName"], self.namespace)
            files = {key: base64.b64decode(value) for key, value in found["data"].items()}
            source = secret
        else:
            source = volume["configMap"]
            found = self._hands.get(CONFIG_MAPS, source["name"], self.namespace)
            files = {key: value.encode() for key, value in found["data"].items()}
        if items := source.get("items"):
            files = {each["path"]: files[each["key"]] for each in items}
        return self._laid_out(volume["name"], files, source["defaultMode"])

    def _account(self) -> Path:
        """A token as the kubelet asks for one, for the API server and for an hour."""
        path = Resource("", "v1", "serviceaccounts").path(self.namespace, self.spec["serviceAccountName"], "token")
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 3600},
        }
        token = self._hands.send("POST", path, request)["status"]["token"]
        files = {
            "token": token.encode(),
            "ca.crt": self._server.credentials.client_ca.read_bytes(),
            "namespace": self.namespace.encode(),
        }
        return self._laid_out("account", files, 0o640)

    def _laid_out(self, name: str, files: dict[str, bytes], mode: int) -> Path:
        """Links into a folder that is exchanged as a whole; group-owned by the Pod's fsGroup."""
        folder = self._folder / name
        data = folder / "..2026_11_21"
        data.mkdir(parents=True)
        group = self.spec["securityContext"]["fsGroup"]
        for key, content in files.items():
            (data / key).write_bytes(content)
            (data / key).chmod(mode)
            os.chown(data / key, 0, group)
            (folder / key).symlink_to(f"..data/{key}")
        (folder / "..data").symlink_to(data.name)
        for each in (folder, data):
            each.chmod(0o755)
        return folder

    # -- the container -------------------------------------------------------------------------------------------------

    def _script(self, mounts: list[tuple[Path, str]]) -> str:
        """Runs in a mount namespace that ends with the process."""
        root = self._folder / "root"
        root.mkdir()
        lines = [f"mount -t tmpfs -o mode=755 tmpfs {_quoted(root)}"]
        for path in dict.fromkeys([*SYSTEM, sys.base_prefix, sys.prefix, str(REPOSITORY / "src")]):
            if Path(path).is_symlink():
                lines.append(f"ln -s {_quoted(Path(path).readlink())} {_quoted(f'{root}{path}')}")
            elif Path(path).is_dir():
                lines += _bound(path, f"{root}{path}")
        for source, path in mounts:
            lines += _bound(source, f"{root}{path}")
        for path in ("/proc", "/dev"):
            lines += [f"mkdir -p {_quoted(f'{root}{path}')}", f"mount --rbind {path} {_quoted(f'{root}{path}')}"]
        lines += [f"mount -o remount,ro {_quoted(root)}", f"exec chroot {_quoted(root)} {self._command()}"]
        return "\n".join(lines) + "\n"

    def _command(self) -> str:
        pod, container = self.spec["securityContext"], self.container["securityContext"]
        assert container["readOnlyRootFilesystem"]
        assert container["capabilities"] == {"drop": ["ALL"]}
        assert container["allowPrivilegeEscalation"] is False
        return shlex.join(
            [
                *("/usr/bin/setpriv", f"--reuid={pod['runAsUser']}", f"--regid={pod['runAsGroup']}"),
                *(f"--groups={pod['fsGroup']}", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"),
                *("/usr/bin/env", "-i", *(f"{key}={value}" for key, value in self._environment().items())),
                *self.container["command"],
                *self.container["args"],
            ]
        )

    def _environment(self) -> dict[str, str]:
        """HOME is what container runtimes give to a user whom the image does not know."""
        given = {each["name"]: each["value"] for each in self.container.get("env", [])}
        return {
            "PATH": f"{sys.prefix}/bin:/usr/bin:/bin",
            "HOME": "/",
            "HOSTNAME": self.name,
            "KUBERNETES_SERVICE_HOST": self._server.host,
            "KUBERNETES_SERVICE_PORT": str(self._server.ports["kube-apiserver"]),
            **given,
        }


def _bound(source: object, target: str) -> list[str]:
    is_file = Path(str(source)).is_file()
    return [
        f"mkdir -p {_quoted(Path(target).parent if is_file else target)}",
        *([f"touch {_quoted(target)}"] if is_file else []),
        f"mount --bind {_quoted(source)} {_quoted(target)}",
        f"mount -o remount,bind,ro {_quoted(target)}",
    ]


def _quoted(path: object) -> str:
    return shlex.quote(str(path))

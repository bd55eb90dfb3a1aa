"""What Crossplane 1.x has to find before it starts, made from outside.

Its own `core init` reads the folders /crds and /webhookconfigurations of its container, and no setting says where else
to look. A test writes nothing into the root of a machine, and a mount namespace needs rights that not everybody has;
so what that program would make is made here, from the same files: custom resources, webhooks, and three objects.

Source: crossplane v1.20.11, internal/initializer.
"""

import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fairlead.machinery import encoding
from testenv.processes import ServerError

SECONDS = 60.0
_PAUSE = 0.2
Object = dict[str, Any]
Apply = Callable[[Object], None]


def crds(apply: Apply, folder: Path) -> None:
    apply({"apiVersion": "v1", "kind": "List", "items": list(_documents(folder))})


def webhooks(apply: Apply, folder: Path, service: Mapping[str, Any], authority: bytes) -> None:
    """Reached through `service` (name, namespace and port), whose certificate `authority` has issued."""
    for each in _documents(folder):
        if each["metadata"]["name"] == "validating-webhook-configuration":
            each["metadata"]["name"] = "crossplane"
        for hook in each["webhooks"]:
            hook["clientConfig"]["caBundle"] = b64encode(authority).decode()
            hook["clientConfig"]["service"] |= service
        apply(each)


def objects(apply: Apply, namespace: str) -> None:
    """Again while it fails: the API server serves what it has only just been told of a little later."""
    packages = {"apiVersion": "pkg.crossplane.io/v1beta1"}
    runtime = packages | {"kind": "DeploymentRuntimeConfig", "metadata": {"name": "default"}}
    store = {"apiVersion": "secrets.crossplane.io/v1alpha1", "kind": "StoreConfig", "metadata": {"name": "default"}}
    wanted = [packages | {"kind": "Lock", "metadata": {"name": "lock"}}, runtime]
    wanted.append(store | {"spec": {"defaultScope": namespace}})
    deadline = time.monotonic() + SECONDS
    while wanted:
        try:
            apply(wanted[0])
            wanted.pop(0)
        except ServerError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE)


def _documents(folder: Path) -> Iterator[Object]:
    paths: Sequence[Path] = sorted(folder.glob("*.yaml"))
    return (each for path in paths for each in encoding.documents(path.read_bytes()) if each)

"""Secrets by where they are: read when they are needed, and again soon, so that an exchanged one is taken up."""

import base64
import os
from dataclasses import dataclass
from pathlib import Path

from fairlead.client import kubeconfig, rotating
from fairlead.client.api import Client
from fairlead.client.connection import Connection
from fairlead.client.errors import CredentialsError
from fairlead.client.kubeconfig import ConnectionSettings
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource
from fairlead.mcp.named.identities import Reference, SecretKey

_SECRETS = Resource("", "v1", "secrets")


def base(path: str, context: str) -> ConnectionSettings:
    """As every Kubernetes client finds its cluster; in a Pod without a kubeconfig, the Pod's own.

    A file that is named without a context is followed while it changes, as a mounted Secret does. Raises
    `KubeconfigError`.
    """
    said = path or context or os.environ.get("KUBECONFIG")
    if not said and "KUBERNETES_SERVICE_HOST" in os.environ and not (Path.home() / ".kube" / "config").exists():
        return kubeconfig.in_cluster()
    if path and not context:
        return rotating.load(Path(path))
    return kubeconfig.load(path or None, context or None)


async def read(reference: Reference) -> str:
    """Raises `CredentialsError`, which names the place and never what stands there."""
    if reference.secret is not None:
        found = await _of_secret(reference, reference.secret)
    elif reference.env:
        found = os.environ.get(reference.env, "")
    elif reference.text:
        found = reference.text
    else:
        found = _of_file(reference)
    if not found.strip():
        raise CredentialsError(f"there is nothing in the {reference}", "", "put the secret there")
    return found.strip()


def _of_file(reference: Reference) -> str:
    try:
        return Path(reference.file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise CredentialsError(f"the {reference} cannot be read", why) from error


async def _of_secret(reference: Reference, secret: SecretKey) -> str:
    try:
        async with Client(Connection(base(secret.kubeconfig, secret.context))) as client:
            data = (await client.get(_SECRETS, secret.name, secret.namespace)).get("data") or {}
        return base64.b64decode(data.get(secret.key) or "").decode()
    except (FairleadError, ValueError) as error:
        why = str(error) if isinstance(error, FairleadError) else "it is not text"
        raise CredentialsError(f"the {reference} cannot be read", why) from error


@dataclass
class Place:
    """A function for whoever reads it each time."""

    reference: Reference

    async def __call__(self) -> str:
        return await read(self.reference)

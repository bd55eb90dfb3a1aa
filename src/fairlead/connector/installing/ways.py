"""The control plane that a person named: how to reach it now, and how the connector is to reach it.

It is a control plane of a Space or a kubeconfig in a Secret where the values say so, and a context of a kubeconfig
otherwise. What of the context enters the app cluster is at most a token of a ServiceAccount, unless the context's own
credentials are asked for.
"""

import base64
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fairlead.client import kubeconfig, rotating
from fairlead.client.api import Client
from fairlead.client.connection import Connection
from fairlead.client.credentials import Fixed
from fairlead.client.errors import KubeconfigError
from fairlead.client.kubeconfig import ConnectionSettings
from fairlead.connector import kubeconfigsecrets
from fairlead.connector.installing.installed import SECRETS
from fairlead.connector.installing.values import ValuesError, at
from fairlead.connector.spaces import DOMAIN, Space
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError

Object = dict[str, Any]


class CredentialsKindError(FairleadError):
    """The context's credentials cannot be taken along."""


class Kind(Enum):
    CONTEXT = "context"
    SPACE = "Space"
    SECRET = "Secret"  # noqa: S105 - a kind of object


@dataclass(frozen=True)
class Way:
    kind: Kind
    client: Client
    settings: ConnectionSettings


def kind_of(values: Mapping[str, Any]) -> Kind:
    if at(values, "spaces.host"):
        return Kind.SPACE
    return Kind.SECRET if at(values, "spaces.controlPlane.kubeconfigSecret.name") else Kind.CONTEXT


@asynccontextmanager
async def opened(
    name: str, values: Mapping[str, Any], app: Client, namespace: str, path: Path | None
) -> AsyncIterator[Way]:
    """`path`: the kubeconfig with the context of that name. Raises `FairleadError`."""
    kind = kind_of(values)
    with tempfile.TemporaryDirectory() as folder:  # readable by its owner alone
        if kind is Kind.SPACE:
            settings = (await _space(name, values, app, namespace, Path(folder))).connection()
        elif kind is Kind.SECRET:
            settings = await _held(values, app, namespace, Path(folder))
        else:
            settings = kubeconfig.load(path, name)
        async with Client(Connection(settings)) as client:
            yield Way(kind, client, settings)


async def _space(name: str, values: Mapping[str, Any], app: Client, namespace: str, folder: Path) -> Space:
    token = at(values, "upbound.token")
    if held := at(values, "upbound.tokenSecret.name"):
        token = (
            (await _secret(app, held, namespace)).get(at(values, "upbound.tokenSecret.key") or "token", b"").decode()
        )
    (folder / "token").write_text(str(token or ""), encoding="utf-8")
    bundle = at(values, "spaces.caBundle")
    (folder / "ca").write_text(bundle or "", encoding="utf-8")
    return Space(
        host=at(values, "spaces.host"),
        account=at(values, "upbound.account") or "",
        token_file=folder / "token",
        name=at(values, "spaces.controlPlane.name") or name,
        group=at(values, "spaces.controlPlane.group") or "",
        domain=at(values, "upbound.domain") or DOMAIN,
        authority=folder / "ca" if bundle else None,
        insecure=bool(at(values, "spaces.insecureSkipTLSVerify")),
    )


async def _held(values: Mapping[str, Any], app: Client, namespace: str, folder: Path) -> ConnectionSettings:
    held = at(values, "spaces.controlPlane.kubeconfigSecret.name")
    for key, content in (await _secret(app, held, namespace)).items():
        (folder / key).write_bytes(content)
    return rotating.load(folder / (at(values, "spaces.controlPlane.kubeconfigSecret.key") or "kubeconfig"))


async def _secret(app: Client, name: str, namespace: str) -> dict[str, bytes]:
    try:
        found = await app.get(SECRETS, name, namespace)
    except statuses.NotFound:
        raise ValuesError(
            f"the values name Secret {namespace}/{name}", "it does not exist in the app cluster", "create it first"
        ) from None
    return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}


def with_token(way: Way, name: str, token: str, server: str = "") -> Object:
    """The kubeconfig that enters the app cluster. `server`: its address as Pods know it."""
    return _kubeconfig(way.settings, name, {"token": token}, server)


def with_own_credentials(way: Way, name: str, server: str = "") -> Object:
    """Raises `CredentialsKindError`."""
    source = way.settings.source
    if not isinstance(source, Fixed) or way.settings.impersonate is not None:
        raise CredentialsKindError(
            f"the credentials of context {name!r} cannot be copied",
            "they come from a program, a file that changes, or impersonation, which a Pod does not have",
            "leave --use-context-credentials out",
        )
    scheme, _, value = source.bearer.header.partition(" ")
    user: Object = {}
    if scheme == "Bearer":
        user["token"] = value
    elif scheme == "Basic":
        user["username"], _, user["password"] = base64.b64decode(value).decode().partition(":")
    if pair := source.bearer.certificate:
        user["client-certificate-data"] = base64.b64encode(pair.certificate).decode()
        user["client-key-data"] = base64.b64encode(pair.key).decode()
    return _kubeconfig(way.settings, name, user, server)


def _kubeconfig(settings: ConnectionSettings, name: str, user: Object, server: str) -> Object:
    if server:
        settings = replace(settings, server=server.rstrip("/"))
    more = {"insecure_skip_tls_verify": settings.insecure, "tls_server_name": settings.tls_server_name}
    authority = None if settings.insecure else settings.authority
    return kubeconfigsecrets.kubeconfig(name, settings.server, authority, user, proxy_url=settings.proxy, **more)


def check_server(server: str) -> None:
    """Raises `KubeconfigError`."""
    parts = urlsplit(server)
    if parts.scheme != "https" or not parts.hostname:
        raise KubeconfigError(f"{server!r} is no address of a control plane", "it is an https URL")


def only_here(server: str) -> bool:
    """Whether a Pod would find itself under that address."""
    host = urlsplit(server).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")

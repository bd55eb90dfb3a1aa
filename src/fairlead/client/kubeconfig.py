"""Kubeconfig files, read as kubectl reads them, into one frozen value.

Source: client-go `tools/clientcmd`: the files of `$KUBECONFIG` are merged and the first to name a thing wins; a
relative path is relative to the file that holds it; data beside a path wins over the path.
"""

import base64
import binascii
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from fairlead.client.credentials import Bearer, ClientCertificate, Fixed, Renewing, Source, TokenFile
from fairlead.client.errors import KubeconfigError
from fairlead.client.execplugins import VERSIONS, ExecPlugin
from fairlead.client.kubeconfigshape import File
from fairlead.machinery import encoding
from fairlead.machinery.principals import Principal

Entry = Mapping[str, Any]
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True)
class ConnectionSettings:
    server: str
    """The base URL, any path prefix included, without a trailing slash."""
    source: Source = field(default_factory=Fixed)
    authority: bytes | None = field(default=None, repr=False)
    """PEM bundle; None means the system's."""
    insecure: bool = False
    tls_server_name: str = ""
    proxy: str = field(default="", repr=False)
    namespace: str = "default"
    impersonate: Principal | None = None


def load(path: str | Path | None = None, context: str | None = None) -> ConnectionSettings:
    """Without a path: the files of `$KUBECONFIG`, else `~/.kube/config`. Raises `KubeconfigError`, naming the file."""
    return _settings(_Merged(_files(path)), context)


def contexts(path: str | Path | None = None) -> tuple[str, ...]:
    """Their names as the files have them, but the current one first. Raises `KubeconfigError`."""
    merged = _Merged(_files(path))
    names = merged.named["contexts"]
    return tuple(sorted(names, key=lambda name: name != merged.current))


def in_cluster(folder: Path = SERVICE_ACCOUNT, environment: Mapping[str, str] = os.environ) -> ConnectionSettings:
    """What a Pod is given: the service account's files and two variables. The token is read again as it rotates."""
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        raise KubeconfigError("this is no Pod", "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set")
    host = f"[{host}]" if ":" in host else host
    namespace = folder / "namespace"
    return ConnectionSettings(
        f"https://{host}:{port}",
        TokenFile(folder / "token"),
        _bytes(folder / "ca.crt"),
        namespace=_bytes(namespace).decode().strip() if namespace.exists() else "default",
    )


def _files(path: str | Path | None) -> list[Path]:
    if path is not None:
        return [Path(path)]
    listed = os.environ.get("KUBECONFIG", "")
    if listed:
        # A file that is not there is skipped where there are several, as kubectl does.
        found = [Path(each) for each in listed.split(os.pathsep) if each]
        return [each for each in found if each.exists()] or found[:1]
    return [Path.home() / ".kube" / "config"]


class _Merged:
    """The first file to name a cluster, user, context or current context wins."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = files
        self.current = ""
        self.named: dict[str, dict[str, tuple[Entry, Path]]] = {"clusters": {}, "users": {}, "contexts": {}}
        for path in files:
            self._add(path, _parse(path))

    def _add(self, path: Path, document: Entry) -> None:
        self.current = self.current or str(document.get("current-context") or "")
        for kind, found in self.named.items():
            for entry in document.get(kind) or ():
                found.setdefault(entry["name"], (entry.get(kind[:-1]) or {}, path))

    def find(self, kind: str, name: str) -> tuple[Entry, Path]:
        try:
            return self.named[kind][name]
        except KeyError:
            where, known = " and ".join(map(str, self.files)), ", ".join(sorted(self.named[kind])) or "none"
            raise KubeconfigError(
                f"{where} has no {kind[:-1]} {name!r}", f"it has {known}", "name one of these, or mend the file"
            ) from None


def _parse(path: Path) -> Entry:
    try:
        document = encoding.from_yaml(path.read_bytes())
    except FileNotFoundError as error:
        raise KubeconfigError(f"{path} does not exist", "", "give the path of a kubeconfig file") from error
    except OSError as error:
        raise KubeconfigError(f"{path} cannot be read", error.strerror or "") from error
    except encoding.DecodeError as error:
        raise KubeconfigError(f"{path} is no kubeconfig", error.why) from error
    if not isinstance(document, dict) or document.get("kind", "Config") != "Config":
        raise KubeconfigError(f"{path} is no kubeconfig", "it is not a document of kind Config")
    try:
        msgspec.convert(document, File)
    except msgspec.ValidationError as error:
        raise KubeconfigError(f"{path} is no kubeconfig", str(error)) from error
    return document


def _settings(merged: _Merged, name: str | None) -> ConnectionSettings:
    chosen = name or merged.current
    if not chosen:
        raise KubeconfigError(
            f"{' and '.join(map(str, merged.files))} has no current context", "", "name one, or set current-context"
        )
    context, context_path = merged.find("contexts", chosen)
    if not context.get("cluster"):
        raise KubeconfigError(f"{context_path}: the context {chosen!r} names no cluster")
    cluster, cluster_path = merged.find("clusters", str(context["cluster"]))
    user: Entry = {}
    user_path = context_path
    if context.get("user"):
        user, user_path = merged.find("users", str(context["user"]))
    authority = _material(cluster, "certificate-authority", cluster_path)
    return ConnectionSettings(
        server=_server(cluster, cluster_path),
        source=_source(user, user_path, cluster, authority),
        authority=authority,
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        tls_server_name=str(cluster.get("tls-server-name") or ""),
        proxy=_proxy(cluster, cluster_path),
        namespace=str(context.get("namespace") or "default"),
        impersonate=_impersonated(user),
    )


def _server(cluster: Entry, path: Path) -> str:
    server = str(cluster.get("server") or "").rstrip("/")
    server = server if "://" in server or not server else f"https://{server}"
    if not _is_web_address(server):
        raise KubeconfigError(f"{path}: the cluster's server {server!r} is no http or https URL")
    return server


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not match, a port that is no number
        return False


def _proxy(cluster: Entry, path: Path) -> str:
    proxy = str(cluster.get("proxy-url") or "")
    if proxy and not _is_web_address(proxy):
        raise KubeconfigError(f"{path}: proxy-url is no http or https URL", "other kinds of proxy are not supported")
    return proxy


def _source(user: Entry, path: Path, cluster: Entry, authority: bytes | None) -> Source:
    certificate = _certificate(user, path)
    if user.get("exec"):
        return Renewing(_exec(user["exec"], path, cluster, authority).fetch)
    if user.get("auth-provider"):
        provider = (user["auth-provider"] or {}).get("name", "")
        raise KubeconfigError(
            f"{path}: the auth-provider {provider!r} is not supported", "", "use an exec plugin or a token instead"
        )
    if user.get("tokenFile"):
        return TokenFile(path.parent / str(user["tokenFile"]), certificate, str(user.get("token") or ""))
    if user.get("token"):
        return Fixed(Bearer(f"Bearer {user['token']}", certificate))
    if user.get("username"):
        pair = f"{user['username']}:{user.get('password') or ''}"
        return Fixed(Bearer(f"Basic {base64.b64encode(pair.encode()).decode()}", certificate))
    return Fixed(Bearer("", certificate))


def _exec(entry: Entry, path: Path, cluster: Entry, authority: bytes | None) -> ExecPlugin:
    version = str(entry.get("apiVersion") or "")
    if version not in VERSIONS:
        raise KubeconfigError(
            f"{path}: the exec plugin's apiVersion {version!r} is not supported", f"supported are {', '.join(VERSIONS)}"
        )
    command = str(entry.get("command") or "")
    if not command:
        raise KubeconfigError(f"{path}: the exec plugin has no command")
    # A command with a slash is relative to the file, a bare one is looked up on the path.
    command = str(path.parent / command) if "/" in command else command
    variables = tuple((str(each["name"]), str(each["value"])) for each in entry.get("env") or ())
    return ExecPlugin(
        command,
        tuple(str(each) for each in entry.get("args") or ()),
        variables,
        version,
        str(entry.get("installHint") or ""),
        str(entry.get("interactiveMode") or "IfAvailable"),
        _cluster_info(cluster, authority) if entry.get("provideClusterInfo") else None,
    )


def _cluster_info(cluster: Entry, authority: bytes | None) -> dict[str, Any]:
    info: dict[str, Any] = {
        key: cluster[key]
        for key in ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url")
        if cluster.get(key)
    }
    if authority:
        info["certificate-authority-data"] = base64.b64encode(authority).decode()
    extensions = {each["name"]: each.get("extension") for each in cluster.get("extensions") or ()}
    if (config := extensions.get("client.authentication.k8s.io/exec")) is not None:
        info["config"] = config
    return info


def _certificate(user: Entry, path: Path) -> ClientCertificate | None:
    certificate = _material(user, "client-certificate", path)
    key = _material(user, "client-key", path)
    if bool(certificate) != bool(key):
        lacking = "client-key" if certificate else "client-certificate"
        raise KubeconfigError(f"{path}: the user's {lacking} is missing", "certificate and key go together")
    return ClientCertificate(certificate, key) if certificate and key else None


def _material(entry: Entry, name: str, path: Path) -> bytes | None:
    if data := entry.get(f"{name}-data"):
        try:
            return base64.b64decode("".join(str(data).split()), validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            raise KubeconfigError(f"{path}: {name}-data is not base64") from error
    return _bytes(path.parent / str(entry[name])) if entry.get(name) else None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KubeconfigError(f"{path} cannot be read", error.strerror or "") from error


def _impersonated(user: Entry) -> Principal | None:
    if not user.get("as"):
        return None
    extra = tuple(sorted((key, tuple(values)) for key, values in (user.get("as-user-extra") or {}).items()))
    return Principal(str(user["as"]), str(user.get("as-uid") or ""), tuple(user.get("as-groups") or ()), extra)

"""Exec credential plugins: the programs that cloud providers have a kubeconfig start for a token.

Source: client.authentication.k8s.io/v1 and v1beta1 (client-go `plugin/pkg/client/auth/exec`). The plugin is started
without a shell, with `KUBERNETES_EXEC_INFO` in its environment, and prints an ExecCredential. Its standard
error is shown in ours, capped; its standard output never is, because that is the credential.
"""

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fairlead.client.credentials import Bearer, ClientCertificate
from fairlead.client.errors import CredentialsError
from fairlead.machinery import encoding

VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
DEADLINE = 120.0
"""Seconds: some plugins open a browser and wait for a person."""
_SHOWN = 300
_FIELDS = ("token", "clientCertificateData", "clientKeyData", "expirationTimestamp")
_TERMINAL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")
_SECRETS = re.compile(
    r"""(?ix)
    -----BEGIN\ [^-]*PRIVATE\ KEY-----.*?(?:-----END[^-]*-----|\Z)    # a key
    | (?<=\bbearer\ )\S+ | (?<=\bbasic\ )[\w+/=]{8,}                   # Authorization
    | \bey[\w-]{8,}\.[\w.-]*                                         # a JSON web token
    | [\w+/=-]{40,}                                                  # as long as no word or name is
    """,
    re.DOTALL,
)
_NAMED = re.compile(r"""(?i)((?:token|secret|password|passwd|key)["']?\s*[:=]\s*["']?)[^\s"',;]+""")


def _scrubbed(complaint: str) -> str:
    """Without what looks like a credential or moves a terminal's cursor: tools print both when they fail."""
    plain = _TERMINAL.sub("", complaint)
    return _NAMED.sub(r"\1[…]", _SECRETS.sub("[…]", plain))


@dataclass(frozen=True)
class ExecPlugin:
    command: str
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    api_version: str = VERSIONS[0]
    install_hint: str = ""
    interactive: str = "IfAvailable"
    """Never, IfAvailable or Always: whether the plugin gets our standard input."""
    cluster: Mapping[str, Any] | None = None
    """The ExecCredential's `spec.cluster`, where the kubeconfig says `provideClusterInfo`."""

    async def fetch(self) -> Bearer:
        """Raises `CredentialsError`."""
        interactive = self._interactive()
        output = await self._run(self._environment(interactive), interactive)
        try:
            answer = encoding.from_json(output)
        except encoding.DecodeError as error:
            raise self._failed("it printed no ExecCredential") from error
        return self._read(answer)

    def _interactive(self) -> bool:
        available = sys.stdin is not None and sys.stdin.isatty()
        if self.interactive == "Always" and not available:
            raise self._failed("it needs a terminal, and standard input is none")
        return available and self.interactive != "Never"

    def _environment(self, interactive: bool) -> dict[str, str]:
        spec: dict[str, Any] = {"interactive": interactive}
        if self.cluster is not None:
            spec["cluster"] = dict(self.cluster)
        info = {"apiVersion": self.api_version, "kind": "ExecCredential", "spec": spec}
        return os.environ | dict(self.environment) | {"KUBERNETES_EXEC_INFO": encoding.to_json(info).decode()}

    async def _run(self, environment: dict[str, str], interactive: bool) -> bytes:
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                self.command,
                *self.arguments,
                env=environment,
                stdin=None if interactive else asyncio.subprocess.DEVNULL,
                stdout=pipe,
                stderr=pipe,
            )
        except OSError as error:
            raise self._failed(error.strerror or str(error)) from error
        try:
            async with asyncio.timeout(DEADLINE):
                output, complaint = await process.communicate()
        except TimeoutError as error:
            raise self._failed(f"it did not end within {DEADLINE:.0f} s") from error
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode:
            said = _scrubbed(complaint.decode(errors="replace"))[:_SHOWN].strip()
            raise self._failed(f"it ended with code {process.returncode}" + (f" and said: {said}" if said else ""))
        return output

    def _read(self, answer: Any) -> Bearer:
        if not isinstance(answer, dict) or answer.get("kind") != "ExecCredential":
            raise self._failed("it printed no ExecCredential")
        if answer.get("apiVersion") != self.api_version:
            raise self._failed(f"it answered in {answer.get('apiVersion')}, the kubeconfig says {self.api_version}")
        status = answer.get("status") or {}
        if not isinstance(status, dict) or not all(isinstance(status.get(name) or "", str) for name in _FIELDS):
            raise self._failed("the status of its ExecCredential is not made of strings")
        token, certificate, key, expiry = (status.get(name) or "" for name in _FIELDS)
        if bool(certificate) != bool(key):
            raise self._failed("it gave a certificate without its key, or a key without its certificate")
        if not token and not certificate:
            raise self._failed("it gave neither a token nor a certificate")
        pair = ClientCertificate(certificate.encode(), key.encode()) if certificate else None
        return Bearer(f"Bearer {token}" if token else "", pair, self._expiry(expiry))

    def _expiry(self, stamp: str) -> float | None:
        if not stamp:
            return None
        with contextlib.suppress(ValueError):
            if (time := datetime.fromisoformat(stamp)).tzinfo is not None:
                return time.timestamp()
        raise self._failed(f"its expirationTimestamp {stamp[:40]!r} is no RFC 3339 time")

    def _failed(self, why: str) -> CredentialsError:
        hint = " ".join(self.install_hint.split())[:_SHOWN]
        return CredentialsError(f"the exec plugin {self.command!r} gave no credentials", why, hint)

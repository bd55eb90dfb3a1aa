"""A real identity provider on loopback: Keycloak, with TLS, client-ID metadata documents and a realm of one's own.

What MCP clients and API servers expect of a provider differs from what providers do (Keycloak takes no `resource`
parameter, registers nobody by default, gives tokens no audience), so the answers of ours that name such causes are
tried against one. It is started without its shell script, which would outlive a killed test run, on a copy of the
database that `make testenv` has made, which saves half of the start.
"""

import json
import os
import shutil
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from fairlead.serving.certificates import Authority
from testenv import building
from testenv.closing import Closing
from testenv.ports import Ports
from testenv.processes import Process, ServerError
from testenv.targets import KEYCLOAK_ADMIN

HOST = "127.0.0.1"
START_SECONDS = 400.0
"""15 s of CPU: an idle machine needs 12, one that is busy with eight other things several minutes."""
_OPENED = ("java.util", "java.util.concurrent", "java.security", "java.lang")
_JAVA = (
    *("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xms64m", "-Xmx512m", "-Dfile.encoding=UTF-8"),
    # Its own classes need not be verified each time; that is a fifth of the start.
    *("-XX:+UnlockDiagnosticVMOptions", "-XX:-BytecodeVerificationRemote"),
    *(f"--add-opens=java.base/{each}=ALL-UNNAMED" for each in _OPENED),
    "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
)


class AdminError(Exception):
    """What Keycloak's administration answered."""


class Keycloak(Closing):
    """`with Keycloak(directory) as keycloak`. Raises `ServerError` when it is not built or does not become ready."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.authority = Authority.create("provider")
        self.certificate_authority = self._write("ca.crt", self.authority.certificate)
        pair = self.authority.issue_server(["localhost"], [HOST])
        self._pair = self._write("tls.crt", pair.certificate), self._write("tls.key", pair.key)
        self.trusting = ssl.create_default_context(cafile=str(self.certificate_authority))
        self._ports = Ports("https")
        self._process: Process | None = None
        self._admin = ("", 0.0)

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self._ports['https']}"

    def issuer(self, realm: str) -> str:
        return f"{self.url}/realms/{realm}"

    def __enter__(self) -> Self:
        program = building.binary("kc.sh")
        if program is None:
            raise ServerError("keycloak is not built", remedy="run `make testenv`")
        self._lay_out(program.parent.parent)
        command = [*_JAVA, f"-Dkc.home.dir={self.directory}", f"-Djboss.server.config.dir={self.directory / 'conf'}"]
        command += ["-cp", str(self.directory / "lib" / "quarkus-run.jar")]
        command += ["io.quarkus.bootstrap.runner.QuarkusEntryPoint", "start", "--optimized", *self._flags()]
        self._process = Process("keycloak", command, self.directory / "keycloak.log")
        with self._or_close():
            self._process.await_ready(self._is_ready, START_SECONDS)
        return self

    def close(self) -> None:
        if self._process is not None:
            self._process.stop()
        self._ports.close()
        shutil.rmtree(self.directory / "data", ignore_errors=True)

    def _lay_out(self, built: Path) -> None:
        """A home of its own, since it writes into it; only the database is copied."""
        for name in ("lib", "conf", "providers", "themes"):
            (self.directory / name).symlink_to(built / name)
        shutil.copytree(built / "data" / "h2", self.directory / "data" / "h2")

    def _flags(self) -> list[str]:
        return [
            "--cache=local",  # else it looks for others of its kind on every network
            f"--http-host={HOST}",
            f"--https-port={self._ports['https']}",
            f"--hostname={self.url}",
            f"--https-certificate-file={self._pair[0]}",
            f"--https-certificate-key-file={self._pair[1]}",
            # It fetches the documents of clients, which in tests have certificates of this authority too.
            f"--truststore-paths={self.certificate_authority}",
        ]

    def _is_ready(self) -> bool:
        try:
            return bool(self.get(f"{self.issuer('master')}/.well-known/openid-configuration"))
        except (OSError, AdminError):
            return False

    def get(self, url: str) -> Any:
        return self._exchange("GET", url)[0]

    def post(self, url: str, form: Mapping[str, str]) -> Any:
        """As a client of OAuth does."""
        return self._exchange("POST", url, urllib.parse.urlencode(form).encode())[0]

    def admin(self, method: str, path: str, document: Any = None) -> Any:
        """Of the administration's REST API; the id of what was made. Raises `AdminError`."""
        headers = {"Authorization": f"Bearer {self._admin_token()}", "Content-Type": "application/json"}
        data = None if document is None else json.dumps(document).encode()
        found, location = self._exchange(method, f"{self.url}/admin/realms{path}", data, headers)
        return location.rpartition("/")[2] if location else found

    def _admin_token(self) -> str:
        """The same for half its life: to check a password costs Keycloak more than all that is asked here."""
        token, until = self._admin
        if time.monotonic() >= until:
            login = {"grant_type": "password", "client_id": "admin-cli"}
            login |= {"username": KEYCLOAK_ADMIN, "password": KEYCLOAK_ADMIN}
            found = self.post(f"{self.issuer('master')}/protocol/openid-connect/token", login)
            token = found["access_token"]
            self._admin = token, time.monotonic() + found["expires_in"] / 2
        return token

    def _exchange(
        self, method: str, url: str, data: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[Any, str]:
        request = urllib.request.Request(url, data, dict(headers or {}), method=method)  # noqa: S310 - our own
        try:
            with urllib.request.urlopen(request, timeout=START_SECONDS, context=self.trusting) as answer:  # noqa: S310 - our own
                content = answer.read()
                return json.loads(content) if content else None, answer.headers.get("Location") or ""
        except urllib.error.HTTPError as error:
            raise AdminError(f"{error.code}: {error.read().decode(errors='replace')[:500]}") from error

    def _write(self, name: str, content: bytes) -> Path:
        path = self.directory / name
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        return path

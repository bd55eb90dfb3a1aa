"""Plain HTTPS to an endpoint that a Kubernetes object names: the server behind an APIService, or a webhook.

The object says where to connect, under which name to expect the certificate, and which CA to trust; none of it comes
from a kubeconfig. Requests and streams have the shapes of `connection.Connection`, because underneath it is one.
"""

from dataclasses import dataclass, field

from fairlead.client.connection import Connection
from fairlead.client.credentials import Bearer, ClientCertificate, Fixed
from fairlead.client.kubeconfig import ConnectionSettings


@dataclass(frozen=True)
class Endpoint:
    host: str
    port: int
    server_name: str
    """Under which the certificate is expected: `<service>.<namespace>.svc` for a Service."""
    authority: bytes | None = field(default=None, repr=False)
    """PEM bundle (`caBundle`); None means the system's."""
    certificate: ClientCertificate | None = None
    """Ours, such as the front proxy's."""
    insecure: bool = False
    """`insecureSkipTLSVerify`."""

    def open(self, *, user_agent: str = "fairlead") -> Connection:
        """Raises `KubeconfigError` or `CredentialsError` with the first request where CA or certificate are broken."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        settings = ConnectionSettings(
            server=f"https://{host}:{self.port}",
            source=Fixed(Bearer("", self.certificate)),
            authority=self.authority,
            insecure=self.insecure,
            tls_server_name=self.server_name,
        )
        return Connection(settings, user_agent=user_agent)

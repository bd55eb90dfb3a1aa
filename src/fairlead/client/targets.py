"""What a target is: a name for people, and a way in."""

from dataclasses import dataclass
from pathlib import Path

from fairlead.client.api import Client


@dataclass(frozen=True)
class Cluster:
    """A Kubernetes API by its kubeconfig; the embedded server, the real ones of the tests and a person's own alike."""

    name: str
    kubeconfig: Path
    context: str | None = None

    def open(self) -> Client:
        """Raises `KubeconfigError`. Nothing is connected before the first request."""
        return Client.from_kubeconfig(self.kubeconfig, self.context)

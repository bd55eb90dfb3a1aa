"""What a container has printed: the end of it, because the beginning is what nobody asks for."""

from dataclasses import dataclass
from urllib.parse import urlencode

from fairlead.client.api import Client, refusal
from fairlead.machinery.paths import Resource

PODS = Resource("", "v1", "pods")
MOST_BYTES = 64_000


@dataclass(frozen=True)
class Wanted:
    container: str = ""
    """Empty: the pod's only one."""
    tail: int = 100
    """Lines."""
    since_seconds: int = 0
    """Zero: however old."""
    previous: bool = False
    """Before its last restart."""

    @property
    def query(self) -> str:
        found = {
            "tailLines": str(self.tail),
            "limitBytes": str(MOST_BYTES),
            "container": self.container,
            "sinceSeconds": str(self.since_seconds or ""),
            "previous": "true" if self.previous else "",
        }
        return urlencode({key: value for key, value in found.items() if value})


async def read(client: Client, namespace: str, pod: str, wanted: Wanted) -> str:
    """Raises what `Client` raises."""
    path = PODS.path(namespace, pod, "log")
    answer = await client.connection.request("GET", path, query=wanted.query)
    body = answer.body if isinstance(answer.body, bytes) else b""
    if answer.status >= 300:
        raise refusal(answer.status, body, answer.headers)
    return body.decode("utf-8", "replace")

"""The connector's own token towards the control plane, renewed before it ends.

Installing leaves a token of a ServiceAccount in the app cluster, and nothing else that opens the control plane. It ends
by itself; the leader asks for a new one after four fifths of its life and writes it into the Secret, which the kubelet
brings to every replica, and each reads it again while it runs. When the app cluster was away for longer than the last
fifth, installing again puts a new token there.

Source: issue Connector, 5.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from fairlead.client.api import Client
from fairlead.connector import kubeconfigsecrets
from fairlead.connector.kubeconfigsecrets import HeldToken
from fairlead.connector.settings import SecretName
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource

SECRETS = Resource("", "v1", "secrets")
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts")
LIFE = 30 * 24 * 3600
"""Seconds; a control plane may give less."""
SHARE_OF_LIFE = 0.8
_LOOK_SECONDS = 600.0
_RETRY_SECONDS = 30.0

_log = logging.getLogger(__name__)


async def token_of(control_plane: Client, namespace: str, account: str, life: int = LIFE) -> str:
    """A TokenRequest. Raises what the client raises."""
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": life}}
    path = SERVICE_ACCOUNTS.path(namespace, account, "token")
    answer = await control_plane.post(path, request)
    return str(answer["status"]["token"])


@dataclass
class TokenRenewal:
    app: Client
    control_plane: Client
    secret: SecretName
    clock: Callable[[], float] = time.time
    _told: str = field(default="", init=False)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                pause = await self.look()
                self._told = ""
            except FairleadError as error:
                pause = _RETRY_SECONDS
                self._tell(f"the token of the control plane in Secret {self.secret} is not renewed: {error}")
            await asyncio.sleep(pause)

    def _tell(self, problem: str) -> None:
        if problem != self._told:
            _log.warning("%s", problem)
        self._told = problem

    async def look(self) -> float:
        """Renews when it is time; answers in how many seconds to look again. Raises `FairleadError`."""
        found = await self.app.get(SECRETS, self.secret.name, self.secret.namespace)
        held = kubeconfigsecrets.read(found)
        wait = held.due(SHARE_OF_LIFE) - self.clock()
        if wait > 0:
            return min(wait, _LOOK_SECONDS)
        token = await token_of(self.control_plane, held.namespace, held.account, _life(held))
        # Conditional on what was read: a person or another leader may have been first.
        await self.app.replace(SECRETS, held.exchanged(found, token))
        _log.info("the token of the control plane in Secret %s was renewed", self.secret)
        return 0.0


def _life(held: HeldToken) -> int:
    """As long as the one before; a TokenRequest takes no less than ten minutes."""
    return max(600, round(held.expires - held.issued))

"""A certificate out of files that somebody else renews, as cert-manager and the kubelet do.

They are read every few seconds rather than watched: a mounted Secret changes by a symbolic link somewhere else. A key
that does not belong to the certificate is one half of a change, and is waited out; what cannot be used is told once,
and the certificate that stands is served on.
"""

import asyncio
import logging
from pathlib import Path

from fairlead.machinery.errors import FairleadError
from fairlead.serving.certificates import CertificateError, KeyPair
from fairlead.serving.tls import ServerTLS

INTERVAL = 10.0
_log = logging.getLogger(__name__)


class FileTLS(ServerTLS):
    def __init__(self, certificate: Path, key: Path) -> None:
        """Raises `CertificateError` that names the file at fault."""
        super().__init__(KeyPair.load(certificate, key))
        self._certificate, self._key = certificate, key
        self.fault = ""
        """Why the files are not taken up just now, in one line."""

    async def follow(self, interval: float = INTERVAL) -> None:
        """Endless."""
        while True:
            await asyncio.sleep(interval)
            await asyncio.to_thread(self.renew)

    def renew(self) -> None:
        """Takes up what the files hold, where it is another certificate that can be used."""
        try:
            pair = KeyPair.load(self._certificate, self._key)
            if pair != self.pair:
                self.exchange(pair=pair)
                _log.info("serving with another certificate, until %s", pair.expires.isoformat(timespec="minutes"))
            self.fault = ""
        except (CertificateError, OSError) as error:
            self._tell(str(error) if isinstance(error, FairleadError) else error.strerror or "it cannot be read")

    def _tell(self, fault: str) -> None:
        if fault != self.fault:
            _log.warning("the certificate stays as it was: %s", fault)
        self.fault = fault

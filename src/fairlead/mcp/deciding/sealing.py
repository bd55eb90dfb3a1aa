"""What leaves this process and comes back, or lies where others could write, sealed: only our own is opened again.

One secret, from a file that all workers of a server read, and from it one key for each purpose, so that what was sealed
for one cannot be passed off as another. Without a file the secret is made anew by each process, which is enough where
there is one. A file with several lines is a key being exchanged: the first seals, every one opens.

Source: reference/mcp-and-gateways.md §1.2 (requestState is attacker-controlled), §2.5 (its key is random per process).
"""

import hashlib
import hmac
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fairlead.machinery.errors import FairleadError

_SHORTEST = 32
_NONCE = 12


class SealError(FairleadError):
    """A key cannot be used, or something was not sealed by us, for this purpose, or as it is now."""


class Seals:
    def __init__(self, *secrets: bytes) -> None:
        """The first seals, all open. Without any, one that lives as long as this process."""
        self._secrets = secrets or (os.urandom(_SHORTEST),)
        self._keys: dict[str, list[bytes]] = {}
        self._ciphers: dict[str, list[AESGCM]] = {}

    def keys(self, purpose: str) -> list[bytes]:
        """32 bytes each; nothing is learnt of the secret, or of another purpose's, from them."""
        if purpose not in self._keys:
            info = f"fairlead/mcp/{purpose}".encode()
            self._keys[purpose] = [HKDF(SHA256(), 32, None, info).derive(each) for each in self._secrets]
        return self._keys[purpose]

    def _of(self, purpose: str) -> list[AESGCM]:
        if purpose not in self._ciphers:
            self._ciphers[purpose] = [AESGCM(each) for each in self.keys(purpose)]
        return self._ciphers[purpose]

    def seal(self, purpose: str, payload: bytes, bound: str) -> bytes:
        """Opens only with the same `bound`, which is not kept in it."""
        nonce = os.urandom(_NONCE)
        return nonce + self._of(purpose)[0].encrypt(nonce, payload, bound.encode())

    def open(self, purpose: str, sealed: bytes, bound: str) -> bytes:
        """Raises `SealError`."""
        for each in self._of(purpose):
            try:
                return each.decrypt(sealed[:_NONCE], sealed[_NONCE:], bound.encode())
            except (InvalidTag, ValueError):
                continue
        raise SealError("this was not sealed here")

    def digest(self, purpose: str, payload: bytes) -> str:
        """16 hexadecimal digits that tell equal from other, and cannot be found again by trying values."""
        return hmac.new(self.keys(purpose)[0], payload, hashlib.sha256).hexdigest()[:16]


def read(path: Path) -> Seals:
    """One secret a line. Raises `SealError`."""
    try:
        lines = [each.strip() for each in path.read_bytes().splitlines()]
    except OSError as error:
        raise SealError(f"cannot read the seal key file {path}", error.strerror or str(error)) from error
    secrets = [each for each in lines if each]
    if not secrets or any(len(each) < _SHORTEST for each in secrets):
        raise SealError(
            f"the seal key file {path} cannot be used",
            f"each line is a secret of at least {_SHORTEST} characters",
            "write one with: openssl rand -base64 48",
        )
    return Seals(*secrets)

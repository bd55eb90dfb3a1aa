"""What can go wrong before an API has answered, by stage.

An answer that says no is a `machinery.statuses.StatusError` instead. Whoever retries needs to know two things: whether
trying again can help at all, and whether the request may have been carried out (`Unreachable.sent`).
"""

from fairlead.machinery.errors import FairleadError


class ClientError(FairleadError):
    """Any failure of this package."""

    retryable = False


class KubeconfigError(ClientError):
    """The kubeconfig is missing, broken, or lacks what was asked of it."""


class CredentialsError(ClientError):
    """The credentials that a kubeconfig names cannot be had."""


class Untrusted(ClientError):
    """The server's certificate does not prove who it is.

    That it refused ours cannot be told with TLS 1.3, where it happens after the handshake: that is a lost connection.
    """


class TooLarge(ClientError):
    """An answer is longer than whoever asked can hold."""


class Unreachable(ClientError):
    """The server could not be connected to, or was lost."""

    retryable = True

    def __init__(self, what: str, why: str = "", remedy: str = "", *, sent: bool = False) -> None:
        super().__init__(what, why, remedy)
        self.sent = sent
        """Whether the request may have reached the server: then a write may have been done."""

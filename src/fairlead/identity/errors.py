"""What can go wrong, by whose fault it is: the answer to the caller hangs on that."""

from fairlead.machinery.errors import FairleadError


class TokenError(FairleadError):
    """The token is not good. `what` is fit for a challenge: ASCII without quotes, and nothing of the token."""


class ProviderError(FairleadError):
    """The identity provider cannot be asked, or what it says cannot be used; no word about any token."""


class AddressError(ProviderError):
    """An address that nobody of ours wrote down leads where it may not."""


class ExchangeError(FairleadError):
    """The identity provider gives no token for this one."""

"""What a JSON web token says of itself, believed by no one: only its server can tell whether it is true."""

import base64
import binascii
from typing import Any

from fairlead.machinery import encoding


def claims(token: str) -> dict[str, Any]:
    """Empty where it is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        found = encoding.from_json(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, encoding.DecodeError):
        return {}
    return found if isinstance(found, dict) else {}

"""The uid of the app namespace that a claim was created in, kept with the claim.

A namespace that was deleted and made again has its name and is another one: only the uid tells whose claim it is. It
is written when a claim is created and never later, because later one could only guess.
"""

from collections.abc import Mapping

import msgspec

from fairlead.connector.mapping import Fields, fields, raw, text
from fairlead.connector.naming import APP_NAMESPACE_UID


def marked(uid: str) -> Fields:
    """What a new claim carries beside what its creator sees, in the form of `mapping.hidden_of`."""
    return {"annotations": raw({APP_NAMESPACE_UID: uid})} if uid else {}


def kept(hidden: Mapping[str, msgspec.Raw]) -> Fields:
    """Of what a stored claim hides that which an applier must repeat: what it leaves out it would take away."""
    return marked(recorded(hidden))


def recorded(metadata: Mapping[str, msgspec.Raw]) -> str:
    """Empty where the claim does not say."""
    try:
        return text(fields(metadata.get("annotations", b"{}")).get(APP_NAMESPACE_UID))
    except msgspec.DecodeError:
        return ""

"""The label that Crossplane gives a composite resource, in which it repeats the composite's name.

In the control plane that is the stored name. A composite whose label does not name it would look as if another had
composed it, so the label is mapped as the name itself is; any other value of it is somebody's own and stays.

Source: reference/crossplane.md §6.
"""

import msgspec

from fairlead.connector.naming import COMPOSITE_PREFIX

Raw = msgspec.Raw
Fields = dict[str, Raw]

LABEL = "crossplane.io/composite"
_encode = msgspec.json.Encoder().encode


def outward(labels: Fields, stored: str, name: str) -> Fields:
    """`stored` is the object's name in the control plane, `name` that in the app cluster."""
    return _exchanged(labels, stored, name) if stored.startswith(COMPOSITE_PREFIX) else labels


def inward(labels: Fields, name: str, stored: str) -> Fields:
    return _exchanged(labels, name, stored) if stored.startswith(COMPOSITE_PREFIX) else labels


def _exchanged(labels: Fields, old: str, new: str) -> Fields:
    if LABEL not in labels or labels[LABEL] != Raw(_encode(old)):
        return labels
    return {**labels, LABEL: Raw(_encode(new))}

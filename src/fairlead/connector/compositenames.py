"""The label that Crossplane gives a composite resource, in which it repeats the composite's name.

In the control plane that is the stored name. A composite whose label does not name it would look as if another had
composed it, so the label is mapped as the name itself is; any other value of it is somebody's own and stays.

Source: reference/crossplane.md §6.
"""

import msgspec

from fairlead.connector.naming import COMPOSITE_PREFIX, Identity, Scope
from fairlead.machinery.selectors import Requirement

Raw = msgspec.Raw
Fields = dict[str, Raw]

LABEL = "crossplane.io/composite"
_NAMING = {"=": "in", "==": "in", "in": "in", "!=": "notin", "notin": "notin"}
_encode = msgspec.json.Encoder().encode


def outward(labels: Fields, stored: str, name: str) -> Fields:
    """`stored` is the object's name in the control plane, `name` that in the app cluster."""
    return _exchanged(labels, stored, name) if stored.startswith(COMPOSITE_PREFIX) else labels


def inward(labels: Fields, name: str, stored: str) -> Fields:
    return _exchanged(labels, name, stored) if stored.startswith(COMPOSITE_PREFIX) else labels


def selected(requirement: Requirement, scope: Scope, namespace: str) -> str:
    """The term for the control plane. Which stored name a value stands for is only known within one namespace."""
    if not namespace or requirement.operator not in _NAMING:
        return str(requirement)
    stored = [Identity(scope.cluster, namespace, each).backend(COMPOSITE_PREFIX) for each in requirement.values]
    return str(
        Requirement(requirement.key, _NAMING[requirement.operator], tuple(sorted({*requirement.values, *stored})))
    )


def _exchanged(labels: Fields, old: str, new: str) -> Fields:
    if LABEL not in labels or labels[LABEL] != Raw(_encode(old)):
        return labels
    return {**labels, LABEL: Raw(_encode(new))}

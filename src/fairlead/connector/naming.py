"""The connector's identity: how an object of an app cluster is named and marked in the control plane.

All namespaces of an app cluster share one namespace of the control plane, so names are hashed. The formula and the
three labels are those of the original connector and of its importer: they are a storage format, and changing either
orphans stored objects. The formula is not injective (`a-x-b` in `c` and `a` in `b-x-c` collide) and keeps 64 bits, so a
name alone proves nothing: the labels of whatever lies behind it are compared on every read and write. A
length-delimited hash would not collide, and would not find a single object that exists.

Source: reference/connector-and-migration.md §1, §2.2.
"""

import hashlib
import secrets
from dataclasses import dataclass

from fairlead.machinery import names

RESERVED = "mcp-connector.upbound.io/"
APP_CLUSTER = f"{RESERVED}app-cluster"
APP_NAMESPACE = f"{RESERVED}app-namespace"
APP_RESOURCE_NAME = f"{RESERVED}app-resource-name"
OWNER_REFERENCES = f"{RESERVED}app-owner-references"
APP_SECRET_NAME = f"{RESERVED}app-secret-name"
APP_NAMESPACE_UID = f"{RESERVED}app-namespace-uid"
APP_NAMESPACE_UID = f"{RESERVED}app-namespace-uid"

CLAIM_PREFIX = "claim-"
COMPOSITE_PREFIX = "nxr-"
"""Of namespaced composite resources."""

MAX_NAME = 63
"""Of an app-side name: it is a label value, and Crossplane itself takes no longer claim names."""
# What the API server appends to generateName: no vowels and no look-alikes.
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_LENGTH = 5


@dataclass(frozen=True)
class Scope:
    """The part of the control plane that belongs to this app cluster."""

    cluster: str
    """Cluster id; by default the uid of the app cluster's `kube-system` namespace."""
    namespace: str
    """The one namespace of the control plane that holds this cluster's objects."""


@dataclass(frozen=True)
class Identity:
    """An object as the app cluster names it."""

    cluster: str
    namespace: str
    name: str

    @property
    def digest(self) -> str:
        """16 hexadecimal digits."""
        text = f"{self.name}-x-{self.namespace}-x-{self.cluster}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def backend(self, prefix: str = CLAIM_PREFIX) -> str:
        """The name in the control plane."""
        return prefix + self.digest

    @property
    def labels(self) -> dict[str, str]:
        return {APP_CLUSTER: self.cluster, APP_NAMESPACE: self.namespace, APP_RESOURCE_NAME: self.name}


def is_reserved(key: str) -> bool:
    """Whether a label or annotation is the connector's own: hidden from the app cluster, and not its to set."""
    return key.startswith(RESERVED)


def is_label_value(text: str) -> bool:
    return not names.label_value(text)


def name_faults(name: str) -> list[str]:
    """Why an app-side name is refused, worded as the API server words it; empty for a good name."""
    too_long = [f"must be no more than {MAX_NAME} characters"] if len(name) > MAX_NAME else []
    return too_long + names.subdomain(name)


def generate(base: str) -> str:
    """A name from `metadata.generateName`, as the API server makes it but for our length limit."""
    kept = base[: MAX_NAME - _SUFFIX_LENGTH]
    return kept + "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(_SUFFIX_LENGTH))

"""What `doctor` looks at, as values: asked of the clusters once, judged by `causes` without asking again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from fairlead.connector.settings import ServiceName

Object = dict[str, Any]


class Level(Enum):
    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    check: str
    """A short name, the same in every run."""
    level: Level
    what: str = ""
    fix: str = ""

    def to_object(self) -> Object:
        found = {"check": self.check, "level": self.level.value, "what": self.what, "fix": self.fix}
        return {key: value for key, value in found.items() if value}


@dataclass(frozen=True)
class ControlPlaneFacts:
    problem: str = ""
    """Why it could not be asked; then the rest is empty."""
    definitions: tuple[Object, ...] = ()
    without_rights: tuple[str, ...] = ()
    """`plural.group` of what it offers and the connector may not serve."""
    cluster_ids: Mapping[str, str] = field(default_factory=dict)
    """Ids of app clusters in the claim namespace, and the uids of their `kube-system`."""
    clock: float | None = None
    """Unix time, by its own clock; None where it does not say."""
    token_expires: float | None = None


@dataclass(frozen=True)
class Facts:
    service_name: ServiceName
    now: float
    """Unix time, by the clock of whoever asks."""
    cluster_uid: str = ""
    cluster_id: str = ""
    claim_namespace: str = ""
    authentication: Mapping[str, str] | None = None
    """Of the ConfigMap extension-apiserver-authentication; None where there is none."""
    api_services: tuple[Object, ...] = ()
    """Of all owners."""
    service: Object | None = None
    slices: tuple[Object, ...] = ()
    """EndpointSlices of that Service."""
    certificate: Object | None = None
    """The Secret with the serving certificate."""
    deployment: Object | None = None
    network_policies: tuple[Object, ...] = ()
    """Of the Service's namespace."""
    app_clock: float | None = None
    unenforced_policies: tuple[str, ...] = ()
    """CEL admission policies of the app cluster that would match what is served."""
    control_plane: ControlPlaneFacts | None = None
    """None where nothing says how to reach it."""
    unseen: tuple[str, ...] = ()
    """What could not be read, in words."""

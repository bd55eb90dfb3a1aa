"""Who asks, as every authenticator of Kubernetes answers it (`user.Info` of k8s.io/apiserver).

A tuple of pairs rather than a mapping holds `extra`, so that a principal is hashable: it is part of the key under which
an access decision is remembered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

ANONYMOUS = "system:anonymous"
UNAUTHENTICATED = "system:unauthenticated"
AUTHENTICATED = "system:authenticated"
MASTERS = "system:masters"


@dataclass(frozen=True)
class Principal:
    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def authenticated(self) -> "Principal":
        """With `system:authenticated` among the groups, as the API server appends it after any success but one.

        Source: `group.AuthenticatedGroupAdder` of k8s.io/apiserver.
        """
        if AUTHENTICATED in self.groups or UNAUTHENTICATED in self.groups:
            return self
        return replace(self, groups=(*self.groups, AUTHENTICATED))

    def to_user_info(self) -> dict[str, Any]:
        """`authentication.k8s.io/v1` UserInfo; empty members are left out."""
        found: dict[str, Any] = {"username": self.name}
        if self.uid:
            found["uid"] = self.uid
        if self.groups:
            found["groups"] = list(self.groups)
        if self.extra:
            found["extra"] = {key: list(values) for key, values in self.extra}
        return found

    @classmethod
    def from_user_info(cls, info: Mapping[str, Any]) -> "Principal":
        """Reads UserInfo (`username`) and the specification of an access review (`user`)."""
        extra: Mapping[str, Sequence[str]] = info.get("extra") or {}
        return cls(
            str(info.get("username") or info.get("user") or ""),
            str(info.get("uid") or ""),
            tuple(info.get("groups") or ()),
            tuple(sorted((key, tuple(values or ())) for key, values in extra.items())),
        )


NOBODY = Principal(ANONYMOUS, groups=(UNAUTHENTICATED,))

"""The caller's name towards the control plane, with the app cluster's in front of it.

Without this the control plane sees one service for everybody, and its audit log and its rules cannot tell people apart.
A name of one app cluster must never be one of another, or of the control plane: so users, groups and uids all carry the
cluster id, `system:` names too. A cluster id has no colon, so the first one ends it.

What else an authenticator said of somebody may mean something to the control plane, and rights to impersonate are given
for each key by name (RBAC has no wildcard there). So it travels under one key of ours.

Source: `pkg/endpoints/filters/impersonation` of k8s.io/apiserver; reference/aggregation-layer.md §2.
"""

from collections.abc import Iterator
from urllib.parse import quote

from fairlead.connector.naming import RESERVED
from fairlead.machinery import statuses
from fairlead.machinery.principals import Principal

EXTRA_KEY = f"{RESERVED}app-user-extra"
"""Its values are `key=value`."""


def user(cluster: str, principal: Principal) -> str:
    return f"{cluster}:{principal.name}"


def headers(cluster: str, principal: Principal) -> list[tuple[str, str]]:
    """Raises `Forbidden` for a caller whose name no header can hold unchanged."""
    found = [("impersonate-user", user(cluster, principal))]
    found += [("impersonate-uid", f"{cluster}:{principal.uid}")] if principal.uid else []
    found += [("impersonate-group", f"{cluster}:{group}") for group in principal.groups]
    found += [(f"impersonate-extra-{quote(EXTRA_KEY, safe='')}", value) for value in _extra(principal)]
    for _, value in found:
        if value != value.strip() or not value.isprintable():
            raise statuses.Forbidden(
                "the control plane cannot be told who is asking: the name, a group or an extra value of the user has "
                "characters that no HTTP header carries"
            )
    return found


def _extra(principal: Principal) -> Iterator[str]:
    for key, values in principal.extra:
        for value in values:
            yield f"{key}={value}"

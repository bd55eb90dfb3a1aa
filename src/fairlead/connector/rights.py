"""Whether the control plane lets the connector have what it would offer.

The connector's credential may be limited to the APIs that there were when it was made. A later one would be discovered
and then refused on every request; namespace deletion, which lists every API, would never end. So an API is only
published when the control plane says that it may be listed. One that is published already stays: a refusal is no
decision of ours, and may pass.

Source: issue Connector, 5; reference/aggregation-layer.md §0.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

from fairlead.client.api import Client
from fairlead.connector.catalog import Offered
from fairlead.machinery import statuses
from fairlead.machinery.paths import Resource

Object = dict[str, Any]

ACCESS_REVIEWS = Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews", namespaced=False)
REMEMBERED_SECONDS = 300.0
"""For what is permitted; what is not is asked for each time."""


class Rights:
    def __init__(self, control_plane: Client, namespace: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._control_plane = control_plane
        self._namespace = namespace
        self._clock = clock
        self._permitted: dict[tuple[str, str], float] = {}

    async def lacking(self, offered: Iterable[Offered]) -> frozenset[Offered]:
        """Those that may not be listed in the claim namespace. Raises what the client raises."""
        return frozenset([each for each in sorted(offered) if not await self._may_list(each.group, each.plural)])

    async def _may_list(self, group: str, plural: str) -> bool:
        now = self._clock()
        if now - self._permitted.get((group, plural), -REMEMBERED_SECONDS) < REMEMBERED_SECONDS:
            return True
        if allowed := await self._ask(group, plural):
            self._permitted[group, plural] = now
        return allowed

    async def _ask(self, group: str, plural: str) -> bool:
        wanted = {"namespace": self._namespace, "verb": "list", "group": group, "resource": plural}
        review = {
            "apiVersion": str(ACCESS_REVIEWS.group_version),
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": wanted},
        }
        try:
            answer = await self._control_plane.create(ACCESS_REVIEWS, review)
        except (statuses.Forbidden, statuses.NotFound):
            return True  # nobody will say: requests will show it
        return bool((answer.get("status") or {}).get("allowed"))

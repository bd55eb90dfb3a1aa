"""The parts of one cluster and what follows at once from a write: kinds from CRDs, access rights from roles."""

from fairlead.embedded import definitions, metadata
from fairlead.embedded.authorizing import Policy
from fairlead.embedded.builtin import RBAC
from fairlead.embedded.catalog import Catalog
from fairlead.embedded.deleting import Deleter
from fairlead.embedded.kinds import CRDS
from fairlead.embedded.store import Key, Store
from fairlead.embedded.writing import Writer


class Core:
    def __init__(self, store: Store | None = None) -> None:
        self.store = store or Store()
        self.catalog = Catalog(self.store)
        self.writer = Writer(self.store, self.catalog, self.changed)
        self.deleter = Deleter(self.store, self.changed)
        self._policy: Policy | None = None

    def changed(self, key: Key) -> None:
        """Within the write itself, so that the client that made a CRD can use it with its next request."""
        if key.collection == CRDS:
            self._accept(key)
            self.catalog.refresh()
        elif key.group == RBAC:
            self._policy = None

    def _accept(self, key: Key) -> None:
        definition = self.store.get(key)
        if definition is None or definition["metadata"].get("deletionTimestamp"):
            return
        others = [
            (each.get("status") or {}).get("acceptedNames") or {}
            for other, each in self.store.scan(CRDS)
            if other != key and each["spec"]["group"] == definition["spec"]["group"]
        ]
        status = definitions.accepted_status(definition, others, metadata.now())
        if status != definition.get("status"):
            self.store.put(key, {**definition, "status": status})

    def policy(self) -> Policy:
        if self._policy is None:
            found = [
                [each for _, each in self.store.scan((RBAC, plural))]
                for plural in ("clusterroles", "clusterrolebindings", "roles", "rolebindings")
            ]
            self._policy = Policy(*found)
        return self._policy

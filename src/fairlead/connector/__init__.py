"""The claim APIs of a control plane, in an app cluster.

The connector is an extension API server that stores nothing: every request is translated, sent to the control plane,
and its answer translated back. Reading goes `handling` → `selecting`/`patching` → `rewriting` → `mapping` → `naming`;
all but the first are pure, because a mistake in them shows one tenant's objects to another, or orphans stored ones.
"""

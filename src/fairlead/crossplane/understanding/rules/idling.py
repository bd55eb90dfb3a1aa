"""Crossplane itself does not run: then nothing else that an object says explains why it does not change.

Asked of the root alone, because it concerns the whole tree, and weighed above all that conditions say: they are those
of before.
"""

from fairlead.crossplane.tracing import Node
from fairlead.crossplane.understanding import steps
from fairlead.crossplane.understanding.causes import Cause, Rule
from fairlead.crossplane.understanding.circumstances import Circumstances

_RECONCILED = frozenset({"claim", "composite", "managed"})


def stopped(node: Node, known: Circumstances) -> Cause | None:
    ours = "crossplane.io/" in node.reference.api_version or not _RECONCILED.isdisjoint(node.categories)
    if known.stopped is None or node is not known.trace.root or not ours:
        return None
    deployment, why = known.stopped
    remedy = f"see why {deployment} has no ready Pod, or scale it up"
    what = "Crossplane does not run, so nothing happens to anything of its"
    return Cause("crossplane-stopped", deployment, what, (why,), remedy, steps.look_at(deployment), 99)


RULES: tuple[Rule, ...] = (stopped,)

"""Which clusters a `config.toml` means: every context of its kubeconfig, or the one that a Pod runs in.

The other product offers each context of the kubeconfig to every tool, the current one first. It takes the cluster that
it runs in where no kubeconfig is named and there is one.

Source: reference/kubernetes-mcp-server.md §2 (Provider strategies).
"""

import difflib
import os
from collections.abc import Mapping
from typing import Any

from fairlead.client import kubeconfig
from fairlead.mcp.dropin.checking import Fail
from fairlead.mcp.named.servers import Target

_STRATEGIES = ("kubeconfig", "in-cluster", "disabled")


def targets(table: Mapping[str, Any], fail: Fail) -> tuple[Target, ...]:
    """The first is the default. Raises what `fail` makes, and `KubeconfigError`."""
    strategy, path = str(table.get("cluster_provider_strategy") or ""), str(table.get("kubeconfig") or "")
    if strategy == "kcp":
        raise fail("cluster_provider_strategy", "this version does not serve kcp's workspaces", "name `kubeconfig`")
    if strategy not in ("", *_STRATEGIES):
        near = difflib.get_close_matches(strategy, _STRATEGIES, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"there are: {', '.join(_STRATEGIES)}"
        raise fail("cluster_provider_strategy", "there is no such strategy", remedy)
    if strategy == "in-cluster" and path:
        raise fail("kubeconfig", "the strategy in-cluster takes none", "leave one of the two out")
    if strategy == "in-cluster" or (strategy != "kubeconfig" and not path and _in_pod()):
        return (Target("in-cluster"),)
    names = kubeconfig.contexts(path or None)
    if not names:
        raise fail("kubeconfig", "it has no context")
    chosen = names[:1] if strategy == "disabled" else names
    return tuple(Target(each, each, path) for each in chosen)


def _in_pod() -> bool:
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST")) and (kubeconfig.SERVICE_ACCOUNT / "token").exists()

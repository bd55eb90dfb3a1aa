"""The Kubernetes toolset: any resource, read and changed, pods and nodes, events, rollouts, and what the API offers."""

from fairlead.mcp.tools import Preset, ToolClass, Toolset
from fairlead.mcp.toolsets.core import (
    comparing,
    deleting,
    discovering,
    events,
    executing,
    kubelets,
    patching,
    pods,
    resources,
    rollouts,
    running,
    using,
    waiting,
    writing,
)

TOOLSET = Toolset(
    "core",
    "Any Kubernetes resource: list, explain, change; pods with logs and commands, nodes, events, rollouts.",
    (
        *resources.TOOLS,
        *events.TOOLS,
        *pods.TOOLS,
        *using.TOOLS,
        *kubelets.TOOLS,
        *executing.TOOLS,
        *discovering.TOOLS,
        *writing.TOOLS,
        *patching.TOOLS,
        *deleting.TOOLS,
        *comparing.TOOLS,
        *rollouts.TOOLS,
        *running.TOOLS,
        *waiting.TOOLS,
    ),
    presets=(
        Preset(
            "core-readonly", "Reads any Kubernetes resource and changes nothing.", ("core",), classes=(ToolClass.READ,)
        ),
    ),
)

"""The Kubernetes toolset: any resource, pods and their logs, events, namespaces, and what the API offers."""

from fairlead.mcp.tools import Preset, ToolClass, Toolset
from fairlead.mcp.toolsets.core import (
    comparing,
    deleting,
    discovering,
    events,
    executing,
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
    "Read any Kubernetes resource: lists, objects, events, pod logs, and what the API serves.",
    (
        *resources.TOOLS,
        *events.TOOLS,
        *pods.TOOLS,
        *using.TOOLS,
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

"""The Crossplane toolset: platform APIs, what they are made of, packages, operations, usages, and what ails them."""

from fairlead.mcp.tools import Preset, ToolClass, Toolset
from fairlead.mcp.toolsets.crossplane import (
    compositions,
    definitions,
    environments,
    operations,
    packages,
    understanding,
    usages,
)

_CHANGING = (
    *definitions.TOOLS,
    *compositions.TOOLS,
    *packages.TOOLS,
    *environments.TOOLS,
    *operations.TOOLS,
    *usages.TOOLS,
)
TOOLSET = Toolset(
    "crossplane",
    "Operate a Crossplane control plane: XRDs, compositions, packages, operations, usages; trace and diagnose.",
    (*_CHANGING, *understanding.TOOLS),
    presets=(
        Preset(
            "crossplane-readonly",
            "Looks at a Crossplane control plane and changes nothing.",
            ("crossplane",),
            (ToolClass.READ,),
        ),
        Preset(
            "crossplane-diagnose",
            "Finds out what ails a Crossplane control plane, and changes nothing.",
            ("crossplane", "core"),
            tools=(
                *(each.name for each in understanding.TOOLS),
                *("api_search", "events_list", "pods_log", "resources_get", "resources_list"),
            ),
            timeout_seconds=60,  # a whole tree of resources is read for one answer
        ),
    ),
)

"""The Crossplane toolset: what a control plane is made of and what ails it."""

from fairlead.mcp.tools import Preset, Toolset
from fairlead.mcp.toolsets.crossplane import understanding

TOOLSET = Toolset(
    "crossplane",
    "Understand a Crossplane control plane: trace, diagnose, what is unhealthy, what a deletion takes with it.",
    understanding.TOOLS,
    presets=(
        Preset(
            "crossplane-diagnose",
            "Finds out what ails a Crossplane control plane, and changes nothing.",
            ("crossplane", "core"),
            tools=(
                *(each.name for each in understanding.TOOLS),
                *("api_search", "events_list", "pods_log", "resources_get", "resources_list"),
            ),
        ),
    ),
)

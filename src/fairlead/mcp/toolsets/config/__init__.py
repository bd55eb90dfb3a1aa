"""The clusters of a server, and how they are reached."""

from fairlead.mcp.tools import Preset, ToolClass, Toolset
from fairlead.mcp.toolsets.config import viewing

TOOLSET = Toolset(
    "config",
    "Which clusters a server reaches, and how; never with what.",
    viewing.TOOLS,
    presets=(
        Preset(
            "kubernetes-readonly",
            "Reads any Kubernetes resource and says which clusters there are; changes nothing.",
            ("core", "config"),
            classes=(ToolClass.READ,),
        ),
        Preset("kubernetes", "Everything for Kubernetes: reads, writes, and the clusters.", ("core", "config")),
    ),
)

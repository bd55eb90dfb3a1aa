"""The Crossplane toolsets: platform APIs, what they are made of, packages, operations, usages, and what ails them.

`crossplane` is what most servers need, short enough to be listed in every conversation. The rest of what Crossplane has
is in four more toolsets by what it is about; a tool that replies of `crossplane` point to is in both.
"""

from fairlead.mcp.tools import Preset, Tool, ToolClass, Toolset
from fairlead.mcp.toolsets.crossplane import naming, prompts, understanding
from fairlead.mcp.toolsets.crossplane.defining import composites, compositions, definitions, environments, revisions
from fairlead.mcp.toolsets.crossplane.managed import activating, managed, providerconfigs
from fairlead.mcp.toolsets.crossplane.packaging import (
    functions,
    packageconfigs,
    packagerevisions,
    packages,
    packagesettings,
    uninstalling,
    upgrading,
)
from fairlead.mcp.toolsets.crossplane.upkeep import finalizing, operations, reconciling, schedules, usagechanges, usages

_SEED = naming.guided(
    (
        *definitions.TOOLS,
        *compositions.TOOLS,
        *packages.TOOLS,
        *environments.TOOLS,
        *operations.TOOLS,
        *usages.TOOLS,
    )
)
_IN_BOTH = ("upgrade_package", "install_function", "reconcile_resource")

RESOURCES = Toolset(
    "crossplane-resources",
    "Claims and composites made and changed, composition revisions, shared data, usages; pause and reconcile.",
    naming.guided(
        (
            *composites.TOOLS,
            *revisions.TOOLS,
            *environments.CHANGES,
            *usagechanges.TOOLS,
            *reconciling.TOOLS,
            *finalizing.TOOLS,
        )
    ),
)
PACKAGES = Toolset(
    "crossplane-packages",
    "Crossplane packages in life: functions, upgrade, rollback, activation, dependencies, runtime and image configs.",
    naming.guided(
        (
            *upgrading.TOOLS,
            *packagesettings.TOOLS,
            *uninstalling.TOOLS,
            *functions.TOOLS,
            *packagerevisions.TOOLS,
            *packageconfigs.TOOLS,
        )
    ),
)
MANAGED = Toolset(
    "crossplane-managed",
    "Managed resources, their definitions and activation policies, provider configs.",
    naming.guided((*managed.TOOLS, *activating.TOOLS, *providerconfigs.TOOLS)),
)
OPERATIONS = Toolset(
    "crossplane-operations",
    "Crossplane's watch operations; cron and watch operations changed; operations deleted and run again.",
    naming.guided(schedules.TOOLS),
)
_MORE: tuple[Tool, ...] = (*RESOURCES.tools, *PACKAGES.tools, *MANAGED.tools, *OPERATIONS.tools)
TOOLSET = Toolset(
    "crossplane",
    "Operate a Crossplane control plane: XRDs, compositions, packages, operations, usages; trace and diagnose.",
    (*_SEED, *naming.guided(understanding.TOOLS), *(each for each in _MORE if each.name in _IN_BOTH)),
    prompts=prompts.PROMPTS,
    resources=prompts.RESOURCES,
    complete=prompts.complete,
    presets=(
        Preset(
            "crossplane-readonly",
            "Looks at a Crossplane control plane and changes nothing.",
            ("crossplane", RESOURCES.name, PACKAGES.name, MANAGED.name, OPERATIONS.name),
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

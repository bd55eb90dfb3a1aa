"""For each tool one call that is right, given what stands on a plane; what changes something is only rehearsed.

From these the wrong ones are made, and by those that read a crowded plane is asked. A tool without an entry fails the
tests, so that a new one is evaluated from its first day.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.mcp.named import catalog
from fairlead.mcp.tools import Tool, ToolClass
from testenv.crossplane import FUNCTION
from tests.crossplane.planes import NAMESPACE
from tests.e2e import manifests

Arguments = dict[str, Any]
TOOLSETS = ("crossplane", "crossplane-resources", "crossplane-packages", "crossplane-managed", "crossplane-operations")
PIPELINE = json.dumps([{"step": "make", "functionRef": {"name": FUNCTION}}])


def tools() -> dict[str, Tool]:
    """Of all of Crossplane's toolsets."""
    sets = catalog.toolsets()
    return {tool.name: tool for each in TOOLSETS for tool in sets[each].tools}


def reading() -> dict[str, Tool]:
    return {name: each for name, each in tools().items() if each.tool_class is ToolClass.READ}


def rehearsed(tool: Tool, given: Mapping[str, Any]) -> Arguments:
    """Without a change, where it would make one."""
    return {**given, **({} if tool.tool_class is ToolClass.READ else {"dry_run": True})}


@dataclass(frozen=True)
class Standing:
    """What is there to be named; everything else is called `one`."""

    managed: str
    """The qualified kind of a managed resource."""
    thing: str
    """Its name."""
    managed_namespace: str
    pending: str
    """One whose creation nobody knows the end of."""
    definition: str
    """The name of a managed resource definition."""
    inactive: str
    """The name of one that is not active."""
    config: str
    """The qualified kind of a provider config."""
    provider: str
    configuration: str
    function: str
    revision: str
    """A configuration's revision that waits to be activated."""
    package: str
    """A configuration that nobody has installed."""
    newer: str
    """The next version of the configuration that is installed."""


def right(there: Standing) -> Mapping[str, Arguments]:
    return {**_platforms(), **_packages(there), **_orders(), **_operations(), **_managed(there), **_understanding()}


def _platforms() -> dict[str, Arguments]:
    xrd = {"name": f"xdatabases.{manifests.GROUP}"}
    return {
        "create_xrd": {"group": "fresh.example.org", "kind": "XFresh"},
        "list_xrds": {},
        "get_xrd": xrd,
        "update_xrd": {**xrd, "default_composition": "one"},
        "delete_xrd": {"name": "xboxs.standing.example.org"},
        "describe_xrd_schema": {"kind": "database"},
        "create_composition": {
            "name": "fresh",
            "xr_api_version": f"{manifests.GROUP}/v1alpha1",
            "xr_kind": "Cache",
            "pipeline": PIPELINE,
        },
        "list_compositions": {},
        "get_composition": {"name": "one"},
        "update_composition": {"name": "one", "labels": ["tier=gold"]},
        "delete_composition": {"name": "one"},
        "list_composition_revisions": {},
        "diff_composition_revisions": {"composition": "one"},
        "create_environment_config": {"name": "fresh", "data": "{region: eu-west-1}"},
        "list_environment_configs": {},
        "get_environment_config": {"name": "one"},
        "update_environment_config": {"name": "one", "set": ["data.region=eu-west-2"]},
        "delete_environment_config": {"name": "one"},
    }


def _packages(there: Standing) -> dict[str, Arguments]:
    configuration = {"kind": "configuration", "name": there.configuration}
    fresh = {"package": there.package}
    runtime, image = ({"kind": kind, "name": "one"} for kind in ("DeploymentRuntimeConfig", "ImageConfig"))
    return {
        "install_provider": fresh,
        "list_providers": {},
        "get_provider": {"name": there.provider},
        "uninstall_provider": {"name": there.provider},
        "install_configuration": fresh,
        "list_configurations": {},
        "get_configuration": {"name": there.configuration},
        "list_configuration_revisions": {},
        "install_function": fresh,
        "list_functions": {},
        "get_function": {"name": there.function},
        "upgrade_package": {**configuration, "package": there.newer},
        "rollback_package": {**configuration},
        "activate_package_revision": {"kind": "configuration", "revision": there.revision},
        "update_package_settings": {**configuration, "history_limit": 7},
        "uninstall_package": configuration,
        "list_package_revisions": {"kind": "configuration"},
        "get_package_lock": {},
        "list_package_configs": {},
        "get_package_config": runtime,
        "set_runtime_config": {"name": "one", "args": ["--debug"]},
        "set_image_config": {"name": "one", "rewrite_prefix": "mirror.example.org"},
        "delete_package_config": image,
    }


def _orders() -> dict[str, Arguments]:
    claim = {"kind": "database", "name": "one", "namespace": NAMESPACE}
    return {
        "list_composites": {},
        "get_composite": claim,
        "create_composite": {"kind": "database", "name": "fresh", "namespace": NAMESPACE, "spec": "{size: small}"},
        "update_composite": {**claim, "set": ["spec.size=large"]},
        "delete_composite": {**claim},
        "reconcile_resource": {**claim, "action": "pause"},
        "remove_finalizer": {
            "kind": "configmap",
            "name": "held",
            "namespace": NAMESPACE,
            "finalizer": "example.org/held",
        },
        "create_usage": {
            "of_kind": "configmap",
            "of_name": "free",
            "namespace": NAMESPACE,
            "name": "fresh",
            "reason": "it is ours",
        },
        "list_usages": {},
        "get_usage": {"name": "one", "namespace": NAMESPACE},
        "update_usage": {"name": "one", "namespace": NAMESPACE, "reason": "it is everybody's"},
        "delete_usage": {"name": "one", "namespace": NAMESPACE},
    }


def _operations() -> dict[str, Arguments]:
    return {
        "create_operation": {"name": "fresh", "pipeline": PIPELINE},
        "create_cron_operation": {"name": "fresh", "schedule": "0 3 * * 1", "pipeline": PIPELINE},
        "create_watch_operation": {
            "name": "fresh",
            "watch_kind": "configmap",
            "namespace": NAMESPACE,
            "pipeline": PIPELINE,
        },
        "list_operations": {},
        "get_operation_status": {"name": "one"},
        "update_operation": {"name": "one", "type": "cron", "schedule": "0 4 * * 1"},
        "delete_operation": {"name": "one", "type": "operation"},
        "rerun_operation": {"name": "one", "type": "operation"},
    }


def _managed(there: Standing) -> dict[str, Arguments]:
    within = {"namespace": there.managed_namespace} if there.managed_namespace else {}
    thing = {"kind": there.managed, "name": there.thing, **within}
    config = {"kind": there.config, "name": "one"}
    return {
        "list_managed_resources": {},
        "get_managed_resource": thing,
        "create_managed_resource": {**thing, "name": "fresh", "for_provider": "{size: 1}"},
        "update_managed_resource": {**thing, "set": ["spec.forProvider.size=2"]},
        "delete_managed_resource": thing,
        "set_management_policies": {**thing, "preset": "observe-only"},
        "clear_create_pending": {**thing, "name": there.pending},
        "list_managed_resource_definitions": {},
        "get_managed_resource_definition": {"name": there.definition},
        "activate_managed_resources": {"names": [there.inactive]},
        "list_activation_policies": {},
        "set_activation_policy": {"name": "one", "patterns": ["*.standing.example.org"]},
        "delete_activation_policy": {"name": "one"},
        "list_provider_configs": {},
        "get_provider_config": config,
        "set_provider_config": {**config, "spec": "{credentials: {source: None}}"},
        "delete_provider_config": config,
    }


def _understanding() -> dict[str, Arguments]:
    claim = {"kind": "database", "name": "one", "namespace": NAMESPACE}
    return {
        "trace_resource": claim,
        "diagnose_resource": claim,
        "explain_deletion": claim,
        "list_unhealthy": {},
        "validate_manifest": {"manifest": json.dumps(manifests.claim("fresh", NAMESPACE))},
        "control_plane_status": {},
    }

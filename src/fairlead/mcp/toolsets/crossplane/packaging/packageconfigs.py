"""Runtime configs and image configs: how packages are fetched and run.

One tool looks, one deletes; each kind has a tool of its own that makes and changes it, because they have no field in
common. What they change is never theirs but the packages', so each answer names the packages that it concerns.

Source: reference/crossplane.md §1.5, §2.3.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fairlead.crossplane import packages as facts
from fairlead.crossplane.packaging import imageconfigs, runtimes
from fairlead.crossplane.packaging.imageconfigs import ImageConfigs
from fairlead.machinery import redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core import answering, planned
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, NAME
from fairlead.mcp.toolsets.crossplane import changing, showing
from fairlead.resources import applying, patching
from fairlead.resources.planning import Change, live
from fairlead.resources.reading import Reader

Arguments = Mapping[str, Any]
Object = dict[str, Any]
RUNTIME, IMAGE = KINDS = ("DeploymentRuntimeConfig", "ImageConfig")
_VERSION = f"{facts.GROUP}/v1beta1"
_NAMED = 15
_MOST = 20_000
_VERIFIES = "Crossplane verifies only where it was started with --enable-signature-verification"
_DEFAULT = "default"
"""The runtime config that Crossplane makes, and that every package takes that names none."""


async def list_package_configs(call: Call, arguments: Arguments) -> Answer:
    reader = changing.reader(call, arguments)
    wanted = [each for each in KINDS if arguments.get("kind") in (None, "", each)]
    try:
        packages, configs = await _world(reader)
        found = [obj for each in wanted for obj in await reader.every(each, _VERSION)]
    except FairleadError as error:
        raise answering.refused(error) from error
    known = ImageConfigs(configs)
    lines = [_row(each, known, packages) for each in found] or ["none"]
    text = redacting.text(fencing.plain("\n".join(lines)))
    return Answer(fencing.fenced(fencing.capped(text, _MOST, "give a kind"), "package configs"))


def _row(config: Object, configs: ImageConfigs, packages: Sequence[Object]) -> str:
    if config["kind"] == RUNTIME:
        return f"{RUNTIME} {config['metadata']['name']}: {_some(_runs_by(config, configs, packages), 'runs')}"
    does = ", ".join(f"{key} {value}" for key, value in imageconfigs.purposes(config).items()) or "does nothing"
    matched = configs.matches(config, packages)
    prefixes = ", ".join(imageconfigs.prefixes(config))
    named = [each.package for each in matched]
    return f"{IMAGE} {config['metadata']['name']} for {prefixes}: {does}; {_some(named, 'matches')}"


def _some(names: Sequence[str], verb: str) -> str:
    if not names:
        return f"{verb} no package"
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{verb} {len(names)} package{'s' if len(names) > 1 else ''}: {', '.join(names[:_NAMED])}{more}"


async def _world(reader: Reader) -> tuple[list[Object], list[Object]]:
    """All packages, and all image configs. Raises what `Reader` raises."""
    packages = [obj for kind in facts.KINDS for obj in await reader.every(kind, f"{facts.GROUP}/v1")]
    return packages, await reader.every(IMAGE, _VERSION)


def _runs_by(config: Object, configs: ImageConfigs, packages: Sequence[Object]) -> list[str]:
    """Providers and functions, and by whose word where it is not their own."""
    found = []
    for each in packages:
        if each["kind"] == "Configuration":
            continue
        name, by = configs.runtime(each)
        if name == config["metadata"]["name"]:
            found.append(f"{each['kind']} {each['metadata']['name']}{f' (by ImageConfig {by})' if by else ''}")
    return found


async def get_package_config(call: Call, arguments: Arguments) -> Answer:
    return await showing.gets(arguments["kind"], _VERSION, _about)(call, arguments)


async def _about(reader: Reader, config: Object) -> list[str]:
    packages, configs = await _world(reader)
    return _concerns(config, ImageConfigs(configs), packages)


def _concerns(config: Object, configs: ImageConfigs, packages: Sequence[Object]) -> list[str]:
    if config["kind"] == RUNTIME:
        return [_some(_runs_by(config, configs, packages), "runs")]
    found = configs.matches(config, packages)
    more = [f"and {len(found) - _NAMED} more packages"] if len(found) > _NAMED else []
    return [*(f"matches {each}" for each in found[:_NAMED]), *more] or ["matches no package that is installed"]


async def set_runtime_config(call: Call, arguments: Arguments) -> Plan:
    resources, template = (changing.structure(arguments, each) for each in ("resources", "deployment_template"))
    annotations = changing.labels({"labels": arguments.get("service_account_annotations")})

    def spec(before: Mapping[str, Any]) -> Object:
        return runtimes.changed(
            before,
            template=template,
            replicas=arguments.get("replicas"),
            args=arguments.get("args"),
            env=arguments.get("env") or (),
            resources=resources,
            service_account=arguments.get("service_account_name") or "",
            service_account_annotations=annotations,
        )

    return await _set(call, arguments, RUNTIME, spec)


async def set_image_config(call: Call, arguments: Arguments) -> Plan:
    authorities = changing.structure(arguments, "cosign", list)

    def spec(before: Mapping[str, Any]) -> Object:
        prefixes = arguments.get("match_prefixes")
        after = dict(before)
        if prefixes:
            after["matchImages"] = [{"type": "Prefix", "prefix": each} for each in prefixes]
        if not after.get("matchImages"):
            raise ToolError(f"there is no ImageConfig {arguments['name']} yet", "", "give match_prefixes to make it")
        if arguments.get("pull_secret"):
            after["registry"] = {"authentication": {"pullSecretRef": {"name": arguments["pull_secret"]}}}
        if arguments.get("rewrite_prefix"):
            after["rewriteImage"] = {"prefix": arguments["rewrite_prefix"]}
        if arguments.get("runtime_config"):
            reference = {"apiVersion": _VERSION, "kind": RUNTIME, "name": arguments["runtime_config"]}
            after["runtime"] = {"configRef": reference}
        if authorities:
            after["verification"] = {"provider": "Cosign", "cosign": {"authorities": authorities}}
        elif authorities is not None:
            after.pop("verification", None)
        return after

    return await _set(call, arguments, IMAGE, spec, *([_VERIFIES] if authorities else []))


async def _set(call: Call, arguments: Arguments, named: str, spec: Any, *more: str) -> Plan:
    """Makes what is not there; else changes what is given. Raises `ToolError`."""
    reader = changing.reader(call, arguments)
    kind, name = await reader.kind(named, _VERSION), arguments["name"]
    try:
        before = await live(reader, kind, name, "")
        after = spec((before or {}).get("spec") or {})
        if before is not None and after == before.get("spec"):
            raise ToolError(f"nothing to change at {named} {name}", "", "give what shall be other than it is")
        if before is None:
            manifest = {"apiVersion": _VERSION, "kind": named, "metadata": {"name": name}, "spec": after}
            change = await applying.planned(reader, manifest)
        else:
            patch = [{"op": "add", "path": "/spec", "value": after}]
            change = await patching.planned(reader, kind, name, "", patch, "json")
        notes = [*await _follows(reader, change), *more]
    except ToolError:
        raise
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    said = "\n".join(redacting.text(fencing.plain(each)) for each in notes)
    return planned.plan([replace(change, notes=(*change.notes, *notes))], said)


async def _follows(reader: Reader, change: Change) -> list[str]:
    """Whom it concerns as soon as it is so. Raises what `Reader` raises."""
    packages, configs = await _world(reader)
    after = {"apiVersion": _VERSION, "kind": change.kind.api.kind, **(change.after or {})}
    if after["kind"] == IMAGE:
        configs = [*(each for each in configs if imageconfigs.name(each) != change.name), after]
    return _concerns(after, ImageConfigs(configs), packages)


async def delete_package_config(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    kind = await reader.kind(arguments["kind"], _VERSION)
    try:
        config = await reader.one(kind, arguments["name"])
        notes = await _about(reader, {**config, "kind": arguments["kind"]})
    except FairleadError as error:
        raise answering.refused(error, kind) from error
    if arguments["kind"] == RUNTIME and arguments["name"] == _DEFAULT:
        notes.append("Crossplane makes it anew only when it is started; until then no package without its own runs")
    return await changing.deleted(call, arguments, kind, *notes)


_KIND = Parameter("kind", "Which.", choices=KINDS)
_RESOURCES = {RUNTIME: "deploymentruntimeconfigs", IMAGE: "imageconfigs"}
_INSTALLED = tuple(Right(("list",), facts.GROUP, f"{each.lower()}s") for each in facts.KINDS)
_SEES = (*_INSTALLED, Right(("get", "list"), facts.GROUP, "imageconfigs"))


def _writes(kind: str) -> tuple[Right, ...]:
    return (Right(("get", "create", "patch"), facts.GROUP, _RESOURCES[kind]), *_SEES)


TOOLS: tuple[Tool, ...] = (
    Tool(
        "list_package_configs",
        "List package configs",
        "Runtime configs and image configs: what each does to which packages.",
        list_package_configs,
        (replace(_KIND, description="Both by default."), CONTEXT),
        rights=(*(Right(("list",), facts.GROUP, each) for each in _RESOURCES.values()), *_INSTALLED),
    ),
    Tool(
        "get_package_config",
        "Get a package config",
        "One runtime or image config, the packages that use or match it, and which config wins where several match.",
        get_package_config,
        (replace(_KIND, required=True), NAME, CONTEXT),
        rights=(Right(("get",), facts.GROUP, "deploymentruntimeconfigs"), *_SEES, changing.EVENTS),
    ),
    Tool(
        "set_runtime_config",
        "Set a runtime config",
        "How Pods of providers and functions run: replicas, flags such as --debug, variables, limits, service account.",
        plan=set_runtime_config,
        parameters=(
            NAME,
            Parameter("replicas", "Of its Pods.", type="integer", minimum=0),
            Parameter("args", "Of the container; replaces all.", type="array"),
            Parameter("env", "KEY=value; KEY- removes it.", type="array"),
            Parameter("resources", "YAML: requests, limits."),
            Parameter("service_account_name", "E.g. one with cloud rights."),
            Parameter("service_account_annotations", "key=value.", type="array"),
            Parameter("deployment_template", f"YAML, in place of the whole; the container is {runtimes.CONTAINER}."),
            DRY_RUN,
            CONTEXT,
        ),
        tool_class=ToolClass.WRITE,
        rights=_writes(RUNTIME),
    ),
    Tool(
        "set_image_config",
        "Set an image config",
        "Fetch packages from a mirror, with a pull secret, verify their signatures, or run them by a runtime config, "
        "by prefixes of images.",
        plan=set_image_config,
        parameters=(
            NAME,
            Parameter("match_prefixes", "Of images, e.g. xpkg.upbound.io/; the longest wins.", type="array"),
            Parameter("rewrite_prefix", "Put in place of what matched."),
            Parameter("pull_secret", "Its name, in Crossplane's namespace."),
            Parameter("runtime_config", "Name of a DeploymentRuntimeConfig."),
            Parameter("cosign", "YAML list of authorities: {name, key: {secretRef}} or {name, keyless}; [] for none."),
            DRY_RUN,
            CONTEXT,
        ),
        tool_class=ToolClass.WRITE,
        rights=_writes(IMAGE),
    ),
    Tool(
        "delete_package_config",
        "Delete a package config",
        "Remove a runtime or image config; shows first which packages use it.",
        plan=delete_package_config,
        parameters=(replace(_KIND, required=True), NAME, DRY_RUN, CONTEXT),
        tool_class=ToolClass.DELETE,
        rights=(*(Right(("get", "delete"), facts.GROUP, each) for each in _RESOURCES.values()), *_SEES),
    ),
)

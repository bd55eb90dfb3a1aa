"""What to do next, in the words of whoever asks: a tool that their server has, or a command for a terminal.

A hint that leads nowhere costs an agent a call and its trust. Which tools there are differs with each server and with
each caller, so a step is a row of calls, the best first, and the first that can be made is said; where none can, the
remedy in words has to do. At a terminal there are no tools, but always kubectl.

Kinds are written `Kind.group`, which every tool and kubectl take, and which no other kind shares.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fairlead.crossplane.references import Reference
from fairlead.machinery import encoding
from fairlead.machinery.paths import GroupVersion

Has = Callable[[str], bool]
"""Whether a tool of that name can be called."""


@dataclass(frozen=True)
class Step:
    """One call of a tool."""

    tool: str
    arguments: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return " ".join((self.tool, *(f"{key}={value}" for key, value in self.arguments)))


@dataclass(frozen=True)
class Next:
    calls: tuple[Step, ...]
    """The best first."""
    command: str
    """The same at a terminal."""

    def of(self, has: Has, *asked: Step) -> Step | None:
        """The first that can be called and was not `asked` already."""
        return next((each for each in self.calls if has(each.tool) and each not in asked), None)


UNHEALTHY = Next((Step("list_unhealthy"),), "fairlead unhealthy")


def kind_of(reference: Reference) -> str:
    group = GroupVersion.parse(reference.api_version).group
    return f"{reference.kind}.{group}" if group else reference.kind


def step(tool: str, **arguments: str) -> Step:
    """Without the arguments that are empty."""
    return Step(tool, tuple((key, value) for key, value in arguments.items() if value))


def about(tool: str, reference: Reference, **more: str) -> Step:
    """Of an object by kind, name and namespace."""
    return step(tool, kind=kind_of(reference), name=reference.name, namespace=reference.namespace, **more)


def _where(reference: Reference) -> str:
    return f" -n {reference.namespace}" if reference.namespace else ""


def _named(reference: Reference) -> str:
    return f"{kind_of(reference)}/{reference.name}{_where(reference)}"


_GETS: Mapping[str, tuple[str, str]] = {
    "Composition.apiextensions.crossplane.io": ("get_composition", ""),
    "CompositeResourceDefinition.apiextensions.crossplane.io": ("get_xrd", ""),
    "EnvironmentConfig.apiextensions.crossplane.io": ("get_environment_config", ""),
    "ManagedResourceDefinition.apiextensions.crossplane.io": ("get_managed_resource_definition", ""),
    "Provider.pkg.crossplane.io": ("get_provider", ""),
    "Configuration.pkg.crossplane.io": ("get_configuration", ""),
    "Function.pkg.crossplane.io": ("get_function", ""),
    "Operation.ops.crossplane.io": ("get_operation_status", ""),
    "CronOperation.ops.crossplane.io": ("get_operation_status", "cron"),
    "WatchOperation.ops.crossplane.io": ("get_operation_status", "watch"),
}
_LIVING = {"managed": "get_managed_resource", "composite": "get_composite", "claim": "get_composite"}


def look_at(reference: Reference, categories: tuple[str, ...] = ()) -> Next:
    """The object itself, in whatever shows most of it."""
    calls = []
    if found := _GETS.get(kind_of(reference)):
        calls.append(step(found[0], name=reference.name, type=found[1]))
    calls += [about(_LIVING[each], reference) for each in categories if each in _LIVING]
    calls += [about(each, reference) for each in ("resources_describe", "resources_get", "trace_resource")]
    return Next(tuple(calls), f"kubectl describe {_named(reference)}")


def diagnose(reference: Reference) -> Next:
    return Next((about("diagnose_resource", reference),), f"fairlead diagnose {_named(reference)}")


def explain_deletion(reference: Reference) -> Next:
    calls = (about("explain_deletion", reference), about("diagnose_resource", reference))
    return Next(calls, f"fairlead explain-deletion {_named(reference)}")


def reconcile(reference: Reference, action: str) -> Next:
    """`action` is `now` or `resume`."""
    change = {
        "resume": "crossplane.io/paused-",
        "now": 'crossplane.io/reconcile-requested-at="$(date)" --overwrite',
    }[action]
    calls = (about("reconcile_resource", reference, action=action), *look_at(reference).calls)
    return Next(calls, f"kubectl annotate {_named(reference)} {change}")


def unpause_policies(reference: Reference) -> Next:
    """Of a managed resource."""
    change = """--type=merge -p '{"spec":{"managementPolicies":["*"]}}'"""
    calls = (about("set_management_policies", reference, preset="full"), *look_at(reference, ("managed",)).calls)
    return Next(calls, f"kubectl patch {_named(reference)} {change}")


def clear_pending(reference: Reference) -> Next:
    calls = (about("clear_create_pending", reference), *look_at(reference, ("managed",)).calls)
    return Next(calls, f"kubectl annotate {_named(reference)} crossplane.io/external-create-pending-")


def listing(tool: str, kind: str) -> Next:
    """All objects of a `Kind.group`."""
    return Next((step(tool), step("resources_list", kind=kind)), f"kubectl get {kind}")


def usages_of(reference: Reference, usage: Reference) -> Next:
    """What keeps an object; `usage` is one of them."""
    listed = step("list_usages", of_kind=kind_of(reference), of_name=reference.name)
    return Next((listed, *look_at(usage).calls), f"kubectl describe {_named(usage)}")


def activate_definition(name: str) -> Next:
    """Of a managed resource."""
    definition = Reference("apiextensions.crossplane.io/v1alpha1", "ManagedResourceDefinition", name)
    command = f"""kubectl patch {_named(definition)} --type=merge -p '{{"spec":{{"state":"Active"}}}}'"""
    activate = step("activate_managed_resources", names=name)
    return Next((activate, *look_at(definition).calls, step("control_plane_status")), command)


def activate_revision(package: Reference, revision: str) -> Next:
    kind = package.kind.lower()
    call = step("activate_package_revision", kind=kind, revision=revision)
    revised = Reference(package.api_version, f"{package.kind}Revision", revision)
    command = f"""kubectl patch {_named(revised)} --type=merge -p '{{"spec":{{"desiredState":"Active"}}}}'"""
    return Next((call, *look_at(package).calls), command)


def dependencies_of(package: Reference) -> Next:
    calls = (step("get_package_lock"), *look_at(package).calls)
    return Next(calls, f"kubectl describe Lock.pkg.crossplane.io/lock {_named(package)}")


def providers() -> Next:
    return listing("list_providers", "Provider.pkg.crossplane.io")


def compositions() -> Next:
    return listing("list_compositions", "Composition.apiextensions.crossplane.io")


def objects_in(namespace: str, kind: str) -> Next:
    return Next((step("resources_list", kind=kind, namespace=namespace),), f"kubectl get {kind} -n {namespace}")


def revisions_of(composition: str) -> Next:
    kind = "CompositionRevision.apiextensions.crossplane.io"
    label = f"crossplane.io/composition-name={composition}"
    listed = step("list_composition_revisions", composition=composition)
    return Next((listed, step("resources_list", kind=kind, label_selector=label)), f"kubectl get {kind} -l {label}")


def provider_config(config: Reference) -> Next:
    """One that a managed resource goes by."""
    calls = (about("get_provider_config", config), *provider_configs(config).calls)
    return Next(calls, f"kubectl describe {_named(config)}")


def provider_configs(config: Reference) -> Next:
    """All of a kind of them."""
    calls = (step("list_provider_configs"), step("resources_list", kind=kind_of(config)), *providers().calls)
    return Next(calls, f"kubectl get {kind_of(config)}{_where(config)}")


def remove_finalizer(reference: Reference, finalizer: str, others: Sequence[str]) -> Next:
    """That one alone: `others` of the object stay."""
    calls = (about("remove_finalizer", reference, finalizer=finalizer), *explain_deletion(reference).calls)
    kept = encoding.to_json({"metadata": {"finalizers": list(others)}}).decode()
    return Next(calls, f"kubectl patch {_named(reference)} --type=merge -p '{kept}'")


def logs(pod: Reference) -> Next:
    where = {"name": pod.name, "namespace": pod.namespace}
    calls = (step("pods_log", **where), *look_at(pod).calls)
    return Next(calls, f"kubectl logs {pod.name}{_where(pod)}")

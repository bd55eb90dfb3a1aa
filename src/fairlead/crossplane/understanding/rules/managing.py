"""What keeps a managed resource from being what it should: its provider, its config, or a creation nobody knows of."""

import re

from fairlead.crossplane.judging import State, judge
from fairlead.crossplane.managed import managing
from fairlead.crossplane.references import of as reference_of
from fairlead.crossplane.tracing import Node
from fairlead.crossplane.understanding import steps
from fairlead.crossplane.understanding.causes import Cause, Rule, could_read, failure, health_of, said
from fairlead.crossplane.understanding.circumstances import Circumstances, came_in_a_package, crd_of, provider_of


def creation_unknown(node: Node, known: Circumstances) -> Cause | None:
    creation = managing.creation(node.obj or {})
    if not creation.is_unknown:
        return None
    what = (
        f"the provider does not know whether it has created {node.reference}, and has stopped so as not to do it twice"
    )
    evidence = (
        f"{managing.PENDING}: {creation.pending}; succeeded: {creation.succeeded or 'never'}; "
        f"failed: {creation.failed or 'never'}",
        f"external name: {managing.external_name(node.obj or {}) or 'none'}",
    )
    remedy = (
        "look whether it is there outside; if it is not, or its external name is set right, "
        f"remove the annotation {managing.PENDING}"
    )
    following = steps.clear_pending(node.reference)
    return Cause("creation-unknown", node.reference, what, evidence, remedy, following, 92)


def no_controller(node: Node, known: Circumstances) -> Cause | None:
    if "managed" not in node.categories or node.obj is None or not could_read(known, "Provider", "ProviderRevision"):
        return None
    provider = provider_of(known, node.reference)
    if provider is not None and (health := judge(provider)).state is not State.HEALTHY:
        name = provider["metadata"]["name"]
        what = f"the provider {name}, which looks after {node.reference}, is not well"
        following = steps.diagnose(reference_of(provider))
        evidence = (f"{health.reason}: {health.message}",)
        return Cause("provider-unwell", node.reference, what, evidence, "mend the provider first", following, 94)
    if provider is not None:
        return None
    if node.health.state is State.DELETING and came_in_a_package(known, node.reference):
        return _uninstalled(node, known)
    if node.health.state is State.UNKNOWN:
        what = f"nobody looks after {node.reference}: no provider's package has brought its kind"
        evidence = (health_of(node),)
        return Cause("no-provider", node.reference, what, evidence, "install the provider", steps.providers(), 90)
    return None


def _uninstalled(node: Node, known: Circumstances) -> Cause:
    what = f"the provider of {node.reference} was uninstalled before it, so that nobody can finish its deletion"
    crd = (crd_of(known, node.reference) or {}).get("metadata") or {}
    goes = f"its CRD {crd.get('name')} is being deleted too" if crd.get("deletionTimestamp") else ""
    held = [str(each) for each in ((node.obj or {}).get("metadata") or {}).get("finalizers") or ()]
    remedy = (
        "delete what it stands for outside by hand, then take the finalizer off; its CRD goes with the last of its "
        "objects, and only then can the provider be installed again"
    )
    evidence = tuple(filter(None, (goes, f"finalizers: {', '.join(held)}")))
    following = (
        steps.remove_finalizer(node.reference, held[0], held[1:]) if held else steps.explain_deletion(node.reference)
    )
    return Cause("provider-uninstalled", node.reference, what, evidence, remedy, following, 96)


_CONFIG = re.compile(
    r"(cannot get (referenced )?(Cluster)?Provider ?Config|(Cluster)?ProviderConfig[^:]*not found)", re.IGNORECASE
)
_CREDENTIALS = re.compile(
    r"credential|unauthori[sz]ed|forbidden|access ?denied|invalid_grant|expired ?token", re.IGNORECASE
)
_NO_SECRET = re.compile(r'credentials.*[Ss]ecrets? "(?P<name>[^"]+)" not found')
_CONNECTING = re.compile(r"connect failed|cannot get referenced|tracker", re.IGNORECASE)


def managed_failed(node: Node, known: Circumstances) -> Cause | None:
    if "managed" not in node.categories or node.health.state is not State.UNHEALTHY:
        return None
    warnings = known.warnings(node)
    told = failure(node, known, "Synced", "LastAsyncOperation", "Ready")
    evidence = tuple(said(node, each) for each in ("Synced", "Ready") if node.status(each) != "-")
    evidence += tuple(warnings[:2])
    config = known.configs.get(node.reference)
    if _CONFIG.search(told):
        named = f" {config.kind} {config.name}" if config else ""
        what = f"the provider config{named} of {node.reference} is not there"
        following = steps.provider_configs(config or node.reference)
        return Cause("provider-config", node.reference, what, evidence, "create it, or name another one", following, 89)
    if lacking := _NO_SECRET.search(told):
        by = f"{config.kind} {config.name}" if config else "its provider config"
        what = f"the Secret {lacking['name']} is not there, from which {by} takes the credentials for {node.reference}"
        following = steps.provider_config(config) if config else steps.look_at(node.reference, node.categories)
        remedy = "create it, or have the provider config name another one"
        return Cause("credentials", node.reference, what, evidence, remedy, following, 89)
    if _CREDENTIALS.search(told):
        what = f"the provider is not allowed to do what {node.reference} needs"
        remedy = "see the credentials that its provider config names, and their rights"
        following = steps.provider_config(config) if config else steps.look_at(node.reference, node.categories)
        return Cause("credentials", node.reference, what, evidence, remedy, following, 88)
    following = steps.look_at(node.reference, node.categories)
    if _UNOBSERVED.search(told) and "Create" not in _policies(node):
        what = f"{node.reference} is observed only, and what it stands for is not there outside"
        remedy = "mend its external name or where it looks, or let its managementPolicies create it"
        return Cause("nothing-to-observe", node.reference, what, evidence, remedy, following, 87)
    what = f"{node.reference} cannot be brought to what it should be"
    return Cause("managed-failed", node.reference, what, evidence, "see what the provider says", following, 75)


_UNOBSERVED = re.compile(r"external resource does not exist")


def _policies(node: Node) -> list[str]:
    """With what they are where none are named."""
    found = list(((node.obj or {}).get("spec") or {}).get("managementPolicies") or ["*"])
    return ["Create", *found] if "*" in found else found


RULES: tuple[Rule, ...] = (creation_unknown, no_controller, managed_failed)

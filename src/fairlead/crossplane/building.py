"""Manifests of Crossplane's own kinds, from the few things that their author has to decide.

Names that Crossplane insists on are derived, and what it would refuse only in an event later on is refused here, with
the field and the way out: the API server accepts an XRD that can never be rendered.

Source: reference/crossplane.md §1, §2.2.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fairlead.crossplane import crontab, sources, xrds
from fairlead.crossplane.sources import Source
from fairlead.crossplane.xrds import CLUSTER, LEGACY_CLUSTER, NAMESPACED
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.patches import merge_patch

Object = dict[str, Any]
EXTENSIONS = "apiextensions.crossplane.io"
PACKAGES = "pkg.crossplane.io"
OPERATIONS = "ops.crossplane.io"
PROTECTION = "protection.crossplane.io"
_PACKAGE = re.compile(r"[^/\s]+\.[^/\s]+(/[^/\s:@]+)+(:[^/\s:@]+(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})")
_LATEST = frozenset({"latest", "stable", "main", "master"})
LONGEST_LABEL = 63


class BuildError(FairleadError):
    """What is wanted cannot be, and Crossplane would say so too late or not at all."""


def _metadata(name: str, labels: Mapping[str, str] | None = None, namespace: str = "") -> Object:
    found: Object = {"name": name} | ({"namespace": namespace} if namespace else {})
    return found | ({"labels": dict(labels)} if labels else {})


def xrd(
    group: str,
    kind: str,
    plural: str,
    spec_schema: Mapping[str, Any],
    *,
    version: str = "v1alpha1",
    status_schema: Mapping[str, Any] | None = None,
    scope: str = "",
    claim: str = "",
    claim_plural: str = "",
    default_composition: str = "",
    more: Mapping[str, Any] | None = None,
    has_v2: bool = True,
) -> Object:
    """By v1 where it offers claims or Crossplane is a 1.x, by v2 otherwise; `more` of its spec. Raises `BuildError`."""
    legacy = bool(claim) or not has_v2
    if claim and scope not in ("", LEGACY_CLUSTER):
        raise BuildError("an XRD with claims has the scope LegacyCluster", "", "leave out the claim, or the scope")
    if claim and claim == kind:
        raise BuildError("claim and composite have one kind", "", f"call the composite X{kind}")
    if not has_v2 and scope == NAMESPACED:
        raise BuildError("this Crossplane is a 1.x, whose composites are cluster-scoped", "", "offer a claim")
    if plural != plural.lower():
        raise BuildError("plural is written in lower case", "", plural.lower())
    spec: Object = {"group": group, "names": {"kind": kind, "plural": plural}}
    if claim:
        spec["claimNames"] = {"kind": claim, "plural": claim_plural or xrds.plural_of(claim)}
    elif not legacy:
        spec["scope"] = scope or NAMESPACED
    elif scope == CLUSTER and has_v2:
        spec["scope"] = CLUSTER
    spec["versions"] = [_version(version, spec_schema, status_schema)]
    if default_composition:
        spec["defaultCompositionRef"] = {"name": default_composition}
    spec = merge_patch(spec, _fitting(more or {}, legacy=legacy))
    api = "v1" if legacy else "v2"
    metadata = _metadata(f"{plural}.{group}")
    return {
        "apiVersion": f"{EXTENSIONS}/{api}",
        "kind": "CompositeResourceDefinition",
        "metadata": metadata,
        "spec": spec,
    }


def _fitting(more: Mapping[str, Any], *, legacy: bool) -> Mapping[str, Any]:
    if taken := sorted({"group", "scope", "versions"} & more.keys()):
        raise BuildError(
            f"{', '.join(taken)} is given by itself", "", "leave it out of `spec`; update_xrd adds versions"
        )
    if not legacy and (claims := sorted({"connectionSecretKeys", "defaultCompositeDeletePolicy"} & more.keys())):
        raise BuildError(f"{', '.join(claims)} is for XRDs with claims", "", "give claim_kind, or compose a Secret")
    return more


def _version(name: str, spec: Mapping[str, Any], status: Mapping[str, Any] | None) -> Object:
    """A schema without a type is read as that of an object."""
    properties = {"spec": {"type": "object", **spec}} | ({"status": {"type": "object", **status}} if status else {})
    schema = {"openAPIV3Schema": {"type": "object", "properties": properties}}
    return {"name": name, "served": True, "referenceable": True, "schema": schema}


def with_version(
    definition: Mapping[str, Any],
    name: str,
    spec: Mapping[str, Any] | None,
    status: Mapping[str, Any] | None,
    referenceable: bool,
) -> list[Object]:
    """The versions of an XRD with one more, or that one changed. Raises `BuildError`."""
    versions = [dict(each) for each in definition["spec"]["versions"]]
    place = next((index for index, each in enumerate(versions) if each["name"] == name), None)
    if place is None and spec is None:
        raise BuildError(
            f"{definition['metadata']['name']} has no version {name}", "", "give its spec_schema to add it"
        )
    if place is None:
        versions.append(_version(name, spec or {}, status) | {"referenceable": False})
        place = len(versions) - 1
    elif spec is not None or status is not None:
        properties = versions[place]["schema"]["openAPIV3Schema"].get("properties") or {}
        new = {"spec": {"type": "object", **spec}} if spec is not None else {}
        new |= {"status": {"type": "object", **status}} if status is not None else {}
        kept = versions[place]["schema"]["openAPIV3Schema"]
        versions[place]["schema"] = {"openAPIV3Schema": {**kept, "properties": {**properties, **new}}}
    if referenceable:
        versions = [each | {"referenceable": index == place} for index, each in enumerate(versions)]
    return versions


def composition(
    name: str,
    api_version: str,
    kind: str,
    pipeline: Sequence[Mapping[str, Any]],
    labels: Mapping[str, str] | None = None,
) -> Object:
    """In pipeline mode, the only one that Crossplane 2 has. Raises `BuildError`."""
    check_pipeline(pipeline)
    spec = {
        "compositeTypeRef": {"apiVersion": api_version, "kind": kind},
        "mode": "Pipeline",
        "pipeline": [dict(each) for each in pipeline],
    }
    return {"apiVersion": f"{EXTENSIONS}/v1", "kind": "Composition", "metadata": _metadata(name, labels), "spec": spec}


def check_pipeline(pipeline: Sequence[Mapping[str, Any]]) -> None:
    """Raises `BuildError` that says which step is wrong and how."""
    if not 1 <= len(pipeline) <= 99:
        raise BuildError(f"a pipeline has 1 to 99 steps, this one {len(pipeline)}", "", SHAPE)
    names: set[str] = set()
    _check_steps(pipeline)
    for index, each in enumerate(pipeline):
        step = str(each.get("step") or "")
        function = (each.get("functionRef") or {}).get("name") if isinstance(each.get("functionRef"), Mapping) else ""
        if not step or not function:
            raise BuildError(f"step {index + 1} of the pipeline lacks `step` or `functionRef.name`", "", SHAPE)
        if step in names:
            raise BuildError(f"two steps of the pipeline are called {step}", "", "give each a name of its own")
        names.add(step)
        given = each.get("input")
        if given is not None and not (isinstance(given, Mapping) and given.get("apiVersion") and given.get("kind")):
            raise BuildError(
                f"the input of step {step} lacks apiVersion and kind", "", "each function has a kind of input"
            )


def _check_steps(steps: Sequence[Any]) -> None:
    for each in steps:
        if not isinstance(each, Mapping):
            raise BuildError(f"a step of a pipeline is a mapping, {each!r} is none", "", SHAPE)


SHAPE = "[{step, functionRef: {name}, input: {apiVersion, kind, …}}]"


def rearranged(
    pipeline: Sequence[Mapping[str, Any]],
    upsert: Sequence[Mapping[str, Any]],
    remove: Sequence[str],
    order: Sequence[str],
) -> list[Object]:
    """Steps changed in place or added at the end, others taken out, then ordered. Raises `BuildError`."""
    _check_steps(upsert)
    known = {str(each.get("step")): dict(each) for each in pipeline}
    if missing := [
        each for each in (*remove, *order) if each not in known and each not in {str(s.get("step")) for s in upsert}
    ]:
        raise BuildError(f"the pipeline has no step {', '.join(missing)}", "", f"there are: {', '.join(known)}")
    for each in upsert:
        known[str(each.get("step"))] = dict(each)
    kept = [name for name in known if name not in remove]
    names = [*(each for each in order if each in kept), *(each for each in kept if each not in order)]
    found = [known[each] for each in names]
    check_pipeline(found)
    return found


def package(kind: str, reference: str, name: str = "", **settings: Any) -> Object:
    """`reference`: registry, repository and tag or digest. Raises `BuildError`."""
    source = package_source(reference)
    spec = {"package": reference} | {key: value for key, value in settings.items() if value not in (None, "", [])}
    return {"apiVersion": f"{PACKAGES}/v1", "kind": kind, "metadata": _metadata(name or source.name), "spec": spec}


def package_source(reference: str) -> Source:
    """Raises `BuildError`."""
    if not _PACKAGE.fullmatch(reference):
        remedy = "e.g. xpkg.upbound.io/upbound/provider-aws-s3:v2.1.0; Crossplane 2 has no default registry"
        raise BuildError(f"{reference!r} is no package", "it needs registry, repository and a tag or digest", remedy)
    return sources.parse(reference)


def warned_of(reference: str) -> str:
    """What is not wise about a tag; empty where nothing is."""
    source = sources.parse(reference)
    if source.tag:
        takes = f"Crossplane takes {source.repository}:{source.tag} for its repository"
        return f"{takes}, and installs it once more for who depends on it: leave out the tag"
    tag = source.identifier
    return f"the tag {tag} moves: what is installed changes without a change here" if tag in _LATEST else ""


def environment_config(name: str, data: Any, labels: Mapping[str, str] | None = None) -> Object:
    """Raises `BuildError`."""
    if not isinstance(data, Mapping):
        raise BuildError("data of an environment config is a mapping", "", "e.g. {region: eu-west-1}")
    metadata = _metadata(name, labels)
    return {
        "apiVersion": f"{EXTENSIONS}/v1beta1",
        "kind": "EnvironmentConfig",
        "metadata": metadata,
        "data": dict(data),
    }


def operation(name: str, pipeline: Sequence[Mapping[str, Any]], retry_limit: int | None = None) -> Object:
    """Raises `BuildError`."""
    spec = _operation(pipeline, retry_limit)
    return {"apiVersion": f"{OPERATIONS}/v1alpha1", "kind": "Operation", "metadata": _metadata(name), "spec": spec}


def _operation(pipeline: Sequence[Mapping[str, Any]], retry_limit: int | None) -> Object:
    check_pipeline(pipeline)
    if retry_limit is not None and retry_limit < 1:
        raise BuildError("with a retry_limit of 0 an operation fails before it runs", "", "1 runs it once")
    spec: Object = {"mode": "Pipeline", "pipeline": [dict(each) for each in pipeline]}
    return spec | ({"retryLimit": retry_limit} if retry_limit is not None else {})


def cron_operation(
    name: str, schedule: str, pipeline: Sequence[Mapping[str, Any]], retry_limit: int | None = None, **settings: Any
) -> Object:
    """Raises `BuildError`; Crossplane itself takes any schedule, and says only in a condition that it is none."""
    check_schedule(schedule)
    return _repeated("CronOperation", name, {"schedule": schedule}, pipeline, retry_limit, settings)


def check_schedule(schedule: str) -> None:
    """Raises `BuildError`; what is never due Crossplane 2.3 runs at once, and fails to run ever after."""
    try:
        due = crontab.upcoming(schedule, datetime.now(UTC), 1)
    except crontab.ScheduleError as error:
        raise BuildError(error.what, error.why, error.remedy) from error
    if not due:
        why = "Crossplane would run it once, at once"
        raise BuildError(f"{schedule!r} is never due: there is no such day", why, "create_operation runs it once")


def watch_operation(
    name: str,
    watch: Mapping[str, Any],
    pipeline: Sequence[Mapping[str, Any]],
    retry_limit: int | None = None,
    **settings: Any,
) -> Object:
    """`watch` has apiVersion and kind, and matchLabels and namespace where not all are meant. Raises `BuildError`."""
    wanted = {key: value for key, value in watch.items() if value}
    return _repeated("WatchOperation", name, {"watch": wanted}, pipeline, retry_limit, settings)


def _repeated(
    kind: str,
    name: str,
    when: Mapping[str, Any],
    pipeline: Sequence[Mapping[str, Any]],
    retry_limit: int | None,
    settings: Mapping[str, Any],
) -> Object:
    if len(name) > LONGEST_LABEL:
        why = f"its name is a label of its runs, which takes {LONGEST_LABEL} characters"
        raise BuildError(f"a {kind} of this name would never run", why, "give it a shorter one")
    spec = {**when, "operationTemplate": {"spec": _operation(pipeline, retry_limit)}}
    spec |= {key: value for key, value in settings.items() if value not in (None, "")}
    return {"apiVersion": f"{OPERATIONS}/v1alpha1", "kind": kind, "metadata": _metadata(name), "spec": spec}


def usage(
    name: str,
    of: Mapping[str, Any],
    by: Mapping[str, Any] | None,
    reason: str,
    *,
    namespace: str = "",
    replay: bool = False,
    legacy: bool = False,
) -> Object:
    """In the namespace of what it protects; a ClusterUsage for what has none. Raises `BuildError`."""
    if not by and not reason:
        raise BuildError("a usage needs a reason or what uses it", "", "give `reason` or `by_kind` and `by_name`")
    spec: Object = {"of": dict(of)} | ({"by": dict(by)} if by else {}) | ({"reason": reason} if reason else {})
    spec |= {"replayDeletion": True} if replay else {}
    if legacy:
        return {"apiVersion": f"{EXTENSIONS}/v1beta1", "kind": "Usage", "metadata": _metadata(name), "spec": spec}
    kind = "Usage" if namespace else "ClusterUsage"
    metadata = _metadata(name, namespace=namespace)
    return {"apiVersion": f"{PROTECTION}/v1beta1", "kind": kind, "metadata": metadata, "spec": spec}

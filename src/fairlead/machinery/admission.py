"""Admission review: which webhooks a request concerns, what they are told, what their answers mean.

The API server calls no admission for an API that it does not serve itself; whoever serves it has to, and then by the
same rules, or policies that people rely on would hold for some objects and not for others. This is the part that needs
neither network nor clock.

Source: `pkg/admission/plugin/webhook` of k8s.io/apiserver; `admission.k8s.io/v1`.
"""

import base64
import binascii
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from fairlead.machinery import encoding, statuses
from fairlead.machinery.paths import GroupVersion, Resource
from fairlead.machinery.principals import Principal
from fairlead.machinery.selectors import LabelSelector

Object = dict[str, Any]

CREATE, UPDATE, DELETE = "CREATE", "UPDATE", "DELETE"
REVIEW_VERSIONS = ("v1", "v1beta1")
_QUIET = ("None", "NoneOnDryRun")
_PATCH_TYPE = "JSONPatch"


class ReviewError(Exception):
    """A webhook could not be asked, or its answer is none. Says so in the API server's words."""


class Target(NamedTuple):
    """What a request is about, in one version of it."""

    resource: Resource
    kind: tuple[str, str, str]
    """Group, version and kind; of the subresource where that is of another kind."""


@dataclass(frozen=True)
class Attributes:
    """A request as admission sees it. Objects are as the caller sees them."""

    operation: str
    target: Target
    subresource: str
    namespace: str
    name: str
    principal: Principal
    options: Mapping[str, Any]
    dry_run: bool = False
    object: Object | None = None
    old: Object | None = None


@dataclass(frozen=True)
class Rule:
    operations: tuple[str, ...]
    groups: tuple[str, ...]
    versions: tuple[str, ...]
    resources: tuple[str, ...]
    scope: str = "*"

    @classmethod
    def of(cls, rule: Mapping[str, Any]) -> "Rule":
        operations, groups, versions, resources = (
            tuple(rule.get(key) or ()) for key in ("operations", "apiGroups", "apiVersions", "resources")
        )
        return cls(operations, groups, versions, resources, str(rule.get("scope") or "*"))

    def matches(self, operation: str, resource: Resource, subresource: str) -> bool:
        return (
            self.scope in ("*", "Namespaced" if resource.namespaced else "Cluster")
            and _among(self.operations, operation)
            and _among(self.groups, resource.group)
            and _among(self.versions, resource.version)
            and any(_names(each, resource.plural, subresource) for each in self.resources)
        )


def _among(items: Sequence[str], asked: str) -> bool:
    return "*" in items or asked in items


def _names(pattern: str, plural: str, subresource: str) -> bool:
    resource, _, below = pattern.partition("/")
    return resource in ("*", plural) and below in ("*", subresource)


@dataclass(frozen=True)
class Hook:
    """One webhook of a configuration. matchConditions are CEL and count as fulfilled: more is asked, never less."""

    uid: str
    name: str
    mutates: bool
    rules: tuple[Rule, ...]
    equivalent: bool
    namespaces: LabelSelector
    objects: LabelSelector
    ignores_failure: bool
    seconds: int
    reinvoked: bool
    side_effects: str
    versions: tuple[str, ...]
    client: Mapping[str, Any]
    """`clientConfig`."""

    @classmethod
    def of(cls, webhook: Mapping[str, Any], uid: str, *, mutates: bool) -> "Hook":
        return cls(
            uid,
            str(webhook["name"]),
            mutates,
            tuple(map(Rule.of, webhook.get("rules") or ())),
            webhook.get("matchPolicy") != "Exact",
            LabelSelector.of(webhook.get("namespaceSelector")),
            LabelSelector.of(webhook.get("objectSelector")),
            webhook.get("failurePolicy") == "Ignore",
            int(webhook.get("timeoutSeconds") or 10),
            webhook.get("reinvocationPolicy") == "IfNeeded",
            str(webhook.get("sideEffects") or ""),
            tuple(webhook.get("admissionReviewVersions") or ()),
            webhook.get("clientConfig") or {},
        )

    def target(self, operation: str, asked: Target, subresource: str, others: Iterable[Target] = ()) -> Target | None:
        """In which version the webhook wants to see it: the one asked for, else an equivalent one that a rule names."""
        if any(each.matches(operation, asked.resource, subresource) for each in self.rules):
            return asked
        if not self.equivalent:
            return None
        found = (each for rule in self.rules for each in others if rule.matches(operation, each.resource, subresource))
        return next(found, None)

    def selects(self, attributes: Attributes) -> bool:
        """By labels of the object, old or new."""
        if not self.objects:
            return True
        found = (each for each in (attributes.object, attributes.old) if each is not None)
        return any(self.objects.matches((each.get("metadata") or {}).get("labels") or {}) for each in found)

    def check_dry_run(self, attributes: Attributes) -> None:
        """Raises `BadRequest` for a webhook that might do more than answer."""
        if attributes.dry_run and self.side_effects not in _QUIET:
            raise statuses.BadRequest(f'admission webhook "{self.name}" does not support dry run')

    @property
    def version(self) -> str:
        """Of the AdmissionReview. Raises `ReviewError`."""
        for each in self.versions:
            if each in REVIEW_VERSIONS:
                return each
        raise ReviewError(
            "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)"
        )


def hooks(configurations: Iterable[Mapping[str, Any]], *, mutate: bool) -> list[Hook]:
    """In the order in which they are asked."""
    found: list[Hook] = []
    for each in sorted(configurations, key=lambda each: str(each["metadata"]["name"])):
        name = each["metadata"]["name"]
        for index, webhook in enumerate(each.get("webhooks") or ()):
            found.append(Hook.of(webhook, f"{name}/{webhook['name']}/{index}", mutates=mutate))
    return found


# -- what is sent ------------------------------------------------------------------------------------------------------


def review(attributes: Attributes, target: Target, uid: str, version: str = "v1") -> Object:
    """`target` is the version that the webhook asked for."""
    asked, subresource = attributes.target, attributes.subresource
    request: Object = {"uid": uid, "kind": _kind(target), "resource": _resource(target)}
    if subresource:
        request["subResource"] = subresource
    request |= {"requestKind": _kind(asked), "requestResource": _resource(asked)}
    if subresource:
        request["requestSubResource"] = subresource
    request |= {key: value for key in ("name", "namespace") if (value := getattr(attributes, key))}
    request |= {
        "operation": attributes.operation,
        "userInfo": attributes.principal.to_user_info(),
        "object": _as(attributes.object, asked, target),
        "oldObject": _as(attributes.old, asked, target),
        "dryRun": attributes.dry_run,
        "options": dict(attributes.options),
    }
    return {"kind": "AdmissionReview", "apiVersion": f"admission.k8s.io/{version}", "request": request}


def _kind(target: Target) -> Object:
    group, version, kind = target.kind
    return {"group": group, "version": version, "kind": kind}


def _resource(target: Target) -> Object:
    found = target.resource
    return {"group": found.group, "version": found.version, "resource": found.plural}


def _as(found: Object | None, asked: Target, target: Target) -> Object | None:
    """In another version of its API; between the versions of one definition nothing but the name of it is converted."""
    if found is None or asked.kind == target.kind:
        return found
    return found | {"apiVersion": str(GroupVersion(*target.kind[:2]))}


def options(kind: str, parameters: Mapping[str, str]) -> Object:
    """`CreateOptions` or `UpdateOptions`, of the query; a patch is an update."""
    found: Object = {"kind": kind, "apiVersion": "meta.k8s.io/v1"}
    if parameters.get("dryRun"):
        found["dryRun"] = [parameters["dryRun"]]
    return found | {key: parameters[key] for key in ("fieldManager", "fieldValidation") if parameters.get(key)}


# -- what comes back ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    allowed: bool
    status: Mapping[str, Any]
    patch: Sequence[Any]
    """JSON patch operations."""
    warnings: tuple[str, ...]
    annotations: Mapping[str, str]

    @classmethod
    def read(cls, body: bytes, hook: Hook, uid: str, version: str = "v1") -> "Answer":
        """Raises `ReviewError` for what is no answer to that review."""
        try:
            document = encoding.from_json(body)
        except encoding.DecodeError as error:
            raise ReviewError(f"failed to call webhook: the answer cannot be read: {error.why}") from error
        response = document.get("response") if isinstance(document, dict) else None
        if not isinstance(response, dict):
            raise _not_valid("webhook response was absent")
        if version == "v1":
            _check_v1(document, response, uid)
        patch = response.get("patch")
        return cls(
            response.get("allowed") is True,
            response.get("status") or {},
            _operations(hook, patch, response.get("patchType"), version),
            tuple(map(str, response.get("warnings") or ())),
            {f"{hook.name}/{key}": str(value) for key, value in (response.get("auditAnnotations") or {}).items()},
        )


def _check_v1(document: Object, response: Object, uid: str) -> None:
    if response.get("uid") != uid:
        raise _not_valid(f'expected response.uid="{uid}", got "{response.get("uid") or ""}"')
    group_version = GroupVersion.parse(str(document.get("apiVersion") or ""))
    found = f"{group_version.group}/{group_version.version}, Kind={document.get('kind') or ''}"
    wanted = "admission.k8s.io/v1, Kind=AdmissionReview"
    if found != wanted:
        raise _not_valid(f"expected webhook response of {wanted}, got {found}")


def _operations(hook: Hook, patch: object, kind: object, version: str) -> list[Any]:
    if version == "v1":
        _check_patch(hook, patch, kind)
    if not patch or not hook.mutates:
        return []
    try:
        found = encoding.from_json(base64.b64decode(str(patch), validate=True))
    except (binascii.Error, encoding.DecodeError) as error:
        raise ReviewError(f"received undecodable patch in webhook response: {error}") from error
    if not isinstance(found, list):
        raise ReviewError("received undecodable patch in webhook response: it is no list of operations")
    return found


def _check_patch(hook: Hook, patch: object, kind: object) -> None:
    if not hook.mutates:
        for name, value in (("patch", patch), ("patchType", kind)):
            if value:
                raise _not_valid(f"validating webhook may not return response.{name}")
    elif patch and kind is None:
        raise _not_valid("webhook returned response.patch but not response.patchType")
    elif kind is not None and not patch:
        raise _not_valid("webhook returned response.patchType but not response.patch")
    elif kind is not None and kind != _PATCH_TYPE:
        raise ReviewError(f'unsupported patch type "{kind}"')


def _not_valid(why: str) -> ReviewError:
    return ReviewError(f"received invalid webhook response: {why}")


def denied(hook: Hook, status: Mapping[str, Any]) -> statuses.StatusError:
    """The webhook's own Status with code, reason and details; its message says who it was."""
    code = int(status.get("code") or 0)
    said = status.get("message") or status.get("reason")
    message = f'admission webhook "{hook.name}" denied the request' + (f": {said}" if said else " without explanation")
    full = {"kind": "Status", **status, "message": message, "code": max(code, 400)}
    return statuses.from_object(full)


def failed(hook: Hook, error: ReviewError) -> statuses.InternalError:
    why = f'failed calling webhook "{hook.name}": {error}'
    return statuses.InternalError(f"Internal error occurred: {why}", {"causes": [{"message": why}]})


def not_ready(attributes_of: Resource, name: str) -> statuses.Forbidden:
    """While it is not known yet which webhooks there are."""
    return statuses.forbidden(attributes_of, name, "not yet ready to handle request")


def warning(text: str) -> str | None:
    """The value of a Warning header; None for a text that is no header, which the API server drops as well."""
    if any(unicodedata.category(each) == "Cc" for each in text):
        return None
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{quoted}"'

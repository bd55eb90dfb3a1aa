"""The access and token reviews: questions that clients put to the server about callers, answered and not stored.

`kubectl auth can-i`, every extension API server and every webhook that delegates depend on them. Answers have the real
server's shape and sentences, compared with kube-apiserver 1.36; the one difference is that these carry no
managedFields.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fairlead.embedded.authorizing import Policy, aggregate
from fairlead.machinery import statuses
from fairlead.machinery.paths import RequestInfo
from fairlead.machinery.principals import Principal

Object = dict[str, Any]
Identify = Callable[[str], Awaitable[Principal | None]]

AUTHENTICATION = "authentication.k8s.io"
AUTHORIZATION = "authorization.k8s.io"
AUDIENCE = "https://kubernetes.default.svc"
_RULE_KEYS = ("verbs", "apiGroups", "resources", "resourceNames")
_URL_KEYS = ("verbs", "nonResourceURLs")


class Reviewer:
    """`policy` answers the roles of the moment, `identify` whose a bearer token is."""

    def __init__(self, policy: Callable[[], Policy], identify: Identify) -> None:
        self._policy = policy
        self._identify = identify

    async def review(self, plural: str, body: Object, caller: Principal, namespace: str = "") -> Object:
        """The object that a create of `body` answers with 201. Raises `statuses.StatusError`."""
        body = {**body, "metadata": dict(body.get("metadata") or {})}
        match plural:
            case "tokenreviews":
                return await self._token(body)
            case "selfsubjectreviews":
                return self_subject(body, caller)
            case "subjectaccessreviews" | "localsubjectaccessreviews":
                return self._subject_access(body, namespace)
            case "selfsubjectaccessreviews":
                return self._self_subject_access(body, caller)
            case "selfsubjectrulesreviews":
                return self._rules(body, caller)
        raise statuses.no_such_resource()

    async def _token(self, body: Object) -> Object:
        token = _spec(body).get("token")
        if not token:
            raise statuses.BadRequest("token is required for TokenReview in authentication")
        found = await self._identify(str(token))
        if found is None:
            return {**body, "status": {"user": {}, "error": "invalid bearer token"}}
        status = {"authenticated": True, "user": found.authenticated().to_user_info(), "audiences": [AUDIENCE]}
        return {**body, "status": status}

    def _subject_access(self, body: Object, namespace: str) -> Object:
        spec = _spec(body)
        causes = _attribute_causes(spec)
        if not spec.get("user") and not spec.get("groups"):
            causes.append(_invalid_value("spec.user", '""', "at least one of user or group must be specified"))
        if namespace:
            causes += _local_causes(spec, namespace)
        if causes:
            raise statuses.invalid(AUTHORIZATION, "", "", causes)
        return {**body, "status": self._answer(Principal.from_user_info(spec), spec)}

    def _self_subject_access(self, body: Object, caller: Principal) -> Object:
        spec = _spec(body)
        causes = _attribute_causes(spec)
        if causes:
            raise statuses.invalid(AUTHORIZATION, "", "", causes)
        return {**body, "status": self._answer(caller, spec)}

    def _answer(self, principal: Principal, spec: Object) -> Object:
        decision = self._policy().decide(principal, asked(spec))
        status: Object = {"allowed": decision.allowed}
        if decision.reason:
            status["reason"] = decision.reason
        return status

    def _rules(self, body: Object, caller: Principal) -> Object:
        namespace = _spec(body).get("namespace")
        if not namespace:
            raise statuses.BadRequest("no namespace on request")
        rules, missing = self._policy().rules(caller, str(namespace))
        status: Object = {
            "resourceRules": [_part(rule, _RULE_KEYS) for rule in rules if rule.get("resources")],
            "nonResourceRules": [_part(rule, _URL_KEYS) for rule in rules if rule.get("nonResourceURLs")],
            "incomplete": False,
        }
        if missing:
            status["evaluationError"] = aggregate(missing)
        return {**body, "spec": {}, "status": status}


def self_subject(body: Object, caller: Principal) -> Object:
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata = {**body["metadata"], "creationTimestamp": created}
    return {**body, "metadata": metadata, "status": {"userInfo": caller.to_user_info()}}


def asked(spec: Mapping[str, Any]) -> RequestInfo:
    """The question inside a review; `*` and absent names are RBAC's own words."""
    resource = spec.get("resourceAttributes")
    if not resource:
        other = spec.get("nonResourceAttributes") or {}
        return RequestInfo(str(other.get("verb") or ""), str(other.get("path") or ""))

    def part(key: str) -> str:
        return str(resource.get(key) or "")

    return RequestInfo(
        part("verb"), "", True, part("group"), part("version"), part("namespace"), part("resource"), part("name"),
        part("subresource"),
    )  # fmt: skip


def _spec(body: Object) -> Object:
    return dict(body.get("spec") or {})


def _attribute_causes(spec: Object) -> list[Object]:
    resource, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and other is not None:
        message = "cannot be specified in combination with resourceAttributes"
        return [_invalid_value("spec.nonResourceAttributes", _shown(other), message)]
    if resource is None and other is None:
        message = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        return [_invalid_value("spec.resourceAttributes", "null", message)]
    return []


def _local_causes(spec: Object, namespace: str) -> list[Object]:
    resource, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if other is not None:
        message = "disallowed on this kind of request"
        return [_invalid_value("spec.nonResourceAttributes", _shown(other), message)]
    if resource is not None and (resource.get("namespace") or "") != namespace:
        shown = f'"{resource.get("namespace", "")}"'
        return [_invalid_value("spec.resourceAttributes.namespace", shown, "must match metadata.namespace")]
    return []


def _shown(other: Object) -> str:
    """As the real server prints the Go value."""
    return f'{{"Path":"{other.get("path", "")}","Verb":"{other.get("verb", "")}"}}'


def _invalid_value(field: str, shown: str, message: str) -> Object:
    return statuses.cause(field, f"Invalid value: {shown}: {message}")


def _part(rule: Object, keys: Sequence[str]) -> Object:
    return {key: rule[key] for key in keys if rule.get(key)}

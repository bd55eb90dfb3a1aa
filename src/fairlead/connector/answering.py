"""Failures and warnings of the control plane, in the app cluster's words.

A Status names objects in its details and quotes them in sentences. Both are mapped back, and what only the control
plane knows (its one namespace, hashed names, storage keys, the connector's own user) never passes. A refusal of the
connector's own credentials is not the caller's: passed on as 403 it would tell controllers that they lack rights, for
good.

Source: reference/aggregation-layer.md §7.9, §10, §10.1.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fairlead.connector import conflicts
from fairlead.connector.naming import RESERVED, Identity, Scope
from fairlead.machinery import negotiation, statuses
from fairlead.machinery.encoding import to_json, to_yaml
from fairlead.machinery.messages import Headers, Response
from fairlead.machinery.negotiation import JSON, YAML
from fairlead.machinery.paths import Resource
from fairlead.machinery.statuses import StatusError

Object = dict[str, Any]

_HASHED = re.compile(r"\b(?:claim|nxr)-[0-9a-f]{16}\b")
_STORAGE_KEY = re.compile(r"(?:, )?Key: /[^,\s]+")
_OWN_USER = re.compile(r'\bUser "[^"]*" cannot ')
_REASON = re.compile(r'( in the namespace "[^"]*"| at the cluster scope).*', re.DOTALL)
# Of a sentence that repeats a whole object, as stored.
_ECHO = re.compile(r"\{.*\}", re.DOTALL)
HIDDEN_NAME = "(unknown)"


@dataclass(frozen=True)
class Names:
    """What a sentence about a request may have to be translated from and to."""

    scope: Scope
    prefix: str
    identity: Identity | None = None
    """None for a collection."""
    namespace: str = ""
    """Of the app cluster; empty for all namespaces."""
    user: str = ""
    """Who is impersonated; empty for nobody."""

    @property
    def backend(self) -> str:
        return self.identity.backend(self.prefix) if self.identity else ""

    def text(self, sentence: str) -> str:
        if self.user:
            sentence = sentence.replace(f"{self.scope.cluster}:", "")
        sentence = _STORAGE_KEY.sub(self._key, sentence)
        if self.identity:
            sentence = sentence.replace(self.backend, self.identity.name)
        sentence = _HASHED.sub(HIDDEN_NAME, sentence)
        if RESERVED in sentence:
            sentence = _ECHO.sub("{...}", sentence)
        stored = re.escape(self.scope.namespace)
        return re.sub(rf'(["\'/(]){stored}(?=["\'/)])', lambda found: found.group(1) + self._namespace(), sentence)

    def _key(self, found: re.Match[str]) -> str:
        """Where a server that stores the object itself would keep it; nothing for any other object."""
        stored = f"/{self.scope.namespace}/{self.backend}"
        if self.identity and found.group().endswith(stored):
            return f"{found.group().removesuffix(stored)}/{self.identity.namespace}/{self.identity.name}"
        return ""

    def _namespace(self) -> str:
        return self.identity.namespace if self.identity else self.namespace


def rewrite_status(status: Object, names: Names) -> Object:
    """Details, message and causes; everything else, `metadata.continue` and `retryAfterSeconds` included, stays."""
    shown = dict(conflicts.visible(status))
    if isinstance(shown.get("message"), str):
        shown["message"] = names.text(shown["message"])
    details = shown.get("details")
    if isinstance(details, dict):
        shown["details"] = _details(details, names)
    return shown


def _details(details: Mapping[str, Any], names: Names) -> Object:
    shown = dict(details)
    if isinstance(shown.get("name"), str):
        shown["name"] = names.text(shown["name"])
    if isinstance(shown.get("causes"), list):
        shown["causes"] = [
            {**cause, "message": names.text(cause["message"])} if isinstance(cause.get("message"), str) else cause
            for cause in shown["causes"]
            if isinstance(cause, dict)
        ]
    return shown


def failure(status: Object, code: int, names: Names) -> StatusError:
    """The error to give the client for a Status of the control plane with an HTTP status of 400 or more."""
    message = str(status.get("message") or "")
    details = status.get("details") or {}
    if code == 403 and names.user and f"User {_quoted(names.user)} cannot " in message:
        return _callers(status, names)
    if code == 401 or (code == 403 and _OWN_USER.search(message)):
        return statuses.InternalError("the control plane refuses the connector's own credentials")
    if code == 404 and not details.get("name"):
        return statuses.ServiceUnavailable(
            "the control plane does not serve this API at the moment", {"retryAfterSeconds": 5}
        )
    if code == 404 and details.get("kind") == "namespaces" and details.get("name") == names.scope.namespace:
        return statuses.InternalError("the control plane lacks the namespace that the connector is configured to use")
    return statuses.from_object(rewrite_status(status, names), code)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _callers(status: Object, names: Names) -> StatusError:
    """A refusal of the user that was impersonated, in words of the app cluster; without which of its rules is why."""
    error = statuses.from_object(rewrite_status(status, names), 403)
    error.message = _REASON.sub(r"\1", error.message).replace(' in the namespace ""', " at the cluster scope")
    return error


def unreachable(*, sent: bool, writes: bool) -> StatusError:
    """A write that may have arrived is not to be repeated blindly; anything else is."""
    if sent and writes:
        return statuses.Timeout(
            "the connection to the control plane was lost after the request was sent; whether it took effect is unknown"
        )
    return statuses.ServiceUnavailable("the control plane cannot be reached", {"retryAfterSeconds": 1})


def respond(error: StatusError, asked: Headers = Headers()) -> Response:  # noqa: B008 - a frozen value
    """As YAML for who asks for it; JSON for everyone else, also for who accepts neither."""
    form = negotiation.choose(",".join(asked.all("accept")), (JSON, YAML)) or JSON
    lines = [("content-type", form.essence)]
    if error.retry_after is not None:
        lines.append(("retry-after", str(error.retry_after)))
    lines += [("warning", each) for each in error.warnings]
    status = error.to_object()
    body = to_yaml(status).encode() if form is YAML else to_json(status)
    return Response(error.status_code, Headers(lines), body)


def warned(answer: Response, warnings: Sequence[str]) -> Response:
    """With warnings before those that it has; none twice."""
    had = answer.headers.all("warning")
    more = [("warning", each) for each in warnings if each not in had]
    return replace(answer, headers=Headers([*more, *answer.headers.lines])) if more else answer


def no_such_page() -> Response:
    """For a path outside of every handler, which the API server leaves to Go's own."""
    lines = [("content-type", "text/plain; charset=utf-8"), ("x-content-type-options", "nosniff")]
    return Response(404, Headers(lines), b"404 page not found\n")


def not_supported(resource: Resource, verb: str) -> StatusError:
    return statuses.MethodNotAllowed(
        f'{verb} is not supported on resources of kind "{resource.qualified}"',
        {"group": resource.group, "kind": resource.plural},
    )


# Everything else the control plane says about its answer is about its own connection or for its own clients.
_PASSED = ("warning", "retry-after")


def headers(upstream: Headers, names: Names, content_type: str = "application/json") -> Headers:
    """Warnings keep order and number; each text is mapped."""
    passed = [
        (key, names.text(value) if key == "warning" else value) for key, value in upstream.lines if key in _PASSED
    ]
    return Headers([("content-type", content_type), *passed])

"""Status: how every Kubernetes API says that something did not work.

Server side these are raised and written out; client side a Status that came over the wire is raised as the same
class, so a proxy can let one through and code says `except NotFound` on either side. Wording and details follow
`k8s.io/apimachinery/pkg/api/errors`, because clients and people match on both.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource

Object = dict[str, Any]


class StatusError(FairleadError):
    """`message` is the API's own sentence; `details` and `metadata` are kept exactly as they came.

    Empty details are written where they were given and left out where they were not: the real server does both.
    """

    code: ClassVar[int] = 500
    reason: ClassVar[str] = "InternalError"

    def __init__(
        self,
        message: str,
        details: Mapping[str, Any] | None = None,
        *,
        code: int | None = None,
        reason: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details: Object = dict(details or {})
        self._says_details = details is not None
        self.metadata: Object = dict(metadata or {})
        self.status_code = self.code if code is None else code
        self.status_reason = self.reason if reason is None else reason
        self.warnings: tuple[str, ...] = ()
        """Values of the Warning headers that go with it."""

    @property
    def causes(self) -> list[Object]:
        return list(self.details.get("causes") or [])

    @property
    def retry_after(self) -> int | None:
        """Seconds, where the server named them."""
        seconds = self.details.get("retryAfterSeconds")
        return seconds if isinstance(seconds, int) else None

    def to_object(self) -> Object:
        body: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
            "message": self.message,
            "reason": self.status_reason,
            "details": self.details,
            "code": self.status_code,
        }
        if not self.details and not self._says_details:
            del body["details"]
        if not self.status_reason:
            del body["reason"]
        return body


class BadRequest(StatusError):
    code = 400
    reason = "BadRequest"


class Unauthorized(StatusError):
    code = 401
    reason = "Unauthorized"


class Forbidden(StatusError):
    code = 403
    reason = "Forbidden"


class NotFound(StatusError):
    code = 404
    reason = "NotFound"


class MethodNotAllowed(StatusError):
    code = 405
    reason = "MethodNotAllowed"


class NotAcceptable(StatusError):
    code = 406
    reason = "NotAcceptable"


class Conflict(StatusError):
    code = 409
    reason = "Conflict"


class AlreadyExists(StatusError):
    code = 409
    reason = "AlreadyExists"


class Expired(StatusError):
    """A resourceVersion or continue token older than the server's memory: list again."""

    code = 410
    reason = "Expired"


class TooLarge(StatusError):
    code = 413
    reason = "RequestEntityTooLarge"


class UnsupportedMediaType(StatusError):
    code = 415
    reason = "UnsupportedMediaType"


class Invalid(StatusError):
    code = 422
    reason = "Invalid"


class TooManyRequests(StatusError):
    code = 429
    reason = "TooManyRequests"


class InternalError(StatusError):
    code = 500
    reason = "InternalError"


class ServiceUnavailable(StatusError):
    code = 503
    reason = "ServiceUnavailable"


class Timeout(StatusError):
    code = 504
    reason = "Timeout"


_CLASSES: tuple[type[StatusError], ...] = (
    BadRequest, Unauthorized, Forbidden, NotFound, MethodNotAllowed, NotAcceptable, AlreadyExists, Conflict, Expired,
    TooLarge, UnsupportedMediaType, Invalid, TooManyRequests, InternalError, ServiceUnavailable, Timeout,
)  # fmt: skip
_BY_REASON = {each.reason: each for each in _CLASSES}
_BY_CODE = {each.code: each for each in reversed(_CLASSES)} | {409: Conflict}


def from_object(status: Mapping[str, Any], code: int | None = None) -> StatusError:
    """Reads a Status body; `code` is the HTTP status, for bodies that carry none. Reason decides before code."""
    number = int(status.get("code") or code or 500)
    reason = str(status.get("reason") or "")
    kind = _BY_REASON.get(reason) or _BY_CODE.get(number, StatusError)
    message = str(status.get("message") or f"the server answered HTTP {number}")
    return kind(
        message,
        status.get("details"),
        code=number,
        reason=reason if status.get("kind") == "Status" else reason or kind.reason,
        metadata=status.get("metadata"),
    )


def _details(resource: Resource, name: str) -> Object:
    return {
        key: value for key, value in (("name", name), ("group", resource.group), ("kind", resource.plural)) if value
    }


def not_found(resource: Resource, name: str) -> NotFound:
    return NotFound(f'{resource.qualified} "{name}" not found', _details(resource, name))


def no_such_resource() -> NotFound:
    """For a path that no API serves; `details` is empty, as the generic server has it."""
    return NotFound("the server could not find the requested resource", {})


def already_exists(resource: Resource, name: str) -> AlreadyExists:
    return AlreadyExists(f'{resource.qualified} "{name}" already exists', _details(resource, name))


def conflict(resource: Resource, name: str, why: str) -> Conflict:
    return Conflict(f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}', _details(resource, name))


STALE = "the object has been modified; please apply your changes to the latest version and try again"


def forbidden(resource: Resource, name: str, why: str) -> Forbidden:
    subject = f'{resource.qualified} "{name}"' if name else resource.qualified
    return Forbidden(f"{subject} is forbidden: {why}", _details(resource, name))


def cause(field: str, message: str, reason: str = "FieldValueInvalid") -> Object:
    """`message` is the part after the field, such as `Required value` or `Invalid value: "x": must be …`."""
    return {"reason": reason, "message": message, "field": field}


def invalid(group: str, kind: str, name: str, causes: Sequence[Object]) -> Invalid:
    """The sentence that field.ErrorList makes: one cause bare, several in brackets, each once."""
    told = [f"{each['field']}: {each['message']}" if each["field"] else each["message"] for each in causes]
    texts = list(dict.fromkeys(told))
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    subject = f"{kind}.{group}" if group else kind
    details: Object = {"name": name, "group": group, "kind": kind, "causes": list(causes)}
    details = {key: value for key, value in details.items() if value}
    return Invalid(f'{subject} "{name}" is invalid: {text}', details)


def success(resource: Resource, name: str, uid: str) -> Object:
    """What a DELETE answers once the object has gone."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {**_details(resource, name), "uid": uid},
    }

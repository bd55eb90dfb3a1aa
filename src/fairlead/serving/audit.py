"""Who did what to which object, one JSON line each, in the shape of Kubernetes' own audit events.

Joined with the app cluster's audit log by the Audit-ID, and with the control plane's by the name that an object has
there. Bodies are never written: claims may hold secrets. Writing is blocking, as it is by default in kube-apiserver: an
answer does not leave before its event is written. What cannot be written is said in the log and stops nobody.

Source: API audit.k8s.io/v1, level Metadata.
"""

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO

from fairlead.machinery.encoding import to_json
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Request
from fairlead.machinery.paths import RequestInfo
from fairlead.machinery.principals import Principal

_log = logging.getLogger(__name__)


class AuditError(FairleadError):
    """The audit log cannot be opened."""


@dataclass(frozen=True)
class Event:
    audit_id: str
    stage: str
    """`ResponseStarted` (of a stream) or `ResponseComplete`."""
    request: Request
    info: RequestInfo
    principal: Principal | None
    """None for a caller who could not be identified."""
    code: int
    received: datetime
    annotations: Mapping[str, str] = field(default_factory=dict)


class AuditLog:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._failing = False

    def write(self, event: Event) -> None:
        try:
            self._file.write(to_json(document(event)) + b"\n")
            self._file.flush()
        except (OSError, ValueError) as error:
            if not self._failing:
                _log.error("the audit log cannot be written: %s", error)
            self._failing = True
        else:
            self._failing = False


def document(event: Event) -> dict[str, object]:
    info, request = event.info, event.request
    found: dict[str, object] = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": event.audit_id,
        "stage": event.stage,
        "requestURI": f"{request.path}?{request.query}" if request.query else request.path,
        "verb": info.verb,
        "user": _user(event.principal),
        "userAgent": request.headers.get("user-agent"),
        "responseStatus": {"metadata": {}, "code": event.code},
        "requestReceivedTimestamp": _time(event.received),
        "stageTimestamp": _time(datetime.now(UTC)),
        "annotations": dict(event.annotations),
    }
    if info.is_resource:
        reference = {
            "resource": info.plural,
            "namespace": info.namespace,
            "name": info.name,
            "apiGroup": info.group,
            "apiVersion": info.version,
            "subresource": info.subresource,
        }
        found["objectRef"] = {key: value for key, value in reference.items() if value}
    return found


def _user(principal: Principal | None) -> dict[str, object]:
    """Without `extra`, which may hold credentials' ids."""
    if principal is None:
        return {}
    user: dict[str, object] = {"username": principal.name, "groups": list(principal.groups)}
    return user | ({"uid": principal.uid} if principal.uid else {})


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@contextmanager
def opened(target: str) -> Iterator[AuditLog | None]:
    """`target` is a file to append to, `-` for standard output, or empty for none. Raises `AuditError`."""
    if not target:
        yield None
    elif target == "-":
        yield AuditLog(sys.stdout.buffer)
    else:
        with _append(target) as file:
            yield AuditLog(file)


def _append(path: str) -> IO[bytes]:
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600), "ab")
    except OSError as error:
        raise AuditError(f"the audit log {path} cannot be opened", error.strerror or str(error)) from error

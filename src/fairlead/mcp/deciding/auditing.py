"""JSON lines for each call: who, which server and tool, on what, what was decided, what came of it.

One line for a read. Two for a change, with one request id: `intent` before anything is sent, `result` after it; where
the first cannot be written the change is not done, so that nothing ever happened that the log does not know. A read
that cannot be written down is said in the log and done.

Arguments that only say on what are shown; a manifest or a command may hold anything, so their values never are: a keyed
digest tells equal calls from others and gives nothing away. Groups are a digest for the same reason and for their
number. No token and no claim but who somebody is goes in.

Source: reference/mcp-and-gateways.md §5.2 (Audit record).
"""

import hashlib
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Protocol

from opentelemetry import trace

from fairlead.machinery import encoding, redacting
from fairlead.mcp import fencing
from fairlead.mcp.calling import Use

_SHOWN = frozenset(
    {"context", "namespace", "name", "kind", "api_version", "label_selector", "field_selector", "limit", "container"}
    | {"cluster", "apiVersion", "labelSelector", "fieldSelector"}  # the peer's names for them
    | {"package", "version", "type", "action", "group", "composition", "configuration", "xr_kind", "xr_api_version"}
    | {"of_kind", "of_name", "of_label_selector", "by_kind", "by_name", "by_label_selector"}
    | {"revision", "to_revision", "finalizer", "new_name"}
)
_LONGEST = 256
_log = logging.getLogger(__name__)


class Sink(Protocol):
    def write(self, data: bytes, /) -> Any: ...

    def flush(self) -> Any: ...


def line(use: Use, server: str, stage: str, decision: str, digest: str) -> dict[str, Any]:
    """`stage` is `intent` or `result`, `decision` `allow` or `deny`; empty fields are left out."""
    caller = use.caller
    found: dict[str, Any] = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestID": use.request_id,
        "stage": stage,
        "traceparent": _traceparent(),
        "principal": caller.key,
        "issuer": _name(caller.claims.get("iss")),
        "subject": _name(caller.claims.get("sub")),
        "client": _name(caller.claims.get("azp") or caller.claims.get("client_id")),
        "groups": hashlib.sha256("\n".join(sorted(caller.groups)).encode()).hexdigest()[:16] if caller.groups else "",
        "server": server,
        "tool": _name(use.name)[:128],
        "class": use.tool_class.value,
        "target": _text(use.given.get("context")),
        "arguments": {_name(key)[:64]: _shown(key, value) for key, value in use.given.items()},
        "argumentsDigest": digest,
        "dryRun": use.dry_run,
        "decision": decision,
        "rule": use.rule,
        "confirmation": use.confirm_id,
        "upstream": use.upstream,
    }
    if stage == "result":
        found |= {"result": use.result, "milliseconds": round(use.seconds * 1000, 1), "size": use.size}
    return {key: value for key, value in found.items() if value is not False and value not in ("", [])}


def _traceparent() -> str:
    """Of the span in which the call runs, as W3C Trace Context writes it; empty without one."""
    span = trace.get_current_span().get_span_context()
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}" if span.is_valid else ""


def _name(value: Any) -> str:
    """Of what comes again and again, and is short."""
    return _known(value) if isinstance(value, str) and len(value) <= _LONGEST else _text(value)


@lru_cache(1024)
def _known(value: str) -> str:
    return _text(value)


def _text(value: Any) -> str:
    return redacting.text(fencing.plain(value))[:_LONGEST] if isinstance(value, str) else ""


def _shown(key: str, value: Any) -> Any:
    if key not in _SHOWN or not isinstance(value, str | int | bool):
        return "…"
    return _text(value) if isinstance(value, str) else value


class ToolAudit:
    def __init__(self, file: Sink | None = None) -> None:
        self._file = file
        self._failing = False

    def __bool__(self) -> bool:
        """Whether anything is written down."""
        return self._file is not None

    def write(self, entry: Mapping[str, Any]) -> bool:
        """Whether it is written down (or nobody asked for it)."""
        if self._file is None:
            return True
        try:
            self._file.write(encoding.to_json(dict(entry)) + b"\n")
            self._file.flush()
        except (OSError, ValueError) as error:
            if not self._failing:
                _log.error("the audit log cannot be written: %s", error)
            self._failing = True
            return False
        self._failing = False
        return True

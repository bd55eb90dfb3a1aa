"""One JSON line for each call of a tool: who, which server and tool, on what, what was decided, what came of it.

Arguments are named, and those that only say where are shown; a manifest or a command may hold anything, so their values
never are. A read that cannot be written down is said in the log and done; a write will have to be refused.

Source: reference/mcp-and-gateways.md §5.2 (Audit record).
"""

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any

from fairlead.machinery import encoding, redacting
from fairlead.machinery.errors import FairleadError

_SHOWN = frozenset({"context", "namespace", "name", "kind", "api_version", "label_selector", "field_selector", "limit"})
_log = logging.getLogger(__name__)


class ToolAuditError(FairleadError):
    """The audit log cannot be opened."""


@dataclass(frozen=True)
class Entry:
    request_id: str
    principal: str
    server: str
    tool: str
    arguments: Mapping[str, Any]
    decision: str
    """`allow` or `deny`."""
    rule: str
    result: str
    """`ok`, `error`, `limited`, `timeout`, `denied`."""
    seconds: float
    size: int
    """Characters of the answer."""

    def document(self) -> dict[str, Any]:
        return {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "requestID": self.request_id,
            "principal": self.principal,
            "server": self.server,
            "tool": self.tool,
            "arguments": {key: _shown(key, value) for key, value in self.arguments.items()},
            "decision": self.decision,
            "rule": self.rule,
            "result": self.result,
            "milliseconds": round(self.seconds * 1000, 1),
            "size": self.size,
        }


def _shown(key: str, value: Any) -> Any:
    if key not in _SHOWN:
        return "…"
    return redacting.text(value)[:256] if isinstance(value, str) else value


class ToolAudit:
    def __init__(self, file: IO[bytes] | None = None) -> None:
        self._file = file
        self._failing = False

    def write(self, entry: Entry) -> bool:
        """Whether it is written down (or nobody asked for it)."""
        if self._file is None:
            return True
        try:
            self._file.write(encoding.to_json(entry.document()) + b"\n")
            self._file.flush()
        except (OSError, ValueError) as error:
            if not self._failing:
                _log.error("the audit log cannot be written: %s", error)
            self._failing = True
            return False
        self._failing = False
        return True


@contextmanager
def opened(where: str) -> Iterator[IO[bytes] | None]:
    """None for no path; `-` is standard error, since standard output may be the protocol's. Raises `ToolAuditError`."""
    if where in ("", "-"):
        yield sys.stderr.buffer if where else None
        return
    try:
        file = os.fdopen(os.open(where, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")
    except OSError as error:
        raise ToolAuditError(f"cannot write the audit log {where}", error.strerror or str(error)) from error
    with file:
        yield file

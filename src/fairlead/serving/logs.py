"""A server's log on standard error: lines for people, or JSON objects for what collects them."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum

from fairlead.machinery.encoding import to_json


class LogFormat(Enum):
    TEXT = "text"
    JSON = "json"


class JSONFormatter(logging.Formatter):
    """One object on one line, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return to_json(fields).decode()


TEXT = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")


@contextmanager
def on_standard_error(format: LogFormat) -> Iterator[None]:
    """Until the block ends; of other packages only warnings."""
    handler = logging.StreamHandler()
    handler.setFormatter(JSONFormatter() if format is LogFormat.JSON else TEXT)
    root, ours = logging.getLogger(), logging.getLogger("fairlead")
    before = ours.level
    root.addHandler(handler)
    ours.setLevel(logging.INFO)
    try:
        yield
    finally:
        ours.setLevel(before)
        root.removeHandler(handler)

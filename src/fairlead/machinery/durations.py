"""Ages as kubectl shows them: two units at most, and only while the smaller one still matters.

Source: `k8s.io/apimachinery/pkg/util/duration`, whose thresholds are not regular.
"""

from datetime import UTC, datetime

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
UNKNOWN = "<unknown>"
INVALID = "<invalid>"


def human(seconds: float) -> str:
    """`45s`, `3m20s`, `5h`, `2d3h`, `400d`; a moment in the future is `<invalid>`."""
    whole = int(seconds)
    if whole < -1:
        return INVALID
    if whole < 2 * _MINUTE:
        return f"{max(whole, 0)}s"
    minutes, hours, days = whole // _MINUTE, whole // _HOUR, whole // _DAY
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 2 * 365:
        return f"{days}d"
    if days < 8 * 365:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def since(timestamp: str | None, now: datetime) -> str:
    """The age of an RFC 3339 time; `<unknown>` for none, `<invalid>` for one that cannot be read."""
    if not timestamp:
        return UNKNOWN
    try:
        then = datetime.fromisoformat(timestamp)
    except ValueError:
        return INVALID
    return human((now - (then if then.tzinfo else then.replace(tzinfo=UTC))).total_seconds())

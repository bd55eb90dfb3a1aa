"""When a schedule is due, as the parser of Crossplane's cron operations reads it.

Crossplane takes any text as a schedule and says in a condition, later, that it is none; and nobody sees from
`0 3 * * 1` which day that will be. The rules are those of its parser, which differ from other crons': Sunday is 0 and
never 7, `N/step` goes on to the end of the range, a range cannot wrap, `*/1` is a star and `*/2` is none, and where day
and weekday are both given without a star either is enough. A library for Python has other rules in just these places.
Without a zone of its own a schedule is in that of Crossplane's process, which is UTC in its image.

Source: github.com/robfig/cron v3.0.1, `ParseStandard`, whose answers tests/crossplane/data/schedules.json holds.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from fairlead.machinery.errors import FairleadError

_YEARS = 5
"""A schedule that is not due for so long never is: February 30."""
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {each: number for number, each in enumerate(_MONTH_NAMES, 1)}
_DAYS = {each: number for number, each in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
_NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_SHAPE = "five fields: minute hour day month weekday, e.g. 0 3 * * 1; or @daily, @every 6h"


class ScheduleError(FairleadError):
    """The text is no schedule."""


@dataclass(frozen=True)
class _Field:
    values: frozenset[int]
    star: bool


@dataclass(frozen=True)
class Schedule:
    minute: _Field
    hour: _Field
    day: _Field
    month: _Field
    weekday: _Field
    zone: tzinfo

    def next(self, after: datetime) -> datetime | None:
        """None where it is never due. `after` has a zone; so has the answer, and it is the same."""
        local = after.astimezone(self.zone)
        for number in range((_YEARS + 1) * 366):
            day = local.date() + timedelta(days=number)
            if day.year > local.year + _YEARS:
                break
            if self._is_on(day) and (due := min(self._due(day, after), default=None)) is not None:
                return due.astimezone(after.tzinfo)
        return None

    def _is_on(self, day: date) -> bool:
        if day.month not in self.month.values:
            return False
        by_day, by_weekday = day.day in self.day.values, day.isoweekday() % 7 in self.weekday.values
        return (by_day and by_weekday) if self.day.star or self.weekday.star else (by_day or by_weekday)

    def _due(self, day: date, after: datetime) -> Iterator[datetime]:
        """Of one day by the clock on the wall: what it shows twice is due twice, what it leaves out never."""
        for hour in self.hour.values:
            for minute in self.minute.values:
                for fold in (0, 1):
                    shown = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone, fold=fold)
                    due = shown.astimezone(UTC)
                    if due > after and due.astimezone(self.zone).replace(tzinfo=None) == shown.replace(tzinfo=None):
                        yield due


@dataclass(frozen=True)
class Interval:
    """`@every`: so long after the last run, whatever the clock says."""

    length: timedelta

    def next(self, after: datetime) -> datetime | None:
        return after.replace(microsecond=0) + self.length


def parse(text: str, zone: tzinfo = UTC) -> Schedule | Interval:
    """`zone` is for a schedule that names none. Raises `ScheduleError`."""
    named, _, rest = text.partition(" ")
    if named.startswith(("TZ=", "CRON_TZ=")):
        zone, text = _zone(named.partition("=")[2], text), rest.strip()
    if text.startswith("@every "):
        return Interval(_duration(text.removeprefix("@every "), text))
    if text.startswith("@") and text not in _NAMED:
        raise ScheduleError(f"{text!r} is no schedule", "", f"there are: {', '.join(_NAMED)}, @every 1h30m")
    parts = _NAMED.get(text, text).split()
    if len(parts) != 5:
        raise ScheduleError(f"{text!r} is no schedule", f"it has {len(parts)} fields", _SHAPE)
    return Schedule(
        _field(parts[0], 0, 59, {}, text),
        _field(parts[1], 0, 23, {}, text),
        _field(parts[2], 1, 31, {}, text),
        _field(parts[3], 1, 12, _MONTHS, text),
        _field(parts[4], 0, 6, _DAYS, text),
        zone,
    )


def upcoming(text: str, after: datetime, count: int = 3) -> list[datetime]:
    """The next times; fewer where it ends before. Raises `ScheduleError`."""
    schedule, found = parse(text), list[datetime]()
    while len(found) < count and (due := schedule.next(found[-1] if found else after)) is not None:
        found.append(due)
    return found


def _zone(name: str, text: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name not in ("", "UTC") else UTC
    except (OSError, ValueError, KeyError) as error:
        raise ScheduleError(f"{text!r} is no schedule", f"there is no time zone {name}", "") from error


def _field(text: str, low: int, high: int, names: dict[str, int], whole: str) -> _Field:
    values, star = set[int](), False
    for each in filter(None, text.split(",")):
        span, slash, step_text = each.partition("/")
        first, dash, last = span.partition("-")
        step = _number(step_text, {}, whole) if slash else 1
        if first in ("*", "?"):
            start, end = low, high
            star = star or step <= 1
        else:
            start = _number(first, names, whole)
            end = _number(last, names, whole) if dash else high if slash else start
        if not (low <= start <= end <= high and step > 0):
            raise ScheduleError(f"{whole!r} is no schedule", f"{each} is not within {low}-{high}", _SHAPE)
        values.update(range(start, end + 1, step))
    return _Field(frozenset(values), star)


def _number(text: str, names: dict[str, int], whole: str) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not re.fullmatch(r"\+?[0-9]{1,9}", text, re.ASCII):
        raise ScheduleError(f"{whole!r} is no schedule", f"{text!r} is no number", _SHAPE)
    return int(text)


_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(h|ms|m|s|us|µs|ns)")


def _duration(text: str, whole: str) -> timedelta:
    """As Go writes one; whole seconds, one at least."""
    bare = text.removeprefix("+").removeprefix("-")
    parts = [(each[1], each[2]) for each in _PART.finditer(bare)]
    if bare != "0" and (not parts or "".join(number + unit for number, unit in parts) != bare):
        raise ScheduleError(f"{whole!r} is no schedule", f"{text!r} is no duration", "e.g. @every 1h30m")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return timedelta(seconds=1 if text.startswith("-") else max(1, int(seconds)))

"""When schedules are due, against the answers of the parser that Crossplane uses (robfig/cron v3.0.1)."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.crossplane import crontab
from tests.crossplane.schedule_cases import RECORDED, TIMES

pytestmark = pytest.mark.requirement("crossplane-operations:schedules")
DUE = json.loads(RECORDED.read_text())
MOMENTS = st.integers(1_577_836_800, 1_893_456_000).map(lambda each: datetime.fromtimestamp(each, UTC))


def numbers(low: int, high: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(low, high), min_size=1, max_size=4)


def said(schedule: str, after: str) -> str:
    try:
        due = crontab.parse(schedule).next(datetime.fromisoformat(after))
    except crontab.ScheduleError:
        return "no schedule"
    return due.strftime("%Y-%m-%dT%H:%M:%SZ") if due else "never"


def test_each_schedule_is_due_when_crossplanes_parser_says() -> None:
    wrong = [
        (schedule, after, due, said(schedule, after))
        for schedule, times in DUE.items()
        for after, due in zip(TIMES, times, strict=True)
        if said(schedule, after) != due
    ]
    assert not wrong
    assert {"never", "no schedule"} < {due for times in DUE.values() for due in times}


@given(numbers(0, 59), numbers(0, 23), MOMENTS)
def test_nothing_is_due_in_between(minutes: list[int], hours: list[int], after: datetime) -> None:
    text = f"{','.join(map(str, minutes))} {','.join(map(str, hours))} * * *"
    due = crontab.parse(text).next(after)
    assert due is not None
    assert after < due <= after + timedelta(days=1, minutes=1)
    assert due.minute in minutes
    assert due.hour in hours
    passed = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while passed < due:
        assert not (passed.minute in minutes and passed.hour in hours)
        passed += timedelta(minutes=1)


@given(st.sampled_from([each for each, times in DUE.items() if times[0] not in ("never", "no schedule")]), MOMENTS)
def test_the_next_times_follow_each_other(schedule: str, after: datetime) -> None:
    found = crontab.upcoming(schedule, after, 3)
    assert found == sorted(set(found))
    assert all(each > after for each in found)


def test_what_is_no_schedule_is_refused_with_the_way_out() -> None:
    with pytest.raises(crontab.ScheduleError, match="five fields: minute hour day month weekday"):
        crontab.parse("every day")
    with pytest.raises(crontab.ScheduleError, match="7 is not within 0-6"):
        crontab.parse("0 0 * * 7")
    with pytest.raises(crontab.ScheduleError, match="no time zone Nowhere/None"):
        crontab.parse("TZ=Nowhere/None 0 3 * * *")
    with pytest.raises(crontab.ScheduleError, match="is no schedule"):
        crontab.parse("TZ=Europe/Berlin")

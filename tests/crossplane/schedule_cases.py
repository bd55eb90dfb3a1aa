"""Schedules and times, of which `data/schedules.json` holds when each is due next by the parser that Crossplane uses.

To make the file again, build `scheduling.go` in a module that requires crossplane v2.3.4
(`testenv/modules/crossplane`), then, with TZ=UTC:
`python -m tests.crossplane.schedule_cases PATH_TO_THE_BUILT_PROGRAM`.
"""

import json
import subprocess
import sys
from pathlib import Path

RECORDED = Path(__file__).parent / "data" / "schedules.json"
TIMES = (
    "2026-11-21T19:24:53Z",
    "2026-12-31T23:59:59Z",
    "2028-02-28T12:00:00Z",
    "2026-03-29T00:30:00Z",  # the night in which Berlin's clocks leave an hour out
    "2026-10-25T00:10:00Z",  # and the one in which they show it twice
    "2026-10-25T00:30:00Z",
    "2026-03-08T04:59:00Z",  # New York
    "2026-06-30T00:00:00Z",
)
SCHEDULES = (
    *("* * * * *", "*/5 * * * *", "0 3 * * 1", "0 3 * * *", "30 2 * * *", "59 23 31 12 *", "0 0 29 2 *", "0 0 30 2 *"),
    *("0 0 1,15 * 1", "0 0 13 * 5", "0 0 */2 * 1", "0 0 */1 * 1", "0 0 13 * */1", "0 0 13 * */2", "0 0 ? * MON-FRI"),
    *("5/15 * * * *", "10-20/3 4-6 * * *", "0 9-17 * * mon-fri", "0 0 * JAN,jul Sun", "15,45 */6 * * *", "*,5 1 * * *"),
    *("0 0 31 * *", "0 0 31 4 *", "  0   3  * * 1 ", "0 3 * * 0", "0 3 * * 6", "+5 3 * * *", "0 0 1 1-12/4 *"),
    *("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"),
    *("@every 1h30m", "@every 90s", "@every 0.5h", "@every 100ms", "@every 0", "@every -1h", "@every 1.5s"),
    *("TZ=Europe/Berlin 30 2 * * *", "CRON_TZ=Europe/Berlin 0 3 * * *", "CRON_TZ=America/New_York 30 2 * * *"),
    *("TZ=Asia/Kolkata 30 5 * * 1", "TZ=UTC 0 3 * * *", "TZ=Europe/Berlin 15 * * * *", "CRON_TZ=Asia/Tokyo @daily"),
    *("TZ=Europe/Berlin 30 1-3 * * *", "TZ=Australia/Sydney 0 0 1 * *", "TZ= 0 3 * * *"),
    *("every day", "", "* * * *", "* * * * * *", "60 * * * *", "0 24 * * *", "0 0 0 * *", "0 0 32 * *", "0 0 * 0 *"),
    *("0 0 * 13 *", "0 0 * * 7", "0 0 * * sunday", "5-1 * * * *", "*/0 * * * *", "*/-1 * * * *", "1-2-3 * * * *"),
    *(
        "1/2/3 * * * *",
        "a * * * *",
        "-1 * * * *",
        "1.5 * * * *",
        "*/ * * * *",
        "@Daily",
        "@reboot",
        "@every",
        "@every x",
    ),
    *("@every 1", "@every 1 h", "@daily ", "TZ=Nowhere/None 0 3 * * *", "mon * * * *", "0 0 * * MON#1", "0 0 L * *"),
    *("1,,2 * * * *", ", * * * *", "0 0 FEB * *", "*-5 * * * *", "*/5,3 * * * *", "0 0 5-? * *", "0x1 * * * *"),
)


def _record(program: str) -> None:
    pairs = [[schedule, time] for schedule in SCHEDULES for time in TIMES]
    done = subprocess.run([program], input=json.dumps(pairs), capture_output=True, text=True, check=True)
    said = iter(json.loads(done.stdout))
    found = {each: [next(said) for _ in TIMES] for each in SCHEDULES}
    RECORDED.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    _record(sys.argv[1])

"""`python -m tests fast|test|all|torture [--repeat N]`: the fast tests first, then those on real servers.

`test` is for whoever waits: it leaves out what is marked `whole`, of which it has a slice. `all` is everything that
there is, for whoever decides whether a change lands.

What fails is tried once more, alone: two cores that carry six servers and as many clients at once can keep one of them
waiting longer than any deadline that is of use, and one of some thousand tests in disarray says nothing of a change.
What then passes is named as unsteady, for whoever looks after the tests; what fails again, and more than a handful, is
a failure. `--repeat` is for finding unsteady tests: the first failure is one.

A person who waits wants to know for how long: each part says what it is and how long it took the last time on this
machine. The durations lie in the cache folder beside the servers, because the checkout may be a fresh one.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from testenv import building, limits

DURATIONS = building.cache() / "durations.json"
PARTS = {
    "fast": ["-m", "not real", "-n", "2"],
    "real": ["-m", "real and not torture and not whole", "-n", "2", "--dist", "loadscope"],
    "real, whole": ["-m", "real and not torture", "-n", "2", "--dist", "loadscope"],
    # Named, so that its conftest tells the items; an item may be quiet for minutes without hanging.
    "torture": ["tests/torture", "-m", "torture", "-n", "2", "--dist", "loadscope", "-o", "faulthandler_timeout=600"],
}
OPERATIONS = 2000
FAILED = 1
"""What pytest exits with where tests failed; any other number is about the run itself."""
MOST_AGAIN = 5
CHOICES = {
    "fast": ("fast",),
    "test": ("fast", "real"),
    "all": ("fast", "real, whole", "differential", "torture"),
    "torture": ("torture",),
}
WHAT = {
    "fast": "tests that need no real server",
    "real": "tests on real servers, a slice of each slow one",
    "real, whole": "tests on real servers, whole",
    "differential": f"{OPERATIONS} random operations, locally and through the connector",
    "torture": "torture on real servers",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests", description=__doc__)
    parser.add_argument("part", choices=list(CHOICES))
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="how often the fast tests run")
    options = parser.parse_args()
    for round_ in range(1, options.repeat):
        if code := run("fast", f"{WHAT['fast']}, round {round_} of {options.repeat}", lenient=False):
            return code
    started = time.monotonic()
    for part in CHOICES[options.part]:
        what = WHAT[part]
        if code := run(part, what, lenient=options.repeat == 1) if part == "fast" else on_real(part, what):
            return code
    if len(CHOICES[options.part]) > 1:
        say(f"all of it took {(time.monotonic() - started) / 60:.1f} min")
    return 0


def on_real(part: str, what: str) -> int:
    missing = building.missing()
    if not missing or os.environ.get("FAIRLEAD_REQUIRE_REAL"):
        if lack := limits.too_low():
            say(lack)
        return run(part, what, lenient=True)
    say(f"no {what}: not built: {', '.join(missing)}; `make testenv` builds what is missing")
    return 0


def command(part: str) -> list[str]:
    if part == "differential":
        return [sys.executable, "-m", "tests.differential", "--operations", str(OPERATIONS)]
    return [sys.executable, "-m", "pytest", "-q", *PARTS[part]]


def run(part: str, what: str, *, lenient: bool) -> int:
    """Tries what failed once more where it is lenient."""
    last = durations().get(part)
    say(f"{what} ({f'took {last:.0f} s last time' if last else 'never run here before'})")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as cache:
        code = subprocess.run([*command(part), *keeping(part, cache)], check=False).returncode
        if code == FAILED and lenient and part != "differential":
            code = again(part, Path(cache))
    if code == 0:
        remember(part, time.monotonic() - started)
    return code


def keeping(part: str, cache: str) -> list[str]:
    """Has pytest remember what failed, in a place of this run's own."""
    return [] if part == "differential" else ["-o", f"cache_dir={cache}"]


def again(part: str, cache: Path) -> int:
    failed = sorted(json.loads((cache / "v/cache/lastfailed").read_text(encoding="utf-8")))
    if not 0 < len(failed) <= MOST_AGAIN:
        return FAILED
    say(f"what failed, once more and alone: {len(failed)}")
    alone = [each for each in command(part) if each not in ("-n", "2", "--dist", "loadscope")]
    code = subprocess.run([*alone, *keeping(part, str(cache)), "--last-failed"], check=False).returncode
    if code == 0:
        for each in failed:
            say(f"unsteady, it failed beside others and passed alone: {each}")
    return code


def say(line: str) -> None:
    print(f"== {line}", flush=True)


def durations() -> dict[str, float]:
    try:
        found: dict[str, float] = json.loads(DURATIONS.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def remember(part: str, seconds: float) -> None:
    try:
        DURATIONS.parent.mkdir(parents=True, exist_ok=True)
        DURATIONS.write_text(json.dumps(durations() | {part: seconds}), encoding="utf-8")
    except OSError as error:
        say(f"the duration could not be kept: {error}")


if __name__ == "__main__":
    sys.exit(main())

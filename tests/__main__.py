"""`python -m tests fast|all|torture [--repeat N]`: the fast tests first, then those on real servers; or the torture.

A person who waits wants to know for how long: each part says what it is and how long it took the last time on this
machine. The durations lie in the cache folder beside the servers, because the checkout may be a fresh one.
"""

import argparse
import json
import os
import subprocess
import sys
import time

from testenv import building

DURATIONS = building.cache() / "durations.json"
PARTS = {
    "fast": ["-m", "not real", "-n", "2"],
    "real": ["-m", "real and not torture", "-n", "2", "--dist", "loadscope"],
    # Named, so that its conftest tells the items; an item may be quiet for minutes without hanging.
    "torture": ["tests/torture", "-m", "torture", "-n", "2", "--dist", "loadscope", "-o", "faulthandler_timeout=600"],
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests", description=__doc__)
    parser.add_argument("part", choices=["fast", "all", "torture"])
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="how often the fast tests run")
    options = parser.parse_args()
    if options.part == "torture":
        return on_real("torture", "torture on real servers")
    for round_ in range(1, options.repeat + 1):
        again = f", round {round_} of {options.repeat}" if options.repeat > 1 else ""
        if code := run("fast", f"tests that need no real server{again}"):
            return code
    return 0 if options.part == "fast" else on_real("real", "tests on real servers")


def on_real(part: str, what: str) -> int:
    missing = building.missing()
    if not missing or os.environ.get("FAIRLEAD_REQUIRE_REAL"):
        return run(part, what)
    say(f"no {what}: not built: {', '.join(missing)}; `make testenv` builds what is missing")
    return 0


def run(part: str, what: str) -> int:
    last = durations().get(part)
    say(f"{what} ({f'took {last:.0f} s last time' if last else 'never run here before'})")
    started = time.monotonic()
    code = subprocess.run([sys.executable, "-m", "pytest", "-q", *PARTS[part]], check=False).returncode
    if code == 0:
        remember(part, time.monotonic() - started)
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

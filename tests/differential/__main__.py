"""`python -m tests.differential --operations N --seed S`: the random operations, against real servers.

It stops at the first difference and shows the shortest sequence that leads to it. With `--all` it goes on and counts
differences by their kind, which is what a person wants who mends many.
"""

import argparse
import itertools
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import Phase
from hypothesis.errors import Flaky

from fairlead.serving import loops
from testenv import building
from tests.differential import machine, servers
from tests.differential.comparing import Difference
from tests.differential.twins import Twins

_SIMILAR = re.compile(r"\d+")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("--operations", type=int, default=2000, help="at least so many; 0 means without end")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--all", action="store_true", help="go on after a difference")
    parser.add_argument("--show", type=int, default=2, help="with --all: examples of each kind of difference")
    options = parser.parse_args()
    start = options.seed if options.seed is not None else _start()
    print(f"seed {start}", flush=True)
    crds = building.folder("crossplane-crds")
    if crds is None or building.missing():
        print("the real servers are not built; run `make testenv`", file=sys.stderr)
        return 1
    xrd_crd = crds / "apiextensions.crossplane.io_compositeresourcedefinitions.yaml"
    with (
        tempfile.TemporaryDirectory() as folder,
        servers.real(Path(folder), xrd_crd) as sides,
        start_blocking_portal(backend_options={"loop_factory": loops.factory()}) as portal,
        portal.wrap_async_context_manager(servers.twins(*sides)) as twins,
    ):
        report, began = Report(options.show) if options.all else None, time.monotonic()
        try:
            run(twins, portal, options.operations, start, report)
        except (machine.DifferenceError, Flaky) as difference:
            steps = getattr(difference, "__notes__", ())
            print(f"\nThe shortest sequence found, if it is one each time:\n{difference}", *steps, sep="\n")
            return 1
        finally:
            seconds = time.monotonic() - began
            print(twins.coverage.table())
            print(f"{seconds:.0f} s, {twins.coverage.total / seconds:.0f} operations a second")
        if report:
            print(f"{sum(report.kinds.values())} differences of {len(report.kinds)} kinds")
        return 1 if report and report.kinds else 0


def _start() -> int:
    """Where a change is judged, the operations are the same each time; everywhere else each run looks for new ones."""
    return 1000 if "CI" in os.environ else random.SystemRandom().randrange(2**32)


def run(twins: Twins, portal: BlockingPortal, operations: int, start: int, report: "Report | None") -> None:
    """0 means without end."""
    for number in itertools.count(start):
        if operations and twins.coverage.total >= operations:
            return
        if report:
            machine.run(portal, twins, 1, start=number, tell=report, phases=(Phase.generate,))
        else:
            machine.run(portal, twins, 1, start=number)


class Report:
    """Differences by their kind: verb, place and the words on both sides."""

    def __init__(self, show: int) -> None:
        self._show = show
        self.kinds: Counter[tuple[str, str]] = Counter()

    def __call__(self, found: list[Difference]) -> None:
        operation = found[0].operation
        words = [f"{each.where}: {each.local!r} / {each.through!r}" for each in found if "/details" not in each.where]
        words = words or [f"{each.where}: {each.local!r} / {each.through!r}" for each in found]
        kind = (operation.verb, _SIMILAR.sub("#", " ".join(each for each in words if "headers" not in each))[:160])
        self.kinds[kind] += 1
        if self.kinds[kind] <= self._show:
            print("\n   ".join([str(operation), *words]), flush=True)


if __name__ == "__main__":
    sys.exit(main())

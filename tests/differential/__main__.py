"""`python -m tests.differential --operations N --seed S`: the random operations, all differences counted by their kind.

The tests stop at the first difference and make it small; this goes on, which is what a person wants who mends them.
"""

import argparse
import itertools
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, Phase, given, seed, settings

from testenv import building
from tests.differential import generating, servers
from tests.differential.comparing import Difference
from tests.differential.operations import Operation
from tests.differential.twins import Twins

SEQUENCE = 40
ROUND = 1000
Tell = Callable[[list[Difference]], None]
_SIMILAR = re.compile(r"\d+")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("--operations", type=int, default=2000, help="at least so many; 0 means without end")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--show", type=int, default=2, help="examples of each kind of difference")
    options = parser.parse_args()
    start = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    print(f"seed {start}", flush=True)
    crds = building.folder("crossplane-crds")
    if crds is None or building.missing():
        print("the real servers are not built; run `make testenv`", file=sys.stderr)
        return 1
    xrd_crd = crds / "apiextensions.crossplane.io_compositeresourcedefinitions.yaml"
    with (
        tempfile.TemporaryDirectory() as folder,
        servers.real(Path(folder), xrd_crd) as sides,
        start_blocking_portal(backend_options={"use_uvloop": True}) as portal,
        portal.wrap_async_context_manager(servers.twins(*sides)) as twins,
    ):
        report, began = Report(options.show), time.monotonic()
        run(twins, portal, options.operations, start, report)
        print(twins.coverage.table())
        print(
            f"{time.monotonic() - began:.0f} s, {sum(report.kinds.values())} differences of {len(report.kinds)} kinds"
        )
        return 1 if report.kinds else 0


def run(twins: Twins, portal: BlockingPortal, operations: int, start: int, tell: Tell) -> None:
    """Sequences of hypothesis' making, in rounds with a seed each; 0 means without end."""
    for number in itertools.count(start):
        if operations and twins.coverage.total >= operations:
            return
        left = operations - twins.coverage.total if operations else ROUND

        @seed(number)
        @settings(max_examples=max(2, min(left, ROUND) // SEQUENCE), database=None, deadline=None,
                  phases=[Phase.generate], suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(generating.sequences(SEQUENCE))
        def sequence(each: list[Operation]) -> None:
            portal.call(twins.clean)
            for operation in each:
                if found := portal.call(twins.do, operation):
                    tell(found)

        sequence()


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

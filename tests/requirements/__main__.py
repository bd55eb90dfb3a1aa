"""`python -m tests.requirements`: the check of both directions."""

import sys

from tests.requirements import reading


def main() -> int:
    promised, proved = reading.requirements(), reading.proofs()
    found = reading.faults(promised, proved)
    for fault in found:
        print(fault, file=sys.stderr)
    print(f"{len(promised)} requirements, {len(proved)} tests, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

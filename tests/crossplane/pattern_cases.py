"""Patterns and names, of which `data/patterns.json` holds what Go's `filepath.Match` makes of each pair.

To make the file again, build `matching.go` with Go alone, then:
`python -m tests.crossplane.pattern_cases PATH_TO_THE_BUILT_PROGRAM`.
"""

import itertools
import json
import random
import subprocess
import sys
from pathlib import Path

RECORDED = Path(__file__).parent / "data" / "patterns.json"
NAMES = ("", "a", "b", "c", "-", "]", "[", "^", "\\", "*", "/", ".", "ab", "a.b", "a/b", "buckets.s3.aws.m.upbound.io")
_SIGNS = "ab-[]^*?\\."
_SAID = (
    "*",
    "*.aws.m.upbound.io",
    "buckets.*",
    "buckets.s3.aws.m.upbound.io",
    "*.s3.*",
    "b[a-z]*.io",
    "[^c]*.m.*.io",
    "*/",
)


def patterns() -> list[str]:
    """Every short one, and longer ones by a seed."""
    chance = random.Random(7)
    short = ["".join(each) for length in range(4) for each in itertools.product(_SIGNS, repeat=length)]
    long = ["".join(chance.choices(_SIGNS, k=chance.randint(4, 9))) for _ in range(600)]
    return list(dict.fromkeys([*_SAID, *short, *long]))


def _record(program: str) -> None:
    pairs = [[pattern, name] for pattern in patterns() for name in NAMES]
    done = subprocess.run([program], input=json.dumps(pairs), capture_output=True, text=True, check=True)
    said = iter(json.loads(done.stdout))
    found = {each: "".join("y" if next(said) else "n" for _ in NAMES) for each in patterns()}
    RECORDED.write_text(json.dumps(found, indent=0) + "\n")


if __name__ == "__main__":
    _record(sys.argv[1])

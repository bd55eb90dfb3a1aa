"""Constraints and versions, of which `data/constraints.json` holds what Crossplane's own library makes of each pair.

To make the file again, build `constraining.go` in a module that requires crossplane v2.3.4
(`testenv/modules/crossplane`), then: `python -m tests.crossplane.constraint_cases PATH_TO_THE_BUILT_PROGRAM`.
"""

import json
import subprocess
import sys
from pathlib import Path

RECORDED = Path(__file__).parent / "data" / "constraints.json"
VERSIONS = (
    *("0.0.0", "v0.0.1", "0.0.3", "v0.1.0", "0.2.3", "0.3.0", "v1.0.0", "1", "v1.2", "1.2.3", "v1.2.4", "1.3.0"),
    *("v2.0.0", "11.0.0", "11.1.0", "12.0.0", "v1.2.3-rc.1", "1.2.3-rc.2", "v1.2.0-alpha", "v2.0.0-beta.1+b"),
    *("1.2.3+build5", "latest", "v1.x"),
)
SIGNS = ("", "=", "!=", ">", "<", ">=", "=>", "<=", "=<", "~", "~>", "^")
BASES = (
    *("*", "x", "0", "1", "1.x", "v1.2", "1.2.*", "1.2.3", "v1.2.3", "0.0.0", "0.0.3", "0.0", "0.2", "0.2.3", "11"),
    *("11.1", "1.2.3-rc.1", "1.2-rc.1", "2.0.0-0", "1.X.X", "1.2.3+build"),
)
COMPOUND = (
    *("", " ", ">=1.0.0 <2.0.0", ">=1.0.0, <2.0.0", ">= 1.0.0 , < 1.2", ">=1 || 0.2.x", "^1.2.3 || ^0.2.3"),
    *("1.0.0 - 1.2.3", "1.0 - 1.2 || >=11", ">=v1.0.0,<v2.0.0-0", "latest", ">>1", "1.2.3.4", ">=1.0.0<2.0.0"),
    *(">= v1.0.0-0", "~1.2.3 !=1.2.4", "==1.2.3", "> =1", " ^1.2 ", "||", ">=1||", ">=1.0.0,", ",>=1"),
)
CONSTRAINTS = (*(sign + base for sign in SIGNS for base in BASES), *COMPOUND)
_LETTERS: dict[object, str] = {True: "y", False: "n"}
VERDICTS = {"y": True, "n": False, "-": None}


def _record(program: str) -> None:
    pairs = [[constraint, version] for constraint in CONSTRAINTS for version in VERSIONS]
    done = subprocess.run([program], input=json.dumps(pairs), capture_output=True, text=True, check=True)
    said = iter(json.loads(done.stdout))
    found = {each: "".join(_LETTERS.get(next(said), "-") for _ in VERSIONS) for each in CONSTRAINTS}
    RECORDED.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    _record(sys.argv[1])

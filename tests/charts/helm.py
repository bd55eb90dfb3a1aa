"""The real Helm, away from the caches and settings of whoever runs the tests."""

import os
import subprocess
from pathlib import Path
from typing import Any

from fairlead.machinery import encoding
from testenv import building

CHART = Path(__file__).parents[2] / "charts" / "fairlead-connector"
Object = dict[str, Any]


class Refused(Exception):
    """Its text is what Helm wrote."""


def run(home: Path, *arguments: str, timeout: float = 120) -> str:
    program = building.binary("helm")
    assert program is not None
    homes = {f"HELM_{each}_HOME": str(home / each.lower()) for each in ("CACHE", "CONFIG", "DATA")}
    environment = os.environ | homes | {"HOME": str(home)}
    done = subprocess.run(
        [str(program), *arguments], capture_output=True, text=True, timeout=timeout, check=False, env=environment
    )
    if done.returncode:
        raise Refused(f"{done.stdout}{done.stderr}".strip())
    return done.stdout


def template(home: Path, values: Object, release: str, namespace: str, *more: str) -> list[Object]:
    path = home / "values.yaml"
    path.write_bytes(encoding.to_json(values))
    text = run(home, "template", release, str(CHART), f"--namespace={namespace}", f"--values={path}", *more)
    return [each for each in encoding.documents(text) if each]

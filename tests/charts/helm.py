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


def run(home: Path, *arguments: str, name: str = "helm", timeout: float = 120) -> str:
    """`name` is helm or helm-3."""
    program = building.binary(name)
    assert program is not None
    homes = {f"HELM_{each}_HOME": str(home / each.lower()) for each in ("CACHE", "CONFIG", "DATA")}
    environment = os.environ | homes | {"HOME": str(home)}
    done = subprocess.run(
        [str(program), *arguments], capture_output=True, text=True, timeout=timeout, check=False, env=environment
    )
    if done.returncode:
        raise Refused(f"{done.stdout}{done.stderr}".strip())
    return done.stdout


def template(home: Path, values: Object, release: str, namespace: str, name: str = "helm") -> list[Object]:
    path = home / "values.yaml"
    path.write_bytes(encoding.to_json(values))
    # The oldest that the chart takes; a Helm of our own build knows of none.
    asked = [f"--namespace={namespace}", f"--values={path}", "--kube-version=1.29.0"]
    text = run(home, "template", release, str(CHART), *asked, name=name)
    return [each for each in encoding.documents(text) if each]

"""Pages that are generated say all that there is to say."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def generating() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generating", DOCS / "generating.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def leaves(values: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(values, dict) and values:
        for key, value in values.items():
            yield from leaves(value, f"{path}.{key}" if path else key)
    else:
        yield path, values


@pytest.mark.requirement("docs:values-reference")
def test_every_value_of_the_chart_is_listed_with_its_default_and_a_meaning(generating: ModuleType) -> None:
    text = (generating.CHART / "values.yaml").read_text(encoding="utf-8")
    found = {each.path: each for each in generating.written(text)}
    for path, default in leaves(yaml.safe_load(text)):
        assert yaml.safe_load(found[path].default) == default, path
        above = [path.rsplit(".", cut)[0] for cut in range(path.count(".") + 1)]
        assert any(found[each].meaning for each in above) or path in PLAIN, path
        assert f"| `{path}` |" in generating.values()


PLAIN = {
    *("imagePullSecrets", "replicas", "nodeSelector", "tolerations", "affinity", "priorityClassName"),
    *("podAnnotations", "podLabels", "podDisruptionBudget.enabled", "networkPolicy.enabled"),
    *("spaces.controlPlane.group", "resources.requests.cpu", "resources.requests.memory", "resources.limits.memory"),
    *("image.pullPolicy",),
}
"""They mean what they mean in a Pod, or switch what they are called."""


@pytest.mark.requirement("docs:values-reference")
def test_comments_belong_to_the_key_below_them(generating: ModuleType) -> None:
    text = "# About a.\n# And more.\na:\n  # Of b.\n  b: 1\n  c: []\nd: x\n"
    assert [(each.path, each.default, each.meaning) for each in generating.written(text)] == [
        ("a", "", "About a. And more."),
        ("a.b", "1", "Of b."),
        ("a.c", "[]", ""),
        ("d", "x", ""),
    ]


@pytest.mark.requirement("docs:commands-reference")
def test_every_command_and_option_is_listed(generating: ModuleType) -> None:
    page = generating.commands()
    for words in ("## fairlead connector serve", "## fairlead playground", "| `--claim-namespace` |"):
        assert words in page

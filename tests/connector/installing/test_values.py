from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.connector.installing import values
from fairlead.connector.installing.values import ValuesError
from fairlead.machinery import encoding

pytestmark = pytest.mark.requirement("connector:install-values")
NAMES = st.text(alphabet="abcXYZ019-_.\\", min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a=b", {"a": "b"}),
        ("image.repository=host:5000/x,replicas=3", {"image": {"repository": "host:5000/x"}, "replicas": 3}),
        ("a=true,b=false,c=,d=01,e=-4", {"a": True, "b": False, "c": "", "d": "01", "e": -4}),
        (r"podLabels.example\.org/team=shop", {"podLabels": {"example.org/team": "shop"}}),
        (r"a=one\,two", {"a": "one,two"}),
        ("apis.deny={*.a.org,*}", {"apis": {"deny": ["*.a.org", "*"]}}),
        ("a={}", {"a": []}),
        ("a=x=y", {"a": "x=y"}),
    ],
)
def test_what_set_means(text: str, found: dict[str, Any]) -> None:
    assert values.read([], [text]) == found


@given(st.lists(NAMES, min_size=1, max_size=3), NAMES)
def test_any_name_and_text_can_be_written(path: list[str], text: str) -> None:
    def escaped(each: str) -> str:
        return each.replace("\\", "\\\\").replace(".", "\\.")

    value = text.replace("\\", "\\\\")
    found: Any = values.read([], [f"{'.'.join(map(escaped, path))}={value}x"])
    for each in path:
        found = found[each]
    assert found == f"{text}x"


def test_files_come_in_order_and_set_comes_last(tmp_path: Path) -> None:
    for name, content in (("a", {"x": {"y": 1, "z": 1}}), ("b", {"x": {"y": 2}, "l": [1]})):
        (tmp_path / name).write_text(encoding.to_yaml(content))
    (tmp_path / "empty").write_text("")
    files = [tmp_path / "a", tmp_path / "b", tmp_path / "empty"]
    assert values.read(files, ["x.z=3", "l=null"]) == {"x": {"y": 2, "z": 3}}
    assert values.at({"x": {"y": 2}}, "x.y") == 2
    assert values.at({"x": 1}, "x.y.z") is None
    assert values.with_value({"x": {"y": 1}}, "x.z", 2) == {"x": {"y": 1, "z": 2}}


@pytest.mark.parametrize("text", ["a", "=b", "a..b=c", "a[0]=b", ""])
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(ValuesError, match=r"it takes name\.name=value; use a values file instead"):
        values.read([], [text])


@pytest.mark.parametrize(
    ("content", "said"), [("[1]", "it is no table"), ("{[", "holds no values"), (None, "cannot be read")]
)
def test_files_that_hold_no_values(tmp_path: Path, content: str | None, said: str) -> None:
    if content is not None:
        (tmp_path / "v").write_text(content)
    with pytest.raises(ValuesError, match=said):
        values.read([tmp_path / "v"], [])

"""Files and drop-ins, and what is in them that nobody knows."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.mcp.dropin import files, keys
from fairlead.mcp.dropin.files import ConfigError

TABLES = st.recursive(
    st.integers() | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
TABLE = st.dictionaries(st.sampled_from("abc"), TABLES, max_size=3)


@pytest.mark.requirement("mcp-dropin:merged-files")
def test_drop_ins_are_merged_by_name_and_others_are_left_out(tmp_path: Path) -> None:
    config, folder = tmp_path / "config.toml", tmp_path / "conf.d"
    folder.mkdir()
    config.write_text('log_level = 1\ntoolsets = ["core", "config"]\n[tool_overrides.pods_list]\ndescription = "a"\n')
    (folder / "20-last.toml").write_text("log_level = 3\n")
    (folder / "10-first.toml").write_text(
        'log_level = 2\ntoolsets = ["core"]\n[tool_overrides.pods_log]\ndescription = "b"\n'
    )
    for name in ("30.toml.bak", ".40.toml", "50.json"):
        (folder / name).write_text("this is no TOML")
    found = files.read(config, None)
    assert found["log_level"] == 3
    assert found["toolsets"] == ["core"]
    assert found["tool_overrides"] == {"pods_list": {"description": "a"}, "pods_log": {"description": "b"}}
    assert files.read(None, folder) == {key: found[key] for key in ("log_level", "toolsets")} | {
        "tool_overrides": {"pods_log": {"description": "b"}}
    }


@pytest.mark.requirement("mcp-dropin:merged-files")
@given(TABLE, TABLE)
def test_what_is_above_wins_and_nothing_else_is_lost(below: files.Table, above: files.Table) -> None:
    found = files.merged(below, above)
    assert files.merged(found, above) == found
    assert files.merged(below, {}) == below
    for key, value in found.items():
        if key not in above:
            assert value == below[key]
        elif not isinstance(value, dict):
            assert value == above[key]


@pytest.mark.requirement("mcp-dropin:unknown-key")
@pytest.mark.parametrize(
    ("text", "key", "near"),
    [
        ("readonly = true", "readonly", "read_only"),
        ("Read_Only = true", "Read_Only", "read_only"),
        ("disabled_tool = ['pods_exec']", "disabled_tool", "disabled_tools"),
        ("[http]\nmax_body = 1", "http.max_body", "http.max_body_bytes"),
        ("rate_limit_rps = 5", "rate_limit_rps", "http.rate_limit_rps"),
        ("[tool_overrides.pods_list]\ndescripton = 'x'", "tool_overrides.pods_list.descripton", "description"),
        ("[fairlead]\nprod = true", "fairlead.prod", "fairlead.production"),
    ],
)
def test_a_key_that_nobody_knows_names_its_file_and_the_nearest(tmp_path: Path, text: str, key: str, near: str) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "config.toml").write_text("log_level = 1")
    (tmp_path / "conf.d" / "10-mine.toml").write_text(text)
    with pytest.raises(ConfigError) as refused:
        files.read(tmp_path / "config.toml", None)
    said = str(refused.value)
    assert "10-mine.toml" in said
    assert f": {key} cannot be used" in said
    assert near in said.rpartition("did you mean")[2]
    assert "\n" not in said


@pytest.mark.requirement("mcp-dropin:unknown-key", "mcp-dropin:no-secret")
@pytest.mark.parametrize("each", [each for each in keys.KEYS if "*" not in each.path], ids=lambda each: each.path)
def test_a_value_of_another_form_is_refused_and_not_repeated(tmp_path: Path, each: keys.Key) -> None:
    value = "[{hunter2 = 1}]" if each.shape != "tables" else '"hunter2"'
    (tmp_path / "config.toml").write_text(f"{each.path} = {value}")
    with pytest.raises(ConfigError, match="it is") as refused:
        files.read(tmp_path / "config.toml", None)
    assert each.path in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.requirement("mcp-dropin:unknown-key")
@pytest.mark.parametrize(("content", "said"), [(b"a = ", "no TOML"), (b"\xff", "not UTF-8"), (None, "cannot be read")])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "config.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=said) as refused:
        files.read(path, None)
    assert str(path) in str(refused.value)


@pytest.mark.requirement("mcp-dropin:merged-files")
def test_a_directory_that_was_named_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        files.read(None, tmp_path / "none")

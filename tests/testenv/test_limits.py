from pathlib import Path

import pytest

from testenv import limits

pytestmark = pytest.mark.requirement("testenv:limits")


def test_a_limit_that_is_too_low_is_told_with_what_to_do(tmp_path: Path) -> None:
    (low := tmp_path / "low").write_text("128\n", encoding="ascii")
    assert "128 inotify" in limits.too_low(low)
    assert f"sysctl fs.inotify.max_user_instances={limits.NEEDED}" in limits.too_low(low)


def test_nothing_is_told_where_it_suffices_or_is_unknown(tmp_path: Path) -> None:
    (high := tmp_path / "high").write_text(f"{limits.NEEDED}\n", encoding="ascii")
    assert limits.too_low(high) == ""
    assert limits.too_low(tmp_path / "of-another-system") == ""

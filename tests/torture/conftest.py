"""The torture: what users and outages do to a running connector, on real servers, one line for each item.

Each file stands for one item of the list and has servers of its own, because most of them break something.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.torture import stages
from tests.torture.stages import Stage

HERE = Path(__file__).parent
Staging = Callable[..., AbstractContextManager[Stage]]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """First of all, so that marks chosen on the command line see them."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.torture)
            item.add_marker(pytest.mark.real)


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """The line of `pytest_runtest_logreport` takes the place of the dot."""
    return ("passed", "", "") if report.passed and report.when == "call" and _is_item(report) else None


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and _is_item(report):
        file, *_, name = report.nodeid.split("::")
        item, sentence = (each.replace("test_", "", 1).replace("_", " ") for each in (Path(file).stem, name))
        print(f"\n{report.outcome:7} {report.duration:6.1f} s  {item}: {sentence}", end="", flush=True)


def _is_item(report: pytest.TestReport) -> bool:
    return "tests/torture/" in report.nodeid


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("torture")


@pytest.fixture(scope="module")
def stage(folder: Path, crossplane_crds: Path) -> Iterator[Stage]:
    """With one connector on it that runs."""
    with stages.staged(folder, crossplane_crds) as staged, staged.replica():
        staged.await_apis()
        yield staged

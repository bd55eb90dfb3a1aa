import logging

import pytest

from fairlead.machinery.encoding import from_json
from fairlead.serving import logs
from fairlead.serving.logs import LogFormat

pytestmark = pytest.mark.requirement("serving:logs")
log = logging.getLogger("fairlead.test")


def test_json_is_one_object_on_one_line_tracebacks_included(capfd: pytest.CaptureFixture[str]) -> None:
    with logs.on_standard_error(LogFormat.JSON):
        log.info("two\nlines of %s", "text")
        try:
            raise ValueError("a bug")
        except ValueError:
            log.exception("failed")
    first, second = (from_json(each) for each in capfd.readouterr().err.splitlines())
    assert (first["level"], first["logger"], first["message"]) == ("info", "fairlead.test", "two\nlines of text")
    assert first["time"].endswith("+00:00")
    assert "ValueError: a bug" in second["exception"]


def test_text_is_for_people(capfd: pytest.CaptureFixture[str]) -> None:
    with logs.on_standard_error(LogFormat.TEXT):
        log.warning("careful")
    assert capfd.readouterr().err.endswith(" WARNING fairlead.test: careful\n")


def test_others_are_heard_from_warnings_on_and_all_of_it_ends(capfd: pytest.CaptureFixture[str]) -> None:
    before = list(logging.getLogger().handlers)
    with logs.on_standard_error(LogFormat.TEXT):
        logging.getLogger("asyncio").info("chatter")
    assert logging.getLogger().handlers == before
    assert logging.getLogger("fairlead").level == logging.NOTSET
    assert capfd.readouterr().err == ""

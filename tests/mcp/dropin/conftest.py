"""What a configuration does to the process is undone after each test."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _level_of_the_log() -> Iterator[None]:
    ours = logging.getLogger("fairlead")
    before = ours.level
    yield
    ours.setLevel(before)

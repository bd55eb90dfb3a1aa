import pytest

from fairlead.machinery.errors import FairleadError


@pytest.mark.requirement("machinery:error-is-one-line")
@pytest.mark.parametrize(
    ("error", "line"),
    [
        (FairleadError("no"), "no"),
        (FairleadError("no", "gone"), "no: gone"),
        (FairleadError("no", "gone", "come back"), "no: gone; come back"),
        (FairleadError("no", "two\nlines"), "no: two lines"),
    ],
)
def test_an_error_is_one_line(error: FairleadError, line: str) -> None:
    assert str(error) == line

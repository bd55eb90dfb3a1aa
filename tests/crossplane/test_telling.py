"""A survey in words stays short, whatever a plane holds, and names every kind that it could not read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.crossplane.judging import Health, State
from fairlead.crossplane.references import Reference
from fairlead.crossplane.surveying import Finding, Survey
from fairlead.crossplane.understanding import telling

pytestmark = pytest.mark.requirement("crossplane-pains:survey-short")
MOST = 25_000


def finding(number: int, message: str) -> Finding:
    reference = Reference("cloud.example.org/v1", f"Kind{number % 40}", f"object-{number}", f"namespace-{number % 7}")
    return Finding(reference, Health(State.UNHEALTHY, "Synced: ReconcileError", message))


@settings(max_examples=10)
@given(st.lists(st.text(max_size=3000), min_size=1, max_size=60), st.integers(0, 320))
def test_a_survey_of_thousands_is_short_and_names_what_it_has_not_read(messages: list[str], gaps: int) -> None:
    kinds = [f"things{number}.group{number % 9}.cloud.example.org" for number in range(gaps)]
    unread = [f'{each}: {each.partition(".")[0]} is forbidden: no right to list resource "{each}"' for each in kinds]
    findings = [finding(number, messages[number % len(messages)]) for number in range(5000)]
    text = "\n".join(telling.survey(Survey(300, 5000, tuple(findings), tuple(unread))))
    assert len(text.encode()) <= MOST
    assert all(each in text for each in kinds)
    assert "5000 of 5000 objects of 300 kinds" in text


def test_kinds_that_could_not_be_read_are_no_health() -> None:
    (first, second) = telling.survey(Survey(2, 1, (), ("disks.example.org: forbidden",)))
    assert first == "what could be read is well: 1 objects of 2 kinds"
    assert second == "not read: disks.example.org: forbidden"

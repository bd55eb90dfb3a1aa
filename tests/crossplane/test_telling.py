"""A survey in words stays short, whatever a plane holds, and names every kind that it could not read."""

from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.cli import understanding
from fairlead.crossplane.judging import Health, State
from fairlead.crossplane.references import Reference
from fairlead.crossplane.surveying import Finding, Survey
from fairlead.crossplane.tracing import Node, Trace
from fairlead.crossplane.understanding import reporting, steps, telling
from fairlead.crossplane.understanding.causes import Cause
from fairlead.crossplane.understanding.deleting import Deletion

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
    first, _ = telling.survey(Survey(1, 0, (), ("disks.example.org: forbidden",)))
    assert first == "no object could be read: 0 objects of 1 kinds"


def test_kinds_that_may_not_be_listed_are_one_line_for_each_place() -> None:
    def forbidden(what: str, resource: str, group: str, where: str) -> str:
        plain = (
            f'{resource}.{group} is forbidden: User "system:serviceaccount:lab:dev" cannot list resource "{resource}"'
        )
        return f'{what}: {plain} in API group "{group}" {where}'

    everywhere, inside = "at the cluster scope", 'in the namespace "lab"'
    unread = [
        forbidden(
            "Composition of apiextensions.crossplane.io/v1", "compositions", "apiextensions.crossplane.io", everywhere
        ),
        forbidden("Function of pkg.crossplane.io/v1", "functions", "pkg.crossplane.io", everywhere),
        forbidden("events of Cache/a in lab", "events", "", inside),
        forbidden("events of Cache/b in lab", "events", "", inside),
    ]
    first, second = telling.kinds_not_read(unread)
    assert first.startswith(
        "not read: compositions.apiextensions.crossplane.io, functions.pkg.crossplane.io: forbidden: "
    )
    assert second.startswith("not read: events: forbidden: ")


def test_evidence_is_told_once_and_the_command_that_was_asked_is_no_next_one() -> None:
    reference = Reference("cloud.example.org/v1", "Bucket", "one", "shop")
    evidence = (
        "Synced is False: ReconcileError: no such region",
        "CannotCreate: no such region",
        "Other: something else",
    )
    cause = Cause("held", reference, "it waits", evidence, "see", steps.explain_deletion(reference), 60)
    trace = Trace((Node(0, None, 0, reference, Health(State.DELETING)),))
    found = Deletion(trace, "2026-11-01T10:00:00Z", (), (), (), (), (cause,), ())
    text = "\n".join(telling.deletion(found, commands=True))
    assert text.count("no such region") == 1
    assert "something else" in text
    assert "next: kubectl describe Bucket.cloud.example.org/one -n shop" in text


def test_a_package_is_shown_with_its_version() -> None:
    package = {"spec": {"package": "registry.example.org:5000/demo/cloud:v1.2.3"}}
    reference = Reference("pkg.crossplane.io/v1", "Provider", "cloud")
    trace = Trace((Node(0, None, 0, reference, Health(State.HEALTHY), package),))
    ((_, cells),) = reporting.rows(trace)
    assert dict(zip(reporting.columns(trace), cells, strict=True))["VERSION"] == "v1.2.3"
    assert reporting.document(trace)["nodes"][0]["package"] == "registry.example.org:5000/demo/cloud:v1.2.3"


@pytest.mark.requirement("crossplane-understanding:people-and-agents")
@pytest.mark.parametrize(("setting", "expected"), [("", "green"), ("1", None)])
def test_colours_are_left_out_where_somebody_wants_none(
    monkeypatch: pytest.MonkeyPatch, setting: str, expected: str | None
) -> None:
    colours = list[Any]()
    monkeypatch.setattr(typer, "secho", lambda text, fg: colours.append(fg))
    monkeypatch.setenv("NO_COLOR", setting)
    reference = Reference("cloud.example.org/v1", "Bucket", "one", "shop")
    understanding.show(Trace((Node(0, None, 0, reference, Health(State.HEALTHY)),)), "tree")
    assert colours == [None, expected]

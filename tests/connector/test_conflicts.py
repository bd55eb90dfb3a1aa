from typing import Any

import pytest

from fairlead.connector import conflicts
from fairlead.connector.naming import APP_SECRET_NAME

pytestmark = pytest.mark.requirement("connector:conflicts-of-ours")

OURS = f".metadata.annotations.{APP_SECRET_NAME}"
NAME = ".spec.writeConnectionSecretToRef.name"


def conflict(*fields: str, manager: str = '"one" using demo.example.org/v1') -> list[dict[str, str]]:
    return [{"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": each} for each in fields]


def status(causes: list[dict[str, str]], message: str = "…") -> dict[str, Any]:
    return {"kind": "Status", "code": 409, "message": message, "details": {"name": "x", "causes": causes}}


def test_of_two_conflicts_the_visible_one_is_told() -> None:
    shown = conflicts.visible(status(conflict(OURS, NAME)))
    assert shown["message"] == f'Apply failed with 1 conflict: conflict with "one" using demo.example.org/v1: {NAME}'
    assert shown["details"] == {"name": "x", "causes": conflict(NAME)}


def test_of_more_they_are_told_by_manager() -> None:
    found = conflict(OURS, NAME, ".spec.size") + conflict(".spec.tags", manager='"two" using demo.example.org/v1')
    assert conflicts.visible(status(found))["message"] == (
        'Apply failed with 3 conflicts: conflicts with "one" using demo.example.org/v1:\n'
        f"- {NAME}\n- .spec.size\n"
        'conflicts with "two" using demo.example.org/v1:\n- .spec.tags'
    )


@pytest.mark.parametrize("found", [{"code": 409}, status([]), status(conflict(NAME)), status(conflict(OURS))])
def test_anything_else_is_left_alone(found: dict[str, Any]) -> None:
    assert conflicts.visible(found) is found

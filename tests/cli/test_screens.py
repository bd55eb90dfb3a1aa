import pytest

from fairlead.cli import screens


@pytest.mark.requirement("cli:screens")
def test_a_table_is_printed_as_kubectl_prints_it() -> None:
    document = {
        "columnDefinitions": [{"name": "Name"}, {"name": "Ready"}, {"name": "Uid", "priority": 1}, {"name": "Age"}],
        "rows": [
            {"cells": ["orders", "True", "u", "5s"], "object": {"metadata": {"namespace": "shop"}}},
            {"cells": ["a", None, "u", "10m"], "object": {"metadata": {"namespace": "default"}}},
        ],
    }
    assert screens.table(document) == [
        "NAMESPACE   NAME     READY   AGE",
        "shop        orders   True    5s",
        "default     a                10m",
    ]

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.resources import tabulating
from fairlead.resources.tabulating import Rows

pytestmark = pytest.mark.requirement("resources:compact-tables")


def table(*rows: list[Any]) -> dict[str, Any]:
    columns = [("Name", 0), ("Ready", 0), ("Empty", 0), ("Node", 1)]
    return {
        "columnDefinitions": [{"name": name, "priority": priority} for name, priority in columns],
        "rows": [{"cells": cells, "object": {"metadata": {"namespace": "shop"}}} for cells in rows],
    }


def test_columns_that_say_nothing_are_left_out_and_shared_ones_said_once() -> None:
    rows = tabulating.of_table(
        table(["a", "True", "", "n1"], ["bb", "True", "<none>", "n2"], ["c", "True", None, "n3"])
    )
    assert tabulating.render(rows) == "all: READY=True\nNAME\na\nbb\nc"


def test_wide_and_namespaces() -> None:
    rows = tabulating.of_table(table(["a", "True", "", "n1"], ["b", "False", "", "n2"]), namespaces=True, wide=True)
    assert (
        tabulating.render(rows)
        == "NAMESPACE  NAME  READY  NODE\nshop       a     True   n1\nshop       b     False  n2"
    )


def test_labels_that_all_have_are_said_once() -> None:
    found = table(*[[name, "", "", ""] for name in "abc"])
    for row, own in zip(found["rows"], ("x=1", "x=2", "y=3"), strict=True):
        key, _, value = own.partition("=")
        row["object"]["metadata"]["labels"] = {
            "app": "web",
            "tier": "db",
            key: value,
            "kubernetes.io/metadata.name": key,
        }
    shown = tabulating.render(tabulating.of_table(found, wide=True))
    assert shown == "all: SHARED LABELS=app=web,tier=db\nNAME  LABELS\na     x=1\nb     x=2\nc     y=3"
    assert "LABELS" not in tabulating.render(tabulating.of_table(found))


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.sampled_from("12")), min_size=1, max_size=6))
def test_no_label_is_lost(labels: list[dict[str, str]]) -> None:
    found = table(*[[f"n{index}", "", "", ""] for index in range(len(labels))])
    for row, own in zip(found["rows"], labels, strict=True):
        row["object"]["metadata"]["labels"] = own
    rows = tabulating.of_table(found, wide=True)
    for cells, own in zip(rows.cells, labels, strict=True):
        told = [each for cell in cells[-2:] for each in cell.split(",") if each]
        assert sorted(told) == sorted(f"{key}={value}" for key, value in own.items())


def test_chosen_fields_through_lists_and_keys_with_dots() -> None:
    obj = {
        "metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "web"}},
        "spec": {"containers": [{"image": "x"}, {"image": "y"}]},
        "status": {"ready": True},
    }
    paths = [
        "metadata.name",
        ".metadata.labels.app.kubernetes.io/name",
        "spec.containers.image",
        "status.ready",
        "no.no",
    ]
    rows = tabulating.of_fields([obj], paths)
    assert rows.cells == (("a", "web", "x,y", "true", ""),)


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), min_size=1, max_size=6))
def test_each_row_is_one_line_whatever_it_holds(cells: list[tuple[str, str]]) -> None:
    rows = tabulating.of_table(table(*[[f"n{index}", one, two, ""] for index, (one, two) in enumerate(cells)]))
    lines = tabulating.render(rows).split("\n")
    assert len([each for each in lines if not each.startswith("all: ")]) == len(cells) + 1


def test_no_rows() -> None:
    assert tabulating.render(Rows(("NAME",), ())) == "NAME"

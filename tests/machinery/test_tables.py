from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery import durations, jsonpath, tables
from fairlead.machinery.jsonpath import compile_path

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
COLUMNS: list[dict[str, Any]] = [
    {"name": "S", "type": "string", "jsonPath": ".spec.s"},
    {"name": "I", "type": "integer", "jsonPath": ".spec.i"},
    {"name": "N", "type": "number", "jsonPath": ".spec.n"},
    {"name": "B", "type": "boolean", "jsonPath": ".spec.b"},
    {"name": "D", "type": "date", "jsonPath": ".spec.d"},
    {"name": "R", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].status"},
    {"name": "L", "type": "string", "jsonPath": ".metadata.labels['a\\.b/c']", "description": "hey", "priority": 1},
    {"name": "W", "type": "string", "jsonPath": ".spec.list[*].x"},
    {"name": "Ix", "type": "string", "format": "byte", "jsonPath": ".spec.list[0]"},
    {"name": "O", "type": "string", "jsonPath": ".spec.o"},
    {"name": "X", "type": "string", "jsonPath": ".spec.list[?(@.n>2)].x"},
    {"name": "L1", "type": "string", "jsonPath": ".spec.list[-1:].x"},
    {"name": "P", "type": "integer", "jsonPath": ".spec.list"},
]
ESCAPED = '{"k":"\\u003c\\u0026\\u003e"}'
# Specs and cells as kube-apiserver 1.36.3 printed them for a CRD with these columns.
ROWS: list[tuple[dict[str, Any], list[Any]]] = [
    (
        {
            "s": "x",
            "i": 5,
            "n": 1.5,
            "b": True,
            "d": "2026-11-20T00:00:00Z",
            "list": [{"x": "p", "n": 1}, {"x": "q", "n": 3}],
            "o": {"b": 1, "a": [1, "x", None]},
        },
        ["x", 5, 1.5, True, "34h", None, "lab", "p", '{"n":1,"x":"p"}', '{"a":[1,"x",null],"b":1}', "q", "q", None],
    ),
    (
        {"s": 7, "i": "5", "n": "1", "b": "true", "d": "no", "list": [], "o": [1, 2.5, True]},
        ["7", None, None, None, "<invalid>", None, "lab", None, None, "[1,2.5,true]", None, None, None],
    ),
    (
        {"s": None, "i": 5.7, "n": 3, "b": None, "d": None, "o": 1.0},
        ["<no value>", 5, 3, None, None, None, "lab", None, None, "1", None, None, None],
    ),
    (
        {"s": True, "o": 1e21, "i": 5.0, "list": "str"},
        ["true", 5, None, None, None, None, "lab", None, None, "1e+21", None, None, None],
    ),
    (
        {"o": 12345678.9, "s": 1000000, "list": [["q"], "z", [{"x": 1}]]},
        ["1000000", None, None, None, None, None, "lab", None, '["q"]', "1.23456789e+07", None, None, None],
    ),
    (
        {"o": {}, "s": "", "list": [{"n": 3, "x": {"k": "<&>"}}]},
        ["", None, None, None, None, None, "lab", ESCAPED, '{"n":3,"x":' + ESCAPED + "}", "{}", ESCAPED, ESCAPED, None],
    ),
]


@pytest.mark.requirement("machinery:table-cells")
@pytest.mark.parametrize(("spec", "cells"), ROWS)
def test_cells_are_the_servers(spec: dict[str, Any], cells: list[Any]) -> None:
    obj = {"metadata": {"name": "a", "labels": {"a.b/c": "lab"}}, "spec": spec}
    assert tables.for_custom_resource(COLUMNS).cells(obj, NOW) == ["a", *cells]


@pytest.mark.requirement("machinery:table-document")
def test_the_document_has_a_row_for_each_object() -> None:
    objects: list[dict[str, Any]] = [{"kind": "W", "metadata": {"name": name}} for name in "ab"]
    printer = tables.for_custom_resource(COLUMNS)
    table = tables.document(objects, printer, NOW, metadata={"resourceVersion": "7"})
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert table["metadata"] == {"resourceVersion": "7"}
    assert table["columnDefinitions"][0]["format"] == "name"
    assert table["columnDefinitions"][1]["description"] == (
        "Custom resource definition column (in JSONPath format): .spec.s"
    )
    assert table["columnDefinitions"][7] == {
        "name": "L",
        "type": "string",
        "format": "",
        "description": "hey",
        "priority": 1,
    }
    assert [row["object"] for row in table["rows"]] == [
        {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": {"name": name}} for name in "ab"
    ]


@pytest.mark.requirement("machinery:table-document")
@pytest.mark.parametrize(("include", "expected"), [("None", None), ("Object", {"metadata": {"name": "a"}})])
def test_a_row_carries_what_was_asked_for(include: str, expected: object) -> None:
    table = tables.document(
        [{"metadata": {"name": "a"}}], tables.DEFAULT, NOW, metadata={}, include=include, with_columns=False
    )
    assert (table["rows"][0]["object"], table["columnDefinitions"]) == (expected, None)


@pytest.mark.requirement("machinery:table-document")
def test_a_kind_without_columns_has_name_and_age() -> None:
    printer = tables.for_custom_resource([])
    assert [(each.name, each.type) for each in printer.columns] == [("Name", "string"), ("Age", "date")]
    obj = {"metadata": {"name": "a", "creationTimestamp": "2026-11-21T09:59:30Z"}}
    assert printer.cells(obj, NOW) == ["a", "30s"]
    assert tables.DEFAULT.cells(obj, NOW) == ["a", "2026-11-21T09:59:30Z"]


@pytest.mark.requirement("machinery:table-cells")
@pytest.mark.parametrize(
    ("number", "shown"),
    [(0.0, "0"), (-1.5, "-1.5"), (123456.7, "123456.7"), (1e6, "1e+06"), (0.0001, "0.0001"), (1e-5, "1e-05")],
)
def test_floats_print_as_go_prints_them(number: float, shown: str) -> None:
    assert tables.text(number) == shown


@pytest.mark.requirement("machinery:table-cells")
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_printed_float_reads_back(number: float) -> None:
    assert float(tables.text(number)) == number


@pytest.mark.requirement("machinery:ages")
@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (121, "2m1s"),
        (599, "9m59s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (8 * 3600 - 60, "7h59m"),
        (8 * 3600, "8h"),
        (48 * 3600 - 1, "47h"),
        (48 * 3600, "2d"),
        (49 * 3600, "2d1h"),
        (8 * 86400, "8d"),
        (729 * 86400, "729d"),
        (730 * 86400, "2y"),
        (731 * 86400, "2y1d"),
        (8 * 365 * 86400, "8y"),
    ],
)
def test_ages(seconds: int, shown: str) -> None:
    assert durations.human(seconds) == shown


@pytest.mark.requirement("machinery:ages")
@given(st.integers(0, 10**9))
def test_an_age_counts_from_a_timestamp(seconds: int) -> None:
    then = (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert durations.since(then, NOW) == durations.human(seconds)


@pytest.mark.requirement("machinery:jsonpath")
@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".a", [{"b": [1, 2, 3]}]),
        ("{.a.b[1]}", [2]),
        ("$.a.b[0:2]", [1, 2]),
        (".a.b[*]", [1, 2, 3]),
        (".a.b[-1]", [3]),
        (".a.b[7]", []),
        ("['a']['b'][0]", [1]),
        (".a\\.b", ["dotted"]),
        (".c[?(@.t == 'x')].v", [1]),
        ('.c[?(@.t!="x")].v', [2]),
        (".c[?(@.v)].t", ["x", "y"]),
        (".c[?(@.v>=2)].t", ["y"]),
        (".none.at.all", []),
        (".a.*", [[1, 2, 3]]),
    ],
)
def test_paths(path: str, found: list[Any]) -> None:
    document = {"a": {"b": [1, 2, 3]}, "a.b": "dotted", "c": [{"t": "x", "v": 1}, {"t": "y", "v": 2}]}
    assert compile_path(path).find(document) == found


@pytest.mark.requirement("machinery:jsonpath")
@pytest.mark.parametrize("path", ["..a", "a b", ".a[", ".a[?(@.x=~'y')]", ".a[?(@.x==y)]"])
def test_what_is_left_out_is_refused(path: str) -> None:
    with pytest.raises(jsonpath.PathError):
        compile_path(path)

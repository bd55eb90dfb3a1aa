"""What all random requests are made of.

They say «name», «namespace», «uid», «rv» and «oldrv» of the place that they are about; which place that is, and which
name it has this time, is decided when they are sent.
"""

from typing import Any

from hypothesis import strategies as st

from tests.differential import kind

JSON, YAML = "application/json", "application/yaml"
JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"
APPLY_PATCH, STRATEGIC = "application/apply-patch+yaml", "application/strategic-merge-patch+json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json"
PARTIALS = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"
MANAGERS = ("mia", "ned", "kubectl")
NAME, NAMESPACE = "«name»", "«namespace»"

Draw = Any


def one_of(*weighted: tuple[int, Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from([value for weight, value in weighted for _ in range(weight)])


accepts_one = one_of(
    (12, JSON), (2, ""), (2, TABLE), (2, PARTIAL), (1, YAML), (1, "*/*"), (1, "application/*"),
    (1, "application/vnd.kubernetes.protobuf"), (1, "text/html"),
    (1, "application/json;as=Nonsense;v=v1;g=meta.k8s.io"),
    (1, "application/vnd.kubernetes.protobuf,application/json"),
)  # fmt: skip
accepts_many = one_of((8, JSON), (3, TABLE), (3, PARTIALS), (1, YAML), (1, PARTIAL), (1, "text/html"), (1, "*/*"))


def many() -> str:
    return f"{kind.WIDGETS.group_version.path}/namespaces/{NAMESPACE}/{kind.WIDGETS.plural}"


def one(subresource: str = "") -> str:
    return "/".join(each for each in (many(), NAME, subresource) if each)


def write_options(draw: Draw, *more: tuple[str, str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for chance, key, values in (
        (8, "dryRun", ("All", "All", "Some")),
        (4, "fieldManager", (*MANAGERS, "")),
        (3, "fieldValidation", ("Strict", "Strict", "Warn", "Ignore", "Nonsense")),
        (40, "pretty", ("true",)),
    ):
        if draw(st.integers(0, chance - 1)) == chance - 1:
            found.append((key, draw(st.sampled_from(values))))
    return found + list(more)


def columns(query: list[tuple[str, str]], *more: str) -> tuple[str, ...]:
    return tuple(sorted({key for key, _ in query} | {each for each in more if each}))


def form(accept: str) -> str:
    if "as=" in accept:
        return accept.partition("as=")[2].partition(";")[0]
    return {JSON: "", YAML: "YAML", "*/*": "", "": "", "application/*": ""}.get(accept, "406")

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery.negotiation import JSON, YAML, MediaType, choose, transformed

TABLE = transformed("Table", "meta.k8s.io", "v1")
OFFERED = [JSON, YAML, TABLE]
KUBECTL = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)
token = st.from_regex(r"[a-z]{1,8}", fullmatch=True)


@pytest.mark.requirement("machinery:negotiation")
@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/yaml", YAML),
        ("text/html", None),
        ("application/vnd.kubernetes.protobuf, application/json", JSON),
        (KUBECTL, TABLE),
        ("application/json;as=Foo;v=v1;g=meta.k8s.io", None),
        ("application/json;as=Foo;v=v1;g=meta.k8s.io,application/json", JSON),
        ("*/*;as=Table;v=v1;g=meta.k8s.io", TABLE),
        ("application/json;q=0.1, application/yaml", YAML),
        ("application/json;foo=bar", JSON),
        ("application/json;stream=watch", JSON),
        ("application/json;as=Table;g=meta.k8s.io", None),
        ("application/json;v=v1", None),
        ("application/cbor", None),
        ("nonsense", None),
    ],
)
def test_the_first_clause_that_is_on_offer_wins(accept: str, chosen: MediaType | None) -> None:
    """As kube-apiserver 1.36.3 answered the same headers."""
    assert choose(accept, OFFERED) == chosen


@pytest.mark.requirement("machinery:negotiation")
@given(token, token, st.dictionaries(token, token))
def test_a_written_media_type_reads_back(kind: str, subtype: str, parameters: dict[str, str]) -> None:
    written = MediaType(kind, subtype, tuple(parameters.items()))
    assert MediaType.parse(str(written)) == written


@pytest.mark.requirement("machinery:negotiation")
@given(st.lists(st.sampled_from(["text/html", "image/png", "application/cbor"])), st.text(alphabet="a/;=,q. "))
def test_what_is_chosen_was_offered(clauses: list[str], noise: str) -> None:
    assert choose(",".join([*clauses, noise]), OFFERED) in [*OFFERED, None]

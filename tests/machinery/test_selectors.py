import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery.selectors import FieldSelector, FieldTerm, LabelSelector, Requirement
from fairlead.machinery.statuses import BadRequest

key = st.from_regex(r"([a-z][a-z0-9]{0,4}/)?[A-Za-z0-9][A-Za-z0-9_.]{0,5}", fullmatch=True).filter(
    lambda text: text[-1].isalnum()
)
value = st.from_regex(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,4}[A-Za-z0-9])?)?", fullmatch=True)
word = value.filter(bool)
requirement = st.one_of(
    st.builds(Requirement, key, st.sampled_from(["exists", "!"])),
    st.builds(lambda k, o, v: Requirement(k, o, (v,)), key, st.sampled_from(["=", "==", "!="]), value),
    st.builds(
        lambda k, o, v: Requirement(k, o, tuple(sorted(v))),
        key,
        st.sampled_from(["in", "notin"]),
        st.sets(value, min_size=1, max_size=3),
    ),
    st.builds(lambda k, o, v: Requirement(k, o, (str(v),)), key, st.sampled_from(["<", ">"]), st.integers(-99, 99)),
)

# Text and answer as kube-apiserver 1.36.3 gave them (the sentence is cut where it lists a pattern).
REFUSED = [
    ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
    ("=b", "found '=', expected: !, identifier, or 'end of string'"),
    ("a==b=c", "found '=', expected: ',' or 'end of string'"),
    (
        "a>x",
        "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an"
        " integer",
    ),
    ("a,", "found '', expected: identifier after ','"),
    (
        "-a=b",
        'unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of alphanumeric characters,'
        " '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or"
        " '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ),
    (
        "a=-b",
        'unable to parse requirement: values[0][a]: Invalid value: "-b": a valid label must be an empty string or'
        " consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
        " (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is"
        " '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    ),
    ("a in (x y)", "unable to parse requirement: found 'y', expected: ',' or ')'"),
    ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
    (
        "a>",
        "unable to parse requirement: values[0]: Invalid value: \"\": for 'Gt', 'Lt' operators, the value must be an"
        " integer",
    ),
    ("!a=b", "found '=', expected: ',' or 'end of string'"),
    ("()", "found '(', expected: !, identifier, or 'end of string'"),
    ("a!", "unable to parse requirement: found '!', expected: in, notin, =, ==, !=, gt, lt"),
    ("a=b,,c", "found ',', expected: identifier after ','"),
    (
        "a" * 64,
        f'unable to parse requirement: <nil>: Invalid value: "{"a" * 64}": name part must be no more than 63 bytes',
    ),
    (
        "a=" + "b" * 64,
        f'unable to parse requirement: values[0][a]: Invalid value: "{"b" * 64}": must be no more than 63 bytes',
    ),
    (",", "found ',', expected: !, identifier, or 'end of string'"),
    (
        "a/b/c",
        'unable to parse requirement: <nil>: Invalid value: "a/b/c": a valid label key must consist of alphanumeric'
        " characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or"
        " 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an"
        " optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
    ),
    (
        "A.b/c=d",
        'unable to parse requirement: <nil>: Invalid value: "A.b/c": prefix part a lowercase RFC 1123 subdomain must'
        " consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric"
        " character (e.g. 'example.com', regex used for validation is"
        " '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ),
    (
        "a/=b",
        'unable to parse requirement: <nil>: Invalid value: "a/": name part must be non-empty; name part must consist'
        " of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g."
        " 'MyName',  or 'my.name',  or '123-abc', regex used for validation is"
        " '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ),
    ("a!==b", "unable to parse requirement: found '=', expected: identifier"),
    ("a=(b)", "unable to parse requirement: found '(', expected: identifier"),
    ("a in b", "unable to parse requirement: found 'b' expected: '('"),
    ("a=b!c", "found '!', expected: ',' or 'end of string'"),
]
ACCEPTED = ["a in ()", "!a", "a notin (x,y),b", "a in (x,,y)", "a=", "in in (in)", "a>01", "notin", "a=in", "in", ""]


@pytest.mark.requirement("machinery:label-selectors")
@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_refusals_are_in_the_servers_words(text: str, message: str) -> None:
    with pytest.raises(BadRequest) as refused:
        LabelSelector.parse(text)
    assert refused.value.message == message


@pytest.mark.requirement("machinery:label-selectors")
@pytest.mark.parametrize("text", ACCEPTED)
def test_odd_but_accepted(text: str) -> None:
    LabelSelector.parse(text)


@pytest.mark.requirement("machinery:label-selectors")
@given(st.lists(requirement, max_size=4))
def test_a_written_selector_reads_back(requirements: list[Requirement]) -> None:
    ordered = tuple(sorted(requirements, key=lambda each: each.key))
    assert LabelSelector.parse(str(LabelSelector(ordered))).requirements == ordered


@pytest.mark.requirement("machinery:label-selectors")
@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("a=b", {"a": "b"}, True),
        ("a=b", {"a": "c"}, False),
        ("a=b", {}, False),
        ("a!=b", {}, True),
        ("a!=b", {"a": "b"}, False),
        ("a", {"a": ""}, True),
        ("!a", {"b": ""}, True),
        ("!a", {"a": ""}, False),
        ("a in (b,c)", {"a": "c"}, True),
        ("a notin (b,c)", {}, True),
        ("a notin (b,c)", {"a": "c"}, False),
        ("a>5", {"a": "6"}, True),
        ("a>5", {"a": "x"}, False),
        ("a<5", {"a": "4"}, True),
        ("a<5", {}, False),
        ("a=b,c", {"a": "b"}, False),
        ("a=", {"a": ""}, True),
        ("", {"a": "b"}, True),
    ],
)
def test_matching(text: str, labels: dict[str, str], expected: bool) -> None:
    assert LabelSelector.parse(text).matches(labels) is expected


@pytest.mark.requirement("machinery:label-selectors")
@given(st.lists(requirement, max_size=3), st.lists(requirement, max_size=3), st.dictionaries(key, value))
def test_a_comma_means_and(some: list[Requirement], others: list[Requirement], labels: dict[str, str]) -> None:
    one, other = LabelSelector(tuple(some)), LabelSelector(tuple(others))
    both = LabelSelector.parse(",".join(filter(None, [str(one), str(other)])))
    assert both.matches(labels) == (one.matches(labels) and other.matches(labels))


@pytest.mark.requirement("machinery:field-selectors")
@given(
    st.lists(
        st.builds(
            FieldTerm, st.from_regex(r"[a-z]+(\.[a-z]+)?", fullmatch=True), st.sampled_from(["=", "!="]), st.text()
        )
    )
)
def test_written_fields_read_back(terms: list[FieldTerm]) -> None:
    assert FieldSelector.parse(str(FieldSelector(tuple(terms)))).terms == tuple(terms)


@pytest.mark.requirement("machinery:field-selectors")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
        ("metadata.name=a=b", "invalid field selector: unescaped character in value: 61"),
        ("metadata.name=a\\x", "invalid field selector: invalid escape sequence: \\x"),
    ],
)
def test_field_refusals_are_in_the_servers_words(text: str, message: str) -> None:
    with pytest.raises(BadRequest) as refused:
        FieldSelector.parse(text)
    assert refused.value.message == message


@pytest.mark.requirement("machinery:field-selectors")
def test_field_matching() -> None:
    selector = FieldSelector.parse("metadata.name==a,,metadata.namespace!=b")
    fields = {"metadata.name": "a"}
    assert selector.matches(lambda field: fields.get(field, ""))
    fields["metadata.namespace"] = "b"
    assert not selector.matches(lambda field: fields.get(field, ""))

"""Which webhooks a request concerns, what they are told, and what counts as an answer."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery import admission, encoding
from fairlead.machinery.admission import CREATE, DELETE, UPDATE, Answer, Attributes, Hook, ReviewError, Rule, Target
from fairlead.machinery.paths import Resource
from fairlead.machinery.principals import Principal
from fairlead.machinery.selectors import LabelSelector

pytestmark = pytest.mark.requirement("machinery:admission")
Object = dict[str, Any]

WIDGETS = Resource("example.org", "v1", "widgets")
V1 = Target(WIDGETS, ("example.org", "v1", "Widget"))
V2 = Target(Resource("example.org", "v2", "widgets"), ("example.org", "v2", "Widget"))


def hook(*, mutates: bool = True, **more: Any) -> Hook:
    rules = [{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}]
    document = {"name": "h.example.org", "rules": rules, "admissionReviewVersions": ["v1"], "sideEffects": "None"}
    return Hook.of(document | more, "uid", mutates=mutates)


def attributes(**more: Any) -> Attributes:
    given: Object = {
        "operation": CREATE, "target": V1, "subresource": "", "namespace": "shop", "name": "one",
        "principal": Principal("ana", groups=("staff",)), "options": {"kind": "CreateOptions"},
    }  # fmt: skip
    return Attributes(**(given | more))


@pytest.mark.parametrize(
    ("rule", "operation", "subresource", "matches"),
    [
        ({}, CREATE, "", True),
        ({"operations": ["UPDATE", "DELETE"]}, CREATE, "", False),
        ({"operations": ["UPDATE", "DELETE"]}, DELETE, "", True),
        ({"apiGroups": [""]}, CREATE, "", False),
        ({"apiVersions": ["v2"]}, CREATE, "", False),
        ({"resources": ["widgets"]}, UPDATE, "status", False),
        ({"resources": ["widgets/*"]}, UPDATE, "status", True),
        ({"resources": ["*/status"]}, UPDATE, "status", True),
        ({"resources": ["*/*"]}, UPDATE, "scale", True),
        ({"resources": ["*"]}, UPDATE, "scale", False),
        ({"scope": "Cluster"}, CREATE, "", False),
        ({"scope": "Namespaced"}, CREATE, "", True),
    ],
)
def test_a_rule_names_operation_group_version_resource_and_scope(
    rule: Object, operation: str, subresource: str, matches: bool
) -> None:
    full = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["widgets"]} | rule
    assert Rule.of(full).matches(operation, WIDGETS, subresource) is matches


def test_an_equivalent_version_is_what_a_rule_names_unless_the_match_is_to_be_exact() -> None:
    rules = [{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["v2"], "resources": ["widgets"]}]
    assert hook(rules=rules).target(CREATE, V1, "", [V2]) == V2
    assert hook(rules=rules, matchPolicy="Exact").target(CREATE, V1, "", [V2]) is None
    assert hook(rules=rules).target(CREATE, V1, "", []) is None
    told = admission.review(attributes(object={"apiVersion": "example.org/v1", "kind": "Widget"}), V2, "u")["request"]
    assert told["kind"] == {"group": "example.org", "version": "v2", "kind": "Widget"}
    assert told["requestKind"]["version"] == "v1"
    assert told["object"]["apiVersion"] == "example.org/v2"


def test_an_object_is_selected_by_what_it_was_or_will_be() -> None:
    selecting = hook(objectSelector={"matchLabels": {"a": "b"}})
    mine: Object = {"metadata": {"labels": {"a": "b"}}}
    other: Object = {"metadata": {}}
    assert selecting.selects(attributes(object=other, old=mine))
    assert selecting.selects(attributes(object=mine, old=other))
    assert not selecting.selects(attributes(object=other, old=other))
    assert not selecting.selects(attributes())


@given(st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz")))
def test_a_selector_document_means_what_its_text_means(labels: dict[str, str]) -> None:
    document = {
        "matchLabels": {"a": "x"},
        "matchExpressions": [
            {"key": "b", "operator": "In", "values": ["y", "x"]},
            {"key": "c", "operator": "DoesNotExist"},
        ],
    }
    text = LabelSelector.parse("a=x,b in (x,y),!c")
    assert LabelSelector.of(document).matches(labels) == text.matches(labels)
    assert LabelSelector.of({}).matches(labels)


def test_configurations_are_asked_by_name_and_their_webhooks_as_they_stand() -> None:
    def configuration(name: str, *webhooks: str) -> Object:
        return {"metadata": {"name": name}, "webhooks": [{"name": each} for each in webhooks]}

    found = admission.hooks([configuration("b", "x"), configuration("a", "z", "y")], mutate=True)
    assert [each.name for each in found] == ["z", "y", "x"]
    assert len({each.uid for each in found}) == 3
    assert {each.seconds for each in found} == {10}


def answered(**response: Any) -> bytes:
    document = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
    return encoding.to_json(document | {"response": {"uid": "u", "allowed": True, **response}})


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_an_answer_is_read_whole() -> None:
    patch = encoded('[{"op":"remove","path":"/spec"}]')
    body = answered(patch=patch, patchType="JSONPatch", warnings=["w"], auditAnnotations={"k": "v"})
    found = Answer.read(body, hook(), "u")
    assert (found.allowed, found.patch, found.warnings) == (True, [{"op": "remove", "path": "/spec"}], ("w",))
    assert found.annotations == {"h.example.org/k": "v"}


@pytest.mark.parametrize(
    ("body", "mutates"),
    [
        (b"no", True),
        (b"[]", True),
        (b'{"kind":"AdmissionReview"}', True),
        (answered(uid="other"), True),
        (answered().replace(b"admission.k8s.io/v1", b"admission.k8s.io/v1beta1"), True),
        (answered().replace(b'"AdmissionReview"', b'"Pod"'), True),
        (answered(patch=encoded("[]")), True),
        (answered(patchType="JSONPatch"), True),
        (answered(patch=encoded("[]"), patchType="MergePatch"), True),
        (answered(patch=encoded("{"), patchType="JSONPatch"), True),
        (answered(patch="%", patchType="JSONPatch"), True),
        (answered(patch=encoded("{}"), patchType="JSONPatch"), True),
        (answered(patch=encoded("[]")), False),
        (answered(patchType="JSONPatch"), False),
    ],
)
def test_what_is_no_answer_is_an_error(body: bytes, mutates: bool) -> None:
    with pytest.raises(ReviewError):
        Answer.read(body, hook(mutates=mutates), "u")


def test_allowed_is_true_and_nothing_else() -> None:
    for value in ("true", 1, None):
        assert not Answer.read(answered(allowed=value), hook(), "u").allowed


def test_the_version_of_a_review_is_the_first_that_both_know() -> None:
    assert hook(admissionReviewVersions=["v9", "v1beta1", "v1"]).version == "v1beta1"
    with pytest.raises(ReviewError):
        _ = hook(admissionReviewVersions=["v9"]).version


def test_a_warning_is_one_header_line_or_none() -> None:
    assert admission.warning('say "x" \\') == '299 - "say \\"x\\" \\\\"'
    assert admission.warning("x\r\nset-cookie: y") is None

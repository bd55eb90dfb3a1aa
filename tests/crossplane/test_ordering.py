"""Where what Crossplane is told goes, in each form of a claim or composite."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fairlead.crossplane import xrds
from fairlead.crossplane.defining import composites, pinning
from fairlead.crossplane.defining.composites import Choice, CompositeError
from fairlead.crossplane.references import machinery
from fairlead.crossplane.upkeep import removing
from fairlead.machinery.discovery import APIResource
from fairlead.machinery.paths import Resource
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import ScopeError
from tests.e2e import manifests

Object = dict[str, Any]
pytestmark = pytest.mark.requirement("crossplane-composites:orders")
LEGACY, MODERN = xrds.read(manifests.xrd()), xrds.read(manifests.namespaced_xrd())


def kind(name: str, category: str, *, namespaced: bool) -> Kind:
    plural = f"{name.lower()}s"
    api = APIResource(plural, name, namespaced=namespaced, verbs=("get", "list"), categories=(category,))
    return Kind(Resource(manifests.GROUP, "v1alpha1", plural, namespaced), api)


CLAIM = kind("Database", "claim", namespaced=True)
FORMS = {
    "claim": (CLAIM, LEGACY, "shop"),
    "legacy": (kind("XDatabase", "composite", namespaced=False), LEGACY, ""),
    "modern": (kind("Cache", "composite", namespaced=True), MODERN, "shop"),
}
NAMES = st.sampled_from(["size", "zone", "tags", "parameters"])
WISHES = st.dictionaries(NAMES, st.one_of(st.integers(), st.text(max_size=3), st.lists(st.integers())), max_size=4)
CHOICES = st.builds(
    Choice,
    composition=st.sampled_from(["", "one"]),
    composition_labels=st.sampled_from([None, {"tier": "gold"}]),
    update_policy=st.sampled_from(["", "Automatic", "Manual"]),
    delete_policy=st.sampled_from(["", "Foreground"]),
)


@given(st.sampled_from(sorted(FORMS)), WISHES, CHOICES)
def test_wishes_and_choices_do_not_mix(form: str, wanted: Object, choice: Choice) -> None:
    assume(not (choice.composition and choice.composition_labels))
    assume(form == "claim" or not choice.delete_policy)
    of, made_by, namespace = FORMS[form]
    made = composites.manifest(of, "a", namespace, wanted, choice, made_by=made_by)
    assert composites.wishes(made) == wanted
    told = choice.fields()
    own = machinery(made)
    assert {key: own.get(key) for key in told} == told
    assert ("crossplane" in made["spec"]) == (form == "modern" and bool(told))
    assert composites.composition(made) == choice.composition
    assert composites.is_pinned(made) == (choice.update_policy == "Manual")


@pytest.mark.parametrize(
    ("form", "choice", "refusal"),
    [
        ("claim", Choice("one", {"tier": "gold"}), "exclude each other"),
        ("legacy", Choice(delete_policy="Foreground"), "only a claim has a delete policy"),
        ("modern", Choice(connection_secret="conn"), "compose a Secret"),
        ("claim", Choice(connection_secret="shop/conn"), "write NAME: a claim's is beside it"),
        ("legacy", Choice(connection_secret="conn"), "write NAMESPACE/NAME"),
    ],
)
def test_what_cannot_be_told_is_refused(form: str, choice: Choice, refusal: str) -> None:
    of, made_by, namespace = FORMS[form]
    with pytest.raises(CompositeError, match=refusal):
        composites.manifest(of, "a", namespace, {}, choice, made_by=made_by)


def test_a_connection_secret_is_where_it_can_be() -> None:
    of, made_by, namespace = FORMS["claim"]
    claim = composites.manifest(of, "a", namespace, {}, Choice(connection_secret="conn"), made_by=made_by)
    assert str(composites.connection_secret(claim)) == "Secret/conn in shop"
    of, made_by, namespace = FORMS["legacy"]
    direct = composites.manifest(of, "a", namespace, {}, Choice(connection_secret="vault/conn"), made_by=made_by)
    assert str(composites.connection_secret(direct)) == "Secret/conn in vault"


@pytest.mark.parametrize(("form", "namespace"), [("claim", ""), ("modern", ""), ("legacy", "shop")])
def test_a_wrong_scope_is_refused(form: str, namespace: str) -> None:
    of, made_by, _ = FORMS[form]
    with pytest.raises(ScopeError):
        composites.manifest(of, "a", namespace, {}, Choice(), made_by=made_by)


@given(st.sampled_from(sorted(composites.WRITTEN_BY_CROSSPLANE)), st.booleans())
def test_what_crossplane_writes_is_not_set(field: str, modern: bool) -> None:
    spec: Object = {"crossplane": {field: []}} if modern else {field: []}
    with pytest.raises(CompositeError, match=f"{field} is what Crossplane writes"):
        composites.check_written({"spec": spec})
    composites.check_written({"spec": {"size": "small"}, "metadata": {"labels": {field: "a"}}})


def test_a_revision_is_found_by_name_number_or_hash() -> None:
    known = [{"metadata": {"name": f"one-{each}"}, "spec": {"revision": at}} for at, each in enumerate("abc", 1)]
    assert [pinning.find(known, each) for each in ("one-a", "2", "c")] == known
    with pytest.raises(
        CompositeError, match=r"there is no revision 4; there are: one-a \(1\), one-b \(2\), one-c \(3\)"
    ):
        pinning.find(known, "4")


@given(st.lists(st.text(max_size=3), max_size=30))
def test_long_lists_say_how_long_they_are(lines: list[str]) -> None:
    shown = removing.some(lines)
    assert shown[:10] == lines[:10]
    assert shown[10:] == ([f"and {len(lines) - 10} more"] if len(lines) > 10 else [])

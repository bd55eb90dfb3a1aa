import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery import fieldsets, managedfields, statuses
from fairlead.machinery.applying import LAST_APPLIED, FieldManager, keep_times
from fairlead.machinery.typedvalues import compare, field_set
from tests.machinery.shaped import (
    API_VERSION,
    MAIN,
    SHAPE,
    STATUS_ONLY,
    TIME,
    Object,
    configs,
    named,
    specs,
)

LATER = "2031-01-01T00:00:00Z"


def owned(obj: Object, manager: str, operation: str = "Apply") -> fieldsets.FieldSet:
    found = managedfields.read(obj["metadata"].get("managedFields"))
    return next(
        (each.fields for owner, each in found.items() if (owner.manager, owner.operation) == (manager, operation)),
        fieldsets.NONE,
    )


def bare(obj: Object) -> Object:
    return {**obj, "metadata": {name: each for name, each in obj["metadata"].items() if name != "managedFields"}}


def applied(config: Object, manager: str = "a", live: Object | None = None, *, force: bool = False) -> Object:
    return MAIN.apply(live, config, manager, TIME, force=force)


def field_set_of_removed(old: Object, new: Object) -> fieldsets.FieldSet:
    return field_set(bare(old), SHAPE) - field_set(bare(new), SHAPE)


NEVER = {fieldsets.path(*each) for each in (("apiVersion",), ("kind",), ("metadata",), ("metadata", "name"))}


@pytest.mark.requirement("machinery:apply-laws")
class TestLaws:
    @given(configs)
    def test_what_is_applied_is_there_and_owned(self, config: Object) -> None:
        found = applied(config)
        assert bare(found) == config
        assert owned(found, "a") == field_set(config, SHAPE) - NEVER

    @given(configs, configs)
    def test_applying_again_changes_nothing(self, first: Object, config: Object) -> None:
        once = applied(config, live=applied(first, "b"), force=True)
        again = MAIN.apply(once, config, "a", LATER)
        assert keep_times(once, again) == once

    @given(configs, configs)
    def test_a_manager_that_was_alone_leaves_nothing_behind(self, first: Object, second: Object) -> None:
        found = applied(second, live=applied(first))
        assert owned(found, "a") == field_set(second, SHAPE) - NEVER
        kept = field_set(bare(found), SHAPE) - field_set(second, SHAPE)
        assert not {each for each in kept if each in field_set(first, SHAPE)}

    @given(configs, configs)
    def test_neither_argument_is_changed(self, first: Object, second: Object) -> None:
        live = applied(first)
        before = copy.deepcopy((live, second))
        applied(second, "b", live, force=True)
        assert (live, second) == before

    @given(specs)
    def test_managers_of_different_fields_may_come_in_any_order(self, spec: Object) -> None:
        names = sorted(spec)
        halves = [named({name: spec[name] for name in names[start::2]}, {}) for start in (0, 1)]
        base = applied(named({}, {"labels": {"k": "a"}}), "base")
        one = applied(halves[1], "b", applied(halves[0], "a", base))
        other = applied(halves[0], "a", applied(halves[1], "b", base))
        assert bare(one) == bare(other)
        assert [owned(one, each) for each in ("a", "b", "base")] == [owned(other, each) for each in ("a", "b", "base")]

    @given(configs, configs)
    def test_unforced_it_conflicts_or_does_as_forced(self, first: Object, second: Object) -> None:
        live = applied(first)
        forced = applied(second, "b", live, force=True)
        lost = owned(live, "a") - owned(forced, "a") - field_set_of_removed(live, forced)
        if not lost:
            assert applied(second, "b", live) == forced
            return
        with pytest.raises(statuses.Conflict) as refused:
            applied(second, "b", live)
        assert {each["field"] for each in refused.value.causes} == {fieldsets.show(each) for each in lost}

    @given(configs, configs)
    def test_an_update_owns_what_it_changes_and_takes_it_from_others(self, first: Object, second: Object) -> None:
        live = applied(first)
        found = MAIN.update(live, second, "u", LATER)
        changes = compare(bare(live), second, SHAPE)
        taken = changes.modified | changes.added
        assert owned(found, "u", "Update") == taken - NEVER
        assert owned(found, "a") == owned(live, "a") - taken - changes.removed


def spec_of(config: dict[str, Any]) -> Object:
    return named(config, {})


@pytest.mark.requirement("machinery:apply-conflicts")
class TestConflicts:
    def test_one(self) -> None:
        live = applied(spec_of({"text": "a"}))
        with pytest.raises(statuses.Conflict) as refused:
            applied(spec_of({"text": "b"}), "b", live)
        assert refused.value.message == 'Apply failed with 1 conflict: conflict with "a": .spec.text'
        assert refused.value.to_object()["details"] == {
            "causes": [{"reason": "FieldManagerConflict", "message": 'conflict with "a"', "field": ".spec.text"}]
        }

    def test_several_of_several_managers(self) -> None:
        live = MAIN.update(None, spec_of({"text": "a", "set": ["a"]}), "u", TIME)
        live = MAIN.apply(live, spec_of({"ports": [{"port": 80, "name": "a"}], "text": "a"}), "b", TIME)
        with pytest.raises(statuses.Conflict) as refused:
            applied(spec_of({"ports": [{"port": 80, "name": "b"}], "text": "b"}), "c", live)
        assert refused.value.message == (
            'Apply failed with 3 conflicts: conflicts with "b":\n'
            '- .spec.ports[port=80,protocol="TCP"].name\n- .spec.text\n'
            'conflicts with "u" using apply.test/v1:\n- .spec.text'
        )

    def test_equal_values_are_shared(self) -> None:
        found = applied(spec_of({"text": "a"}), "b", applied(spec_of({"text": "a"})))
        assert owned(found, "a") == owned(found, "b") == {fieldsets.path("spec", "text")}
        left = applied(spec_of({}), "a", found)
        assert left["spec"] == {"text": "a"}

    def test_force_takes_over(self) -> None:
        found = applied(spec_of({"text": "b"}), "b", applied(spec_of({"text": "a", "number": 1})), force=True)
        assert found["spec"] == {"text": "b", "number": 1}
        assert owned(found, "a") == {fieldsets.path("spec", "number")}

    def test_kubectl_may_take_over_what_it_applied_from_the_client(self) -> None:
        note = '{"apiVersion":"apply.test/v1","kind":"Shape","metadata":{"name":"x"},"spec":{"text":"a"}}'
        created = named({"text": "a", "number": 1}, {"annotations": {LAST_APPLIED: note}})
        live = MAIN.update(None, created, "kubectl-client-side-apply", TIME)
        found = applied(spec_of({"text": "b"}), "kubectl", live)
        assert found["spec"] == {"text": "b", "number": 1}
        assert found["metadata"]["annotations"][LAST_APPLIED] == note.replace('"a"', '"b"') + "\n"
        with pytest.raises(statuses.Conflict, match="1 conflict"):
            applied(spec_of({"text": "b", "number": 2}), "kubectl", live)
        with pytest.raises(statuses.Conflict):
            applied(spec_of({"text": "b"}), "other", live)


@pytest.mark.requirement("machinery:apply-lists")
class TestLists:
    @pytest.mark.parametrize(
        ("live", "wanted", "merged"),
        [
            (["a", "b"], ["c"], ["a", "b", "c"]),
            (["a", "b", "x"], ["b", "a"], ["b", "x", "a"]),
            (["x", "a"], ["n", "a"], ["x", "n", "a"]),
            (["a", "a", "x"], ["a", "n"], ["a", "n", "x"]),
            (["b", "a", "x"], ["a", "b"], ["a", "x", "b"]),
            ([], ["a"], ["a"]),
            (["a"], [], ["a"]),
        ],
    )
    def test_both_orders_are_kept_as_far_as_can_be(self, live: list[str], wanted: list[str], merged: list[str]) -> None:
        stored = MAIN.update(None, spec_of({"set": live}), "u", TIME)
        assert applied(spec_of({"set": wanted}), live=stored, force=True)["spec"]["set"] == merged

    def test_a_key_that_is_left_out_has_its_default(self) -> None:
        live = applied(spec_of({"ports": [{"port": 80, "protocol": "TCP", "name": "a"}]}))
        found = applied(spec_of({"ports": [{"port": 80}]}), "b", live)
        assert found["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "name": "a"}]

    def test_an_entry_goes_with_its_last_owner(self) -> None:
        live = applied(spec_of({"named": [{"name": "n"}, {"name": "m", "value": "a"}]}))
        live = applied(spec_of({"named": [{"name": "m"}]}), "b", live)
        assert applied(spec_of({}), "a", live)["spec"]["named"] == [{"name": "m"}]


@pytest.mark.requirement("machinery:apply-refusals")
class TestRefusals:
    @pytest.mark.parametrize(
        ("config", "message"),
        [
            ({**spec_of({}), "kind": "Other"}, "invalid object type: apply.test/v1, Kind=Other"),
            (named({}, {"managedFields": []}), "metadata.managedFields must be nil"),
        ],
    )
    def test_bad_requests(self, config: Object, message: str) -> None:
        with pytest.raises(statuses.BadRequest) as refused:
            applied(config)
        assert refused.value.message == message

    @pytest.mark.parametrize(
        ("spec", "fault"),
        [
            ({"unknown": 1}, ".spec.unknown: field not declared in schema"),
            ({"number": "a"}, ".spec.number: expected numeric (int or float), got string"),
            ({"text": 1}, ".spec.text: expected string, got &value.valueUnstructured{Value:1}"),
            ({"flag": "a"}, ".spec.flag: expected boolean, got &{a}"),
            ({"plain": {"a": 1}}, ".spec.plain: expected list, got &{map[a:1]}"),
            ({"struct": [1]}, ".spec.struct: expected map, got &{[1]}"),
            ({"set": ["a", "a"]}, '.spec.set: duplicate entries for key [="a"]'),
            (
                {"set": [None]},
                ".spec.set: element 0: associative list without keys has an element that's an explicit null",
            ),
            (
                {"named": [{"value": "a"}]},
                '.spec.named: element 0: associative list with keys has an element that omits all key fields ["name"] '
                "(and doesn't have default values for any key fields)",
            ),
        ],
    )
    def test_what_has_not_the_shape_of_the_schema(self, spec: Object, fault: str) -> None:
        with pytest.raises(statuses.InternalError) as refused:
            applied(spec_of(spec))
        assert refused.value.message == f"failed to create typed patch object (/x; {API_VERSION}, Kind=Shape): {fault}"


@pytest.mark.requirement("machinery:ownership-of-updates")
class TestUpdates:
    def test_a_list_that_the_client_resets(self) -> None:
        live = {**applied(spec_of({"text": "a"})), "status": {}}
        live["metadata"]["uid"] = "u"
        assert (
            "managedFields" not in MAIN.update(live, named({"text": "b"}, {"managedFields": []}), "u", TIME)["metadata"]
        )

    def test_an_object_without_owners_stays_so_until_it_is_applied(self) -> None:
        live = named({"text": "a"}, {"uid": "u"})
        assert "managedFields" not in MAIN.update(live, spec_of({"text": "b"}), "u", TIME)["metadata"]
        found = applied(spec_of({"text": "a"}), live=live)
        assert owned(found, "before-first-apply", "Update") == {("f:spec",), fieldsets.path("spec", "text")}

    def test_the_main_endpoint_never_owns_status_and_the_subresource_only_that(self) -> None:
        whole = {**spec_of({"text": "a"}), "status": {"phase": "a"}}
        assert owned(applied(whole), "a") == {fieldsets.path("spec", "text")}
        live = STATUS_ONLY.apply(applied(whole), whole, "s", TIME)
        assert owned(live, "s") == {fieldsets.path("status", "phase")}
        assert {each.get("subresource") for each in live["metadata"]["managedFields"]} == {None, "status"}

    def test_ever_new_updaters_are_merged(self) -> None:
        live = None
        for count in range(14):
            live = MAIN.update(
                live, spec_of({"free": {str(each): 1 for each in range(count + 1)}}), f"u{count:02}", TIME
            )
        assert live
        names = [each["manager"] for each in live["metadata"]["managedFields"]]
        assert len(names) == managedfields.MOST_UPDATERS
        assert names[0] == managedfields.ANCIENT
        assert ("f:spec", "f:free", "f:4") in owned(live, managedfields.ANCIENT, "Update")

    def test_owners_at_versions_that_are_gone_are_forgotten(self) -> None:
        old = FieldManager({"apply.test/v0": SHAPE}, "apply.test/v0", "Shape")
        live = old.apply(None, {**spec_of({"text": "a"}), "apiVersion": "apply.test/v0"}, "a", TIME)
        found = applied(spec_of({"text": "b"}), "b", {**live, "apiVersion": API_VERSION})
        assert owned(found, "a") == fieldsets.NONE

    @given(st.sampled_from(["kubectl/v1.36.3 (linux/amd64)", "x" * 200, "", "/x"]))
    def test_the_manager_is_named_after_the_program(self, agent: str) -> None:
        assert managedfields.manager_name("m", agent) == "m"
        assert managedfields.manager_name("", agent) == agent.split("/")[0][:128]

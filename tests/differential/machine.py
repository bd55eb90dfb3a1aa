"""The random operations as hypothesis' state machine: it keeps what was created, asks both sides about it, and makes a
sequence that fails as short as it can.

Shrinking needs a sequence to mean the same each time, so every one of them starts from nothing, with names that nobody
has met before.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from anyio.from_thread import BlockingPortal
from hypothesis import HealthCheck, Phase, assume, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule, run_state_machine_as_test

from tests.differential import asking, changing, kind, patching, removing
from tests.differential.comparing import Difference
from tests.differential.drawing import one_of
from tests.differential.operations import Operation, Target
from tests.differential.twins import Twins

STEPS = 40
FIRST: tuple[Target, ...] = (("diff-one", "a"), ("diff-one", "b"), ("diff-two", "a"), ("diff-one", "c.d"))
Tell = Callable[[list[Difference]], None]


class DifferenceError(AssertionError):
    """Both sides were asked the same and answered differently."""


def refuse(found: list[Difference]) -> None:
    raise DifferenceError("\n".join(map(str, found)))


anywhere = st.tuples(
    one_of((12, kind.NAMESPACES[0]), (6, kind.NAMESPACES[1]), (1, kind.MISSING_NAMESPACE)),
    one_of((10, "a"), (7, "b"), (4, "c.d"), (1, "Bad_Name"), (1, "never")),
)
_seldom = st.integers(0, 19).flatmap(
    lambda number: asking.watches() if number < 4 else removing.collections() if number < 12 else asking.oddities()
)


class Alike(RuleBasedStateMachine):
    """Subclassed with the twins to ask; see `run`."""

    twins: ClassVar[Twins]
    portal: ClassVar[BlockingPortal]
    tell: ClassVar[Tell]
    places: Bundle[Target] = Bundle("places")

    def ask(self, operation: Operation, place: Target) -> None:
        if found := self.portal.call(self.twins.do, operation.at(place)):
            type(self).tell(found)

    @initialize(target=places, made=st.tuples(*[changing.beginnings()] * len(FIRST)), any_other=st.integers(0, 1 << 16))
    def begin(self, made: tuple[Operation, ...], any_other: int) -> Any:
        assume(any_other)
        self.portal.call(self.twins.begin)
        for place, operation in zip(FIRST, made, strict=True):
            self.ask(operation, place)
        return multiple(*FIRST)

    @rule(target=places, place=anywhere, operation=changing.creates())
    def create(self, place: Target, operation: Operation) -> Target:
        self.ask(operation, place)
        return place

    @rule(place=places, operation=changing.beginnings())
    def create_again(self, place: Target, operation: Operation) -> None:
        self.ask(operation, place)

    @rule(place=places | anywhere, operation=asking.gets())
    def get(self, place: Target, operation: Operation) -> None:
        self.ask(operation, place)

    @rule(place=places | anywhere, operation=asking.lists())
    def list(self, place: Target, operation: Operation) -> None:
        self.ask(operation, place)

    @rule(place=places, operation=changing.updates())
    def update(self, place: Target, operation: Operation) -> None:
        self.ask(operation, place)

    @rule(place=places | anywhere, operation=changing.updates())
    def update_anywhere(self, place: Target, operation: Operation) -> None:
        self.ask(operation, place)

    @rule(place=places, operation=patching.merges())
    def merge_patch(self, place: Target, operation: Operation) -> None:
        self.ask(operation, place)

    @rule(place=places, operation=patching.operations())
    def json_patch(self, place: Target, operation: Operation) -> None:
        self.ask(operation, place)

    @rule(place=anywhere, operation=patching.merges() | patching.operations())
    def patch_anywhere(self, place: Target, operation: Operation) -> None:
        self.ask(operation, place)

    @rule(target=places, place=anywhere, operation=changing.applies())
    def apply(self, place: Target, operation: Operation) -> Target:
        self.ask(operation, place)
        return place

    @rule(place=places, operation=changing.applies())
    def apply_again(self, place: Target, operation: Operation) -> None:
        self.ask(operation, place)

    @rule(place=places | anywhere, operation=removing.deletes())
    def delete(self, place: Target, operation: Operation) -> None:
        self.ask(operation, place)

    @rule(place=places | anywhere, operation=_seldom)
    def seldom(self, place: Target, operation: Operation) -> None:
        self.ask(operation, place)


def run(
    portal: BlockingPortal, twins: Twins, sequences: int, *, start: int = 0, tell: Tell = refuse,
    phases: tuple[Phase, ...] = (Phase.generate, Phase.shrink), steps: int = STEPS,
) -> None:  # fmt: skip
    """So many sequences, of the seeds from `start` on. Raises what `tell` raises, for the shortest sequence.

    One seed for each, because hypothesis makes five of six sequences by repeating parts of the sixth, a waste here. For
    the same reason the simplest sequence, which it tries first with every seed, is not carried out: `any_other`.
    """
    machine = type("Alike", (Alike,), {"twins": twins, "portal": portal, "tell": staticmethod(tell)})
    once = settings(
        max_examples=1, stateful_step_count=steps, phases=phases, database=None, deadline=None, print_blob=False,
        suppress_health_check=[*HealthCheck], report_multiple_bugs=False,
    )  # fmt: skip
    for number in range(start, start + sequences):
        run_state_machine_as_test(seed(number)(machine), settings=once)

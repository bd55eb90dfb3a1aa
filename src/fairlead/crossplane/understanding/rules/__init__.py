"""What is known to go wrong with Crossplane's objects, by what it is about."""

from fairlead.crossplane.understanding.causes import Rule
from fairlead.crossplane.understanding.rules import (
    anything,
    calling,
    choosing,
    claiming,
    composing,
    idling,
    managing,
    packaging,
)

RULES: tuple[Rule, ...] = (
    *idling.RULES,
    *anything.RULES,
    *claiming.RULES,
    *choosing.RULES,
    *calling.RULES,
    *composing.RULES,
    *managing.RULES,
    *packaging.RULES,
)

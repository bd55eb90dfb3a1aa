"""What is known to go wrong with Crossplane's objects, by what it is about."""

from fairlead.crossplane.understanding.causes import Rule
from fairlead.crossplane.understanding.rules import anything, composing, idling, managing, packaging

RULES: tuple[Rule, ...] = (*idling.RULES, *anything.RULES, *composing.RULES, *managing.RULES, *packaging.RULES)

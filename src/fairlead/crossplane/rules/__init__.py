"""What is known to go wrong with Crossplane's objects, by what it is about."""

from fairlead.crossplane.causes import Rule
from fairlead.crossplane.rules import anything, composing, managing, packaging

RULES: tuple[Rule, ...] = (*anything.RULES, *composing.RULES, *managing.RULES, *packaging.RULES)

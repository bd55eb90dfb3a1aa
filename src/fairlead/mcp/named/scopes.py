"""What the scopes of a caller's token reach, by what a tool may do: reading ⊂ writing ⊂ administering.

Asked by the guard, which challenges for more, and by `policy.authorize`, which hides what is not reached. A server that
maps no scopes asks for none. One that maps some of the three asks, for a level that is not mapped, for what the level
below it needs, so that nothing is looser than what stands below it.
"""

from fairlead.mcp.callers import Caller
from fairlead.mcp.named.identities import OIDC, Identity
from fairlead.mcp.tools import ToolClass

_LEVELS = {ToolClass.READ: 0, ToolClass.WRITE: 1, ToolClass.DELETE: 2, ToolClass.EXEC: 2}
_ADMIN = 2


def reaches(identity: Identity, caller: Caller, tool_class: ToolClass) -> bool:
    """Always where callers are not told apart, or come by a way that knows no scopes."""
    return _reaches(identity, caller, _LEVELS[tool_class])


def approves(identity: Identity, caller: Caller) -> bool:
    """Whether the caller may approve what others have planned."""
    return _reaches(identity, caller, _ADMIN)


def needed(identity: Identity, tool_class: ToolClass = ToolClass.READ) -> tuple[str, ...]:
    """All scopes for a challenge, those of the levels below included: without reading, nothing can be called."""
    return tuple(each for each in _named(identity)[: _LEVELS[tool_class] + 1] if each)


def needed_to_approve(identity: Identity) -> tuple[str, ...]:
    return needed(identity, ToolClass.DELETE)


def _named(identity: Identity) -> tuple[str, str, str]:
    if not isinstance(identity, OIDC):
        return "", "", ""
    return identity.scopes.read, identity.scopes.write, identity.scopes.admin


def _reaches(identity: Identity, caller: Caller, level: int) -> bool:
    named = _named(identity)
    below = [each for each in range(level + 1) if named[each]]
    if caller.scopes is None or not below:
        return True
    return any(scope in caller.scopes for scope in named[below[-1] :] if scope)

"""Waiting that ends before its call has to.

`wait_seconds` may be longer than the server gives a call. Taken at its word, a change that went well would end as a
call without a result. So some of what is left of the call is kept for planning, and for telling how far it came.
"""

from collections.abc import Mapping
from typing import Any

from fairlead.mcp.calling import Call

_SHARE = 0.75


def within(call: Call, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    wanted = arguments.get("wait_seconds")
    return {**arguments, "wait_seconds": min(wanted, int(call.seconds_left() * _SHARE))} if wanted else arguments

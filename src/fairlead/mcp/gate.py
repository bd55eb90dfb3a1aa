"""The one place through which every listing and every call of a server goes.

In this order: does the server have the tool, may it be called, is there an allowance left, are the arguments right;
then the tool runs under its deadline, and what it says is cut and written down. A tool that is not allowed is as
unknown as one that does not exist, so that a list and what can be called are the same by construction.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fairlead.machinery import redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing, policy
from fairlead.mcp.auditing import Entry, ToolAudit
from fairlead.mcp.limiting import HourlyLimiter
from fairlead.mcp.servers import NamedServer
from fairlead.mcp.tools import Answer, CallContext, Tool, arguments

_MOST_CHARACTERS = 40_000
_log = logging.getLogger(__name__)


class UnknownToolError(FairleadError):
    """The server has no such tool, or not for this caller."""


@dataclass(frozen=True)
class Outcome:
    answer: Answer
    failed: bool = False


@dataclass
class Gate:
    server: NamedServer
    tools: Mapping[str, Tool]
    context: CallContext
    audit: ToolAudit = field(default_factory=ToolAudit)
    limiter: HourlyLimiter = field(default_factory=HourlyLimiter)
    clock: Callable[[], float] = time.monotonic

    def listed(self) -> list[Tool]:
        """In the order of their names, so that the list is the same bytes each time."""
        return [each for _, each in sorted(self.tools.items()) if policy.authorize(self.server, each).allowed]

    async def call(self, principal: str, name: str, given: Mapping[str, Any] | None) -> Outcome:
        """Raises `UnknownToolError`; every other failure is an outcome that its reader can act upon."""
        began, rule = self.clock(), "unknown"
        tool = self.tools.get(name)
        if tool is not None:
            decision = policy.authorize(self.server, tool)
            rule = decision.rule
            if decision.allowed:
                result, outcome = await self._run(principal, tool, given)
                self._record(principal, name, given, ("allow", rule, result), began, len(outcome.answer.text))
                return outcome
        self._record(principal, name, given, ("deny", rule, "denied"), began, 0)
        raise UnknownToolError(f"unknown tool: {fencing.plain(name)[:64]}", "", "list the tools of this server")

    async def _run(self, principal: str, tool: Tool, given: Mapping[str, Any] | None) -> tuple[str, Outcome]:
        wait = self.limiter.take((principal, self.server.name, tool.tool_class.value), self._allowance(tool))
        if wait:
            return "limited", _failure(
                f"too many {tool.tool_class.value} calls: the next is possible in {int(wait) + 1} s"
            )
        try:
            async with asyncio.timeout(self.server.timeout_seconds):
                answer = await tool.run(self.context, arguments(tool, given))
        except TimeoutError:
            seconds = self.server.timeout_seconds
            return "timeout", _failure(
                f"{tool.name} was not done within {seconds} s: nothing was changed; ask for less"
            )
        except FairleadError as error:
            return "error", _failure(str(error))
        except Exception:
            _log.exception("%s failed in a way that it should not", tool.name)
            return "error", _failure(f"{tool.name} failed inside: this is a fault of the server, see its log")
        return "ok", Outcome(
            Answer(fencing.capped(answer.text, _MOST_CHARACTERS, "narrow the request"), answer.structured)
        )

    def _allowance(self, tool: Tool) -> int:
        return int(getattr(self.server.limits, tool.tool_class.value))

    def _record(
        self,
        principal: str,
        name: str,
        given: Mapping[str, Any] | None,
        came: tuple[str, str, str],
        began: float,
        size: int,
    ) -> None:
        decision, rule, result = came
        entry = Entry(
            str(uuid.uuid4()),
            principal,
            self.server.name,
            fencing.plain(name)[:64],
            given or {},
            decision,
            rule,
            result,
            self.clock() - began,
            size,
        )
        self.audit.write(entry)


def _failure(text: str) -> Outcome:
    return Outcome(Answer(redacting.text(fencing.plain(text))), failed=True)

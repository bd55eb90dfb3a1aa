"""The one place through which everything that a server offers is listed and called.

In this order: does the server have it, may it be used, is there an allowance left, are the arguments right; then it
runs under its deadline, and what it says is cut and written down. A tool that is not allowed is as unknown as one that
does not exist, so that a list and what can be called are the same by construction. Prompts and resources come the same
way: they show what tools show.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fairlead.machinery import redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing, policy
from fairlead.mcp.addresses import match
from fairlead.mcp.auditing import Entry, ToolAudit
from fairlead.mcp.callers import Caller
from fairlead.mcp.contents import Document, Message, Prompt, Resource
from fairlead.mcp.conversing import CannotAskError, Conversation, Elicit, InputRequiredError, Nobody
from fairlead.mcp.limiting import HourlyLimiter
from fairlead.mcp.offering import Offer
from fairlead.mcp.servers import NamedServer
from fairlead.mcp.tools import Answer, Clusters, Plan, Tool, ToolClass, ToolError, arguments

_MOST_CHARACTERS = 40_000
_MOST_COMPLETIONS = 100
_YES = {
    "type": "object",
    "properties": {"confirm": {"type": "boolean", "description": "Do it."}},
    "required": ["confirm"],
}
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class UnknownError(FairleadError):
    """The server has no such tool, prompt or resource, or not for this caller."""


@dataclass(frozen=True)
class Outcome:
    answer: Answer
    failed: bool = False


@dataclass(frozen=True)
class Call:
    """What a tool, a prompt or a resource is given beside its arguments."""

    caller: Caller
    clusters: Clusters
    talk: Conversation
    reads_only: bool = True
    """Whether the connections of this server refuse everything but reads, dry runs included."""

    @property
    def names(self) -> list[str]:
        return self.clusters.names

    def target(self, name: str = "") -> Any:
        """Raises `ToolError` for a cluster that the server does not have."""
        return self.clusters.target(name, self.caller)


@dataclass
class Gate:
    server: NamedServer
    offer: Offer
    clusters: Clusters
    audit: ToolAudit = field(default_factory=ToolAudit)
    limiter: HourlyLimiter = field(default_factory=HourlyLimiter)
    clock: Callable[[], float] = time.monotonic

    def tools(self, caller: Caller) -> list[Tool]:
        """In the order of their names, so that the list is the same bytes each time."""
        ordered = (each for _, each in sorted(self.offer.tools.items()))
        return [each for each in ordered if policy.authorize(self.server, each, caller).allowed]

    def prompts(self) -> list[Prompt]:
        return [each for _, each in sorted(self.offer.prompts.items())]

    def resources(self) -> list[Resource]:
        return [each for _, each in sorted(self.offer.resources.items())]

    async def call(
        self, caller: Caller, name: str, given: Mapping[str, Any] | None, talk: Conversation | None = None
    ) -> Outcome:
        """Raises `UnknownError`, `InputRequiredError`, `CannotAskError`; any other failure is an outcome."""
        tool = self.offer.tools.get(name)
        decision = policy.authorize(self.server, tool, caller) if tool else policy.UNKNOWN
        if tool is None or not decision.allowed:
            self._denied(caller, name, given, decision.rule)
            raise UnknownError(f"unknown tool: {fencing.plain(name)[:64]}", "", "list the tools of this server")

        async def run(call: Call) -> Answer:
            wanted = arguments(tool, given)
            if tool.plan is None:
                return await tool.runs(call, wanted)
            return await _planned(tool, await tool.plan(call, wanted), call, dry=bool(wanted.get("dry_run")))

        use = _Use(caller, name, given or {}, tool.tool_class, decision.rule)
        try:
            answer = await self._guarded(use, run, talk, lambda said: len(said.text))
        except CannotAskError:
            raise
        except ToolError as error:
            return Outcome(Answer(str(error)), failed=True)
        text = fencing.capped(answer.text, _MOST_CHARACTERS, "narrow the request")
        return Outcome(Answer(text, answer.structured, answer.more))

    async def prompt(
        self, caller: Caller, name: str, given: Mapping[str, str] | None, talk: Conversation | None = None
    ) -> list[Message]:
        """Raises `UnknownError`, `ToolError`, `InputRequiredError`."""
        prompt, given = self.offer.prompts.get(name), given or {}
        if prompt is None:
            self._denied(caller, name, given, "unknown")
            raise UnknownError(f"unknown prompt: {fencing.plain(name)[:64]}", "", "list the prompts of this server")
        use = _Use(caller, name, given, ToolClass.READ, "default")
        return await self._guarded(use, lambda call: prompt.render(call, _filled(prompt, given)), talk, len)

    async def read(self, caller: Caller, uri: str, talk: Conversation | None = None) -> Document:
        """Raises `UnknownError`, `ToolError`, `InputRequiredError`."""
        for each in self.resources():
            parts = match(each.uri, uri)
            if parts is not None:
                use = _Use(caller, each.uri, parts, ToolClass.READ, "default")
                found = await self._guarded(use, _reading(each, parts), talk, lambda said: len(said.content))
                return Document(uri, found.media_type, found.content)
        self._denied(caller, uri, {}, "unknown")
        raise UnknownError("unknown resource", "", "list the resources of this server")

    async def complete(self, what: str, argument: str, typed: str) -> list[str]:
        """What an argument of a prompt, or a name in a resource's address, may become; empty where nobody knows."""
        complete = self.offer.complete.get(what)
        return (await complete(what, argument, typed))[:_MOST_COMPLETIONS] if complete else []

    async def _guarded(
        self,
        use: "_Use",
        run: Callable[[Call], Awaitable[_T]],
        talk: Conversation | None,
        size: Callable[[_T], int],
    ) -> _T:
        """Raises `ToolError` for whatever went wrong, and writes it down."""
        began, result, length = self.clock(), "error", 0
        try:
            self._take(use)
            async with asyncio.timeout(self.server.timeout_seconds):
                found = await run(Call(use.caller, self.clusters, talk or Nobody(), self.clusters.reads_only))
            result, length = "ok", size(found)
            return found
        except InputRequiredError:
            result = "asked"
            raise
        except CannotAskError:
            raise
        except _LimitedError as error:
            result = "limited"
            raise ToolError(str(error)) from error
        except TimeoutError as error:
            result, seconds = "timeout", self.server.timeout_seconds
            what = f"{use.name} was not done within {seconds} s: nothing was changed; ask for less"
            raise ToolError(what) from error
        except FairleadError as error:
            raise ToolError(redacting.text(fencing.plain(str(error)))) from error
        except Exception as error:
            _log.exception("%s failed in a way that it should not", use.name)
            raise ToolError(f"{use.name} failed inside: this is a fault of the server, see its log") from error
        finally:
            self._record(use, "allow", result, self.clock() - began, length)

    def _take(self, use: "_Use") -> None:
        counted = ToolClass.WRITE if use.tool_class is ToolClass.EXEC else use.tool_class
        allowance = int(getattr(self.server.limits, counted.value))
        wait = self.limiter.take((use.caller.key, self.server.name, counted.value), allowance)
        if wait:
            raise _LimitedError(f"too many {counted.value} calls: the next is possible in {int(wait) + 1} s")

    def _denied(self, caller: Caller, name: str, given: Mapping[str, Any] | None, rule: str) -> None:
        self._record(_Use(caller, name, given or {}, ToolClass.READ, rule), "deny", "denied", 0.0, 0)

    def _record(self, use: "_Use", decision: str, result: str, seconds: float, size: int) -> None:
        entry = Entry(
            request_id=str(uuid.uuid4()),
            principal=use.caller.key,
            server=self.server.name,
            tool=redacting.text(fencing.plain(use.name))[:128],
            arguments=use.given,
            decision=decision,
            rule=use.rule,
            result=result,
            seconds=seconds,
            size=size,
        )
        self.audit.write(entry)


@dataclass(frozen=True)
class _Use:
    caller: Caller
    name: str
    given: Mapping[str, Any]
    tool_class: ToolClass
    rule: str


class _LimitedError(FairleadError):
    """The hour's allowance is used up."""


async def _planned(tool: Tool, plan: Plan, call: Call, *, dry: bool) -> Answer:
    """Raises `CannotAskError` and `InputRequiredError` where somebody has to say yes and has not yet."""
    shown = f"{plan.summary}\n{plan.diff}".rstrip()
    if dry:
        return Answer(f"dry run, nothing was changed: {shown}")
    if plan.removes or tool.tool_class in (ToolClass.DELETE, ToolClass.EXEC):
        key = f"confirm-{plan.digest}"
        said = (await call.talk.ask({key: Elicit(shown, _YES)}))[key]
        if said.get("action") != "accept" or not (said.get("content") or {}).get("confirm"):
            raise ToolError(f"not confirmed, nothing was changed: {plan.summary}")
    return await plan.carry_out()


def _reading(resource: Resource, parts: Mapping[str, str]) -> Callable[[Call], Awaitable[Document]]:
    return lambda call: resource.read(call, parts)


def _filled(prompt: Prompt, given: Mapping[str, str]) -> dict[str, str]:
    missing = [each.name for each in prompt.arguments if each.required and not given.get(each.name)]
    if missing:
        raise ToolError(f"{prompt.name} needs {', '.join(missing)}")
    known = {each.name for each in prompt.arguments}
    return {key: value for key, value in given.items() if key in known}

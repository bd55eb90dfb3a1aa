"""The one place through which everything that a server offers is listed and called.

In this order: does the server have it, may it be used, is there an allowance left, are the arguments right; then it
runs under its deadline, and what it says is cut and written down. A tool that is not allowed is as unknown as one that
does not exist, so that a list and what can be called are the same by construction. Prompts and resources come the same
way: they show what tools show. What holds around each call is `conducting`, what changes something goes on in
`confirming`.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from fairlead.machinery import encoding
from fairlead.mcp import fencing
from fairlead.mcp.addresses import match
from fairlead.mcp.callers import Caller
from fairlead.mcp.calling import Call as Call
from fairlead.mcp.calling import LinesError, Outcome, Use
from fairlead.mcp.calling import UnknownError as UnknownError
from fairlead.mcp.contents import Document, Message, Prompt, Resource
from fairlead.mcp.conversing import CannotAskError, Conversation
from fairlead.mcp.deciding import pointing, policy
from fairlead.mcp.deciding.auditing import ToolAudit
from fairlead.mcp.deciding.conducting import Conduct
from fairlead.mcp.deciding.confirming import CONFIRM, Confirming
from fairlead.mcp.deciding.sharing import Shared
from fairlead.mcp.named.offering import Offer
from fairlead.mcp.named.servers import NamedServer
from fairlead.mcp.tools import Answer, Clusters, Tool, ToolClass, ToolError, arguments

_MOST_CHARACTERS = 40_000
_MOST_STRUCTURED = 400_000
_MOST_COMPLETIONS = 100


@dataclass
class Gate:
    server: NamedServer
    offer: Offer
    clusters: Clusters
    audit: ToolAudit = field(default_factory=ToolAudit)
    shared: Shared = field(default_factory=Shared)
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._conduct = Conduct(self.server, self.clusters, self.audit, self.shared, self.clock)
        self.confirming = Confirming(self._conduct, by_handle=policy.confirms_by_handle(self.server, CONFIRM))

    @property
    def gate(self) -> Self:
        """Itself, where one that may be exchanged is asked for."""
        return self

    def tools(self, caller: Caller) -> list[Tool]:
        """In the order of their names, so that the list is the same bytes each time."""
        allowed = [each for each in self.offer.tools.values() if policy.authorize(self.server, each, caller).allowed]
        if self.confirming.by_handle and any(each.tool_class is not ToolClass.READ for each in allowed):
            allowed.append(CONFIRM)
        return sorted(allowed, key=lambda each: each.name)

    def tool(self, caller: Caller, name: str) -> Tool | None:
        """None for one that is not there, or not for them."""
        if name == CONFIRM.name:
            return next((each for each in self.tools(caller) if each is CONFIRM), None)
        found = self.offer.tools.get(name)
        return found if found is not None and policy.authorize(self.server, found, caller).allowed else None

    def prompts(self) -> list[Prompt]:
        return [each for _, each in sorted(self.offer.prompts.items())]

    def resources(self) -> list[Resource]:
        return [each for _, each in sorted(self.offer.resources.items())]

    async def call(
        self, caller: Caller, name: str, given: Mapping[str, Any] | None, talk: Conversation | None = None
    ) -> Outcome:
        """Raises `UnknownError`, `InputRequiredError`, `CannotAskError`; any other failure is an outcome."""
        tool = self.tool(caller, name)
        if tool is None:
            raise self._denied(caller, "tool", name, given)
        counted = ToolClass.READ if tool is CONFIRM else tool.tool_class  # the plan that it redeems was counted
        use = Use(caller, name, given or {}, tool.tool_class, self._rule(name, caller), counted)
        try:
            answer = await self._conduct.of(use, self._run(tool, given, use), talk, lambda said: len(said.text))
        except CannotAskError:
            raise
        except ToolError as error:
            said = error.text if isinstance(error, LinesError) else str(error)
            return Outcome(Answer(pointing.possible(said, self._offers(caller))), failed=True)
        return _bounded(replace(answer, text=pointing.possible(answer.text, self._offers(caller))))

    def _offers(self, caller: Caller) -> Callable[[str], bool]:
        return lambda name: self.tool(caller, name) is not None

    def _run(self, tool: Tool, given: Mapping[str, Any] | None, use: Use) -> Callable[[Call], Awaitable[Answer]]:
        async def run(call: Call) -> Answer:
            wanted = arguments(tool, given)
            call = replace(call, offers=self._offers(use.caller))
            if tool is CONFIRM:
                return await self.confirming.redeem(wanted, call, use, lambda name: self.tool(use.caller, name))
            if tool.plan is not None:
                return await self.confirming.change(tool, tool.plan, wanted, call, use)
            return await tool.runs(call, wanted)

        return run

    async def prompt(
        self, caller: Caller, name: str, given: Mapping[str, str] | None, talk: Conversation | None = None
    ) -> list[Message]:
        """Raises `UnknownError`, `ToolError`, `InputRequiredError`."""
        prompt, given = self.offer.prompts.get(name), given or {}
        if prompt is None:
            raise self._denied(caller, "prompt", name, given)
        use = Use(caller, name, given, ToolClass.READ, "default", ToolClass.READ)
        return await self._conduct.of(use, lambda call: prompt.render(call, _filled(prompt, given)), talk, len)

    async def read(self, caller: Caller, uri: str, talk: Conversation | None = None) -> Document:
        """Raises `UnknownError`, `ToolError`, `InputRequiredError`."""
        for each in self.resources():
            parts = match(each.uri, uri)
            if parts is not None:
                use = Use(caller, each.uri, parts, ToolClass.READ, "default", ToolClass.READ)
                found = await self._conduct.of(use, _reading(each, parts), talk, lambda said: len(said.content))
                return Document(uri, found.media_type, found.content)
        raise self._denied(caller, "resource", uri, {})

    async def complete(self, what: str, argument: str, typed: str) -> list[str]:
        """What an argument of a prompt, or a name in a resource's address, may become; empty where nobody knows."""
        complete = self.offer.complete.get(what)
        return (await complete(what, argument, typed))[:_MOST_COMPLETIONS] if complete else []

    def _rule(self, name: str, caller: Caller) -> str:
        if name == CONFIRM.name:
            return "confirmation"
        tool = self.offer.tools.get(name)
        return policy.authorize(self.server, tool, caller).rule if tool else policy.UNKNOWN.rule

    def _denied(self, caller: Caller, what: str, name: str, given: Mapping[str, Any] | None) -> UnknownError:
        """Written down; what the caller hears does not tell what is not there from what is not theirs."""
        rule = self._rule(name, caller) if what == "tool" else policy.UNKNOWN.rule
        use = Use(caller, name, given or {}, ToolClass.READ, rule, ToolClass.READ, result="denied")
        self._conduct.record(use, "result", "deny")
        shown = "" if what == "resource" else f": {fencing.plain(name)[:64]}"
        return UnknownError(f"unknown {what}{shown}", "", f"list the {what}s of this server")


def _bounded(answer: Answer) -> Outcome:
    """A text can be cut; what a program reads is whole or not there at all."""
    text = fencing.capped(answer.text, _MOST_CHARACTERS, "narrow the request")
    if answer.structured is not None and len(encoding.to_json(answer.structured)) > _MOST_STRUCTURED:
        return Outcome(Answer(f"this is too much for a program: narrow the request\n{text}", None, answer.more), True)
    return Outcome(Answer(text, answer.structured, answer.more))


def _reading(resource: Resource, parts: Mapping[str, str]) -> Callable[[Call], Awaitable[Document]]:
    return lambda call: resource.read(call, parts)


def _filled(prompt: Prompt, given: Mapping[str, str]) -> dict[str, str]:
    missing = [each.name for each in prompt.arguments if each.required and not given.get(each.name)]
    if missing:
        raise ToolError(f"{prompt.name} needs {', '.join(missing)}")
    known = {each.name for each in prompt.arguments}
    return {key: value for key, value in given.items() if key in known}

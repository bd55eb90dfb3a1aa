"""Changes: planned, shown, agreed to where something is removed, written down, and only then carried out.

Whoever has to agree is asked where the client can ask a person. Where it cannot, the answer is the plan and a handle,
and nothing has been done; `changes_confirm` redeems it. That is a tool of its own, marked destructive, whose arguments
repeat the plan, so that the dialogue in which a client asks for permission shows what is about to happen. On servers in
production mode a model's word is not enough: a person approves the plan first, at a terminal (`approving`).

A yes is for one plan: it is made anew before it is carried out, and one with another digest is asked for anew. It is
also for one time. The peer's answer to a client that cannot ask is to allow (reference/mcp-and-gateways.md §0, 8); here
nothing is done unless somebody has agreed.

Source: issue MCP serving, 5; reference/mcp-and-gateways.md §5.2 (Destructive calls).
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.machinery import redacting
from fairlead.mcp import fencing
from fairlead.mcp.callers import Caller
from fairlead.mcp.calling import Call, NotDoneError, Stage, Use
from fairlead.mcp.conversing import CannotAskError, Elicit
from fairlead.mcp.deciding.conducting import Conduct
from fairlead.mcp.deciding.handles import Handles, Pending
from fairlead.mcp.tools import Answer, Parameter, Plan, Planning, Tool, ToolClass, ToolError, arguments

_LONGEST = 8_000
_YES = {
    "type": "object",
    "properties": {"confirm": {"type": "boolean", "description": "Do it."}},
    "required": ["confirm"],
}


async def _elsewhere(call: Any, given: Mapping[str, Any]) -> Plan:
    raise ToolError("a handle is redeemed by the server that gave it")


CONFIRM = Tool(
    "changes_confirm",
    "Confirm a change",
    "Carry out, once, a change that another tool has planned. Ask the user first.",
    None,
    (
        Parameter("handle", "From that tool's answer.", required=True),
        Parameter("plan", "Its plan, word for word.", required=True),
    ),
    ToolClass.DELETE,
    idempotent=False,
    open_world=False,
    plan=_elsewhere,
)


@dataclass
class Confirming:
    conduct: Conduct
    by_handle: bool = True
    """Whether `changes_confirm` may be called on this server."""

    def __post_init__(self) -> None:
        shared = self.conduct.shared
        self.handles = Handles(self.conduct.server.name, shared.store, shared.seals)

    async def change(self, tool: Tool, planning: Planning, wanted: Mapping[str, Any], call: Call, use: Use) -> Answer:
        """Raises `ToolError` with a handle, `InputRequiredError`, `CannotAskError` where somebody has to say yes."""
        use.dry_run = bool(wanted.get("dry_run"))
        plan = await planning(call, wanted)
        if redacting.marked(dict(wanted)):
            what = "an argument holds what was shown in the place of a secret"
            raise ToolError(what, "nothing was changed", "leave it out, or give the secret itself")
        if use.dry_run:
            return Answer(f"dry run, nothing was changed: {_told(plan)}")
        if plan.removes or tool.tool_class in (ToolClass.DELETE, ToolClass.EXEC):
            await self._agreed(plan, call, use)
            plan = await self._as_agreed(plan, await planning(call, wanted), use)
        return await self._carried_out(plan, use)

    async def _as_agreed(self, plan: Plan, again: Plan, use: Use) -> Plan:
        """A person may take minutes for a yes, which is about what was shown and nothing more."""
        if again.digest != plan.digest:
            use.result = "changed"
            said = "what it is about has changed meanwhile: nothing was done; call the tool again to do it as it is now"
            raise NotDoneError(f"{said}\n{_told(again)}")
        return again

    async def redeem(
        self, wanted: Mapping[str, Any], call: Call, use: Use, allowed: Callable[[str], Tool | None]
    ) -> Answer:
        """What the handle stands for; `allowed` says which tool the caller may still use by that name."""
        pending = await self.handles.find(wanted["handle"])
        tool = allowed(pending.tool) if pending is not None else None
        if pending is None or pending.principal != use.caller.key or tool is None or tool.plan is None:
            raise _no_such_handle()
        if self.conduct.server.production and not pending.approved_by:
            use.result = "unapproved"
            raise ToolError(f"nobody has approved it yet: a person has to run `fairlead mcp approve {pending.id}`")
        if " ".join(wanted["plan"].split()) != pending.summary:
            raise ToolError(f"this handle is for another plan: {pending.summary}")
        if not await self.handles.take(pending):
            raise _no_such_handle()
        use.name, use.tool_class, use.given, use.confirm_id = tool.name, tool.tool_class, pending.arguments, pending.id
        plan = await tool.plan(call, arguments(tool, pending.arguments))
        if plan.digest != pending.digest:
            raise await self._offered(plan, use, "what it is about has changed since; ")
        return await self._carried_out(plan, use)

    async def decide(self, approver: Caller, plan_id: str, *, yes: bool) -> Pending:
        """A person's word on an open plan, written down first. Raises `ToolError` where there is none, or no log."""
        plan = await self.handles.by_id(plan_id)
        if plan is None:
            raise ToolError("there is no such plan any more", "it was done, refused, or has expired", "list them anew")
        use = Use(approver, plan.tool, plan.arguments, ToolClass.DELETE, "approval", ToolClass.READ)
        use.confirm_id, use.result = plan.id, "approved" if yes else "refused"
        if not self.conduct.record(use, "result"):
            raise ToolError("not approved: the audit log cannot be written", "", "tell the operator")
        if yes:
            await self.handles.approve(plan, approver.name or approver.key)
        else:
            await self.handles.take(plan)
        return plan

    async def _agreed(self, plan: Plan, call: Call, use: Use) -> None:
        talk = call.talk
        key = f"confirm-{hashlib.sha256(plan.digest.encode()).hexdigest()[:16]}-{talk.round}"
        try:
            said = (await talk.ask({key: Elicit(_shown(plan), _YES)}))[key]
        except CannotAskError as error:
            if not self.by_handle:
                raise
            raise await self._offered(plan, use) from error
        if said.get("action") != "accept" or (said.get("content") or {}).get("confirm") is not True:
            use.result = "declined"
            raise ToolError(f"not confirmed, nothing was changed: {plan.summary}")
        if not await self.handles.first(talk.round):
            raise ToolError("this was confirmed once and for one call only: call the tool again")
        use.confirm_id = talk.round

    async def _offered(self, plan: Plan, use: Use, why: str = "") -> NotDoneError:
        """As an error, because nothing was done, and a program that reads no text must not think otherwise."""
        by_person = self.conduct.server.production
        handle, kept = await self.handles.offer(
            Pending(
                principal=use.caller.key,
                who=use.caller.name or use.caller.key,
                server=self.conduct.server.name,
                tool=use.name,
                arguments=dict(use.given),
                digest=plan.digest,
                summary=" ".join(plan.summary.split()),
                diff=plan.diff,
                by_person=by_person,
            )
        )
        use.result, use.confirm_id = "planned", kept.id
        first = f"a person has to approve it, by `fairlead mcp approve {kept.id}`; then" if by_person else "to do it,"
        return NotDoneError(
            f"not done yet: {why}this has to be confirmed\n{_told(plan)}\n{first} call {CONFIRM.name} with "
            f"handle={handle} plan={kept.summary}\nOnce, within {kept.seconds / 60:.0f} minutes."
        )

    async def _carried_out(self, plan: Plan, use: Use) -> Answer:
        if not self.conduct.record(use, "intent"):
            raise ToolError("not done: the audit log cannot be written", "nothing was changed", "tell the operator")
        use.stage = Stage.SENT
        return await plan.carry_out()


def _shown(plan: Plan) -> str:
    text = redacting.text(fencing.plain(f"{plan.summary}\n{plan.diff}"))
    return fencing.capped(text.rstrip(), _LONGEST, "read it by a dry run")


def _told(plan: Plan) -> str:
    """To a model, for whom the lines of a diff are data: others have written what stands there."""
    first, _, rest = _shown(plan).partition("\n")
    return f"{first}\n{fencing.fenced(rest, 'what would change')}" if rest else first


def _no_such_handle() -> ToolError:
    """One answer for all of these, so that it tells nobody of others' plans."""
    what = "there is no such plan of yours: handles are good once and for a few minutes"
    return ToolError(what, "nothing was changed", "call the tool that planned it again")

"""`fairlead mcp approve`: a person at a terminal says yes or no to what an agent has planned."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fairlead.mcp.deciding.approvers import Approver, Waiting


def approve(
    plan: Annotated[str, typer.Argument(metavar="[ID]", help="Which plan (default: list what waits).")] = "",
    url: Annotated[str, typer.Option(help="Address of the server, as clients have it.")] = "",
    token_file: Annotated[Path | None, typer.Option(help="Holds a token with the scope that administers.")] = None,
    certificate_authority: Annotated[Path | None, typer.Option(help="Of the server's certificate.")] = None,
    socket: Annotated[Path | None, typer.Option(help="Of a server on a pipe (default: the only one).")] = None,
    refuse: Annotated[bool, typer.Option("--refuse", help="Say no.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask again.")] = False,
) -> None:
    """Approve a change that an agent has planned on a server in production mode."""
    from fairlead.serving import loops

    approver = _approver(url, token_file, certificate_authority, socket)
    if not plan:
        loops.run(_list(approver))
    elif not loops.run(_decide(approver, plan, refuse=refuse, yes=yes)):
        raise typer.Exit(1)


def _approver(url: str, token_file: Path | None, authority: Path | None, socket: Path | None) -> "Approver":
    from fairlead.mcp.deciding import approvers
    from fairlead.mcp.deciding.approving import ApprovalError

    if url and socket:
        raise ApprovalError("there are two servers to ask", "", "give either --url or --socket")
    if url:
        return approvers.ByAddress(url, token_file, authority)
    found = [socket] if socket else approvers.sockets()
    if len(found) != 1:
        why = f"there are: {', '.join(map(str, found))}" if found else "no server of yours runs on a pipe"
        raise ApprovalError("which server is not said", why, "give --url or --socket")
    return approvers.BySocket(found[0])


async def _list(approver: "Approver") -> None:
    from fairlead.mcp.deciding import approvers

    found = await approvers.waiting(approver)
    for each in found:
        typer.echo(f"{each.id}  {each.plan}  ({each.who}, {each.tool} on {each.server}, {each.seconds} s left)")
    if not found:
        typer.echo("nothing waits for approval")


async def _decide(approver: "Approver", plan: str, *, refuse: bool, yes: bool) -> bool:
    """Whether it was approved, or refused as asked for."""
    from fairlead.mcp.deciding import approvers
    from fairlead.mcp.deciding.approving import ApprovalError

    found = {each.id: each for each in await approvers.waiting(approver)}
    if plan not in found:
        raise ApprovalError("no such plan waits", "it was approved, refused, or has expired", "list them without an ID")
    waiting = found[plan]
    _show(waiting)
    agreed = not refuse and (yes or typer.confirm("Approve it?", default=False))
    if not agreed and not refuse and not typer.confirm("Refuse it for good?", default=False):
        typer.echo("left as it is")
        return False
    await approvers.decide(approver, waiting, yes=agreed)
    typer.echo("approved: the agent may carry it out once" if agreed else "refused")
    return agreed or refuse


def _show(plan: "Waiting") -> None:
    typer.echo(f"{plan.who} on {plan.server}, by {plan.tool}, {plan.seconds} s left:\n{plan.plan}")
    for line in plan.diff.splitlines():
        colour = {"+": "green", "-": "red"}.get(line[:1])
        typer.secho(line, fg=colour)

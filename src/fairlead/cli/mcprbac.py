"""`fairlead mcp rbac`: what a server has to be allowed in its cluster."""

from typing import TYPE_CHECKING, Annotated

import typer

from fairlead.cli.mcpserve import Servers
from fairlead.machinery.errors import FairleadError

if TYPE_CHECKING:
    from fairlead.mcp.named.servers import NamedServer

_UNTIL = "# Of the kinds that are served now: print and apply it anew when platform APIs or providers have come."


class AccountError(FairleadError):
    """What is given names no service account."""


def rbac(
    server: Annotated[str, typer.Argument(metavar="SERVER", help="Its name.")],
    service_account: Annotated[
        str, typer.Option(metavar="NAMESPACE/NAME", help="Bind the role to this one as well.")
    ] = "",
    servers: Servers = None,
) -> None:
    """Print the ClusterRole that a server's tools need in its cluster: no wildcards, no Secrets.

    Which kinds are served is asked of the cluster, with the credentials of the server's file; nothing is changed.
    The role names the kinds of today: print and apply it anew when platform APIs or providers have come.
    """
    from fairlead.mcp.operating.sources import Source
    from fairlead.serving import loops

    namespace, _, account = service_account.partition("/")
    if service_account and not (namespace and account):
        raise AccountError(f"{service_account!r} names no service account", "", "write NAMESPACE/NAME")
    source = Source(servers, server)
    loops.run(_rbac(source.one(source.read()), namespace, account))


async def _rbac(one: "NamedServer", namespace: str, account: str) -> None:
    from fairlead.machinery import encoding
    from fairlead.mcp.callers import TERMINAL
    from fairlead.mcp.named import catalog, rbac
    from fairlead.mcp.operating import running

    async with running.opened({one.name: one}, TERMINAL) as held:
        gate = held[one.name].gate
        kinds = await gate.clusters.target("", TERMINAL).kinds()
        available = catalog.toolsets()
        entries = {each: catalog.chosen([each], available) for each in one.catalog}
        made = rbac.role(one.name, entries, gate.tools(TERMINAL), kinds)
    documents = [made, *([rbac.binding(made, namespace, account)] if account else [])]
    typer.echo(_UNTIL)
    typer.echo("---\n".join(map(encoding.to_yaml, documents)).rstrip())

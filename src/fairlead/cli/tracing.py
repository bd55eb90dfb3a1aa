"""`fairlead trace`: what an object of Crossplane's is made of, as a tree."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fairlead.machinery.errors import FairleadError

if TYPE_CHECKING:
    from fairlead.crossplane.tracing import Trace
    from fairlead.resources.reading import Reader

Kubeconfig = Annotated[
    Path | None, typer.Option(help="Kubeconfig of the cluster (default: $KUBECONFIG, then ~/.kube/config).")
]
Context = Annotated[str, typer.Option(help="A context of that kubeconfig, instead of the current one.")]
Output = Annotated[Literal["tree", "wide", "json", "yaml"], typer.Option("--output", "-o", help="What to print.")]

STYLES = {
    "healthy": "green",
    "progressing": "yellow",
    "unhealthy": "red",
    "unknown": "red",
    "paused": "cyan",
    "deleting": "magenta",
}
SECONDS = 2.0


class WhatError(FairleadError):
    """It is not said what to look at."""


def trace(
    what: Annotated[
        str, typer.Argument(metavar="KIND[/NAME]", help="E.g. database/orders, xrd, provider.pkg.crossplane.io.")
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Where it is not given with the kind.")] = "",
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Its namespace (default: the context's).")] = "",
    kubeconfig: Kubeconfig = None,
    context: Context = "",
    output: Output = "tree",
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Print it again whenever it changes.")] = False,
    depth: Annotated[int, typer.Option(min=1, max=50, help="Levels below the object.")] = 10,
    secrets: Annotated[bool, typer.Option("--secrets", help="Show connection secrets by name.")] = False,
) -> None:
    """Show a claim, a composite or a package with all that it is made of, and how each part is."""
    from fairlead.serving import loops

    kind, _, given = what.partition("/")
    if bool(given) == bool(name):
        raise WhatError(f"{what} {name}".strip() + " names no object", "", "say KIND/NAME, or KIND NAME")
    asked = _Asked(kind, given or name, namespace, depth, secrets)
    loops.run(_watch(asked, kubeconfig, context, output) if watch else _once(asked, kubeconfig, context, output))


class _Asked:
    def __init__(self, kind: str, name: str, namespace: str, depth: int, secrets: bool) -> None:
        self._kind = kind
        self._name = name
        self._namespace = namespace
        self._depth = depth
        self._secrets = secrets

    async def of(self, reader: "Reader", default: str) -> "Trace":
        from fairlead.crossplane import tracing

        kind = await reader.kind(self._kind)
        namespace = (self._namespace or default) if kind.resource.namespaced else ""
        limits = tracing.Limits(depth=self._depth)
        return await tracing.trace(reader, kind, self._name, namespace, limits=limits, secrets=self._secrets)


async def _once(asked: _Asked, kubeconfig: Path | None, context: str, output: str) -> None:
    from fairlead.client.api import Client
    from fairlead.resources.reading import Reader

    async with Client.from_kubeconfig(kubeconfig, context or None) as client:
        _show(await asked.of(Reader(client), client.connection.settings.namespace), output)


async def _watch(asked: _Asked, kubeconfig: Path | None, context: str, output: str) -> None:
    """Read again each two seconds: a tree spans kinds of which each would take a watch of its own."""
    from fairlead.client.api import Client
    from fairlead.crossplane import reporting
    from fairlead.resources.reading import Reader

    before = None
    async with Client.from_kubeconfig(kubeconfig, context or None) as client:
        reader = Reader(client)
        while True:
            found = await asked.of(reader, client.connection.settings.namespace)
            if (now := reporting.document(found)) != before:
                if before is not None:
                    typer.echo("")
                _show(found, output)
                before = now
            await asyncio.sleep(SECONDS)


def _show(found: "Trace", output: str) -> None:
    from fairlead.crossplane import reporting
    from fairlead.machinery import encoding

    if output in ("json", "yaml"):
        document = reporting.document(found)
        typer.echo(json.dumps(document, indent=2) if output == "json" else encoding.to_yaml(document).rstrip())
        return
    rows = reporting.rows(found, wide=output == "wide")
    cells = [reporting.columns(found), *(each for _, each in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(cells[0]))]
    states = ["", *(node.health.state.value for node, _ in rows)]
    for line, state in zip(cells, states, strict=True):
        text = "   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        typer.secho(text, fg=STYLES.get(state))

"""`fairlead trace`, `diagnose`, `unhealthy` and `explain-deletion`: what a control plane holds, and what ails it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError

if TYPE_CHECKING:
    from fairlead.crossplane.tracing import Trace
    from fairlead.resources.kinds import Kind
    from fairlead.resources.reading import Reader

_KUBECONFIG = "Kubeconfig of the cluster (default: $KUBECONFIG, then ~/.kube/config)."
What = Annotated[str, typer.Argument(metavar="KIND[/NAME]", help="E.g. database/orders, xrd/xdatabases.example.org.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Where it is not given with the kind.")]
Namespace = Annotated[str, typer.Option("--namespace", "-n", help="Its namespace (default: the context's).")]
Kubeconfig = Annotated[Path | None, typer.Option(help=_KUBECONFIG)]
Context = Annotated[str, typer.Option(help="A context of that kubeconfig, instead of the current one.")]
Tree = Annotated[Literal["tree", "wide", "json", "yaml"], typer.Option("--output", "-o", help="What to print.")]
Output = Annotated[Literal["text", "json", "yaml"], typer.Option("--output", "-o", help="What to print.")]

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
    what: What,
    name: Annotated[str, typer.Argument(metavar="NAME", help="All of the kind where none is given.")] = "",
    namespace: Namespace = "",
    kubeconfig: Kubeconfig = None,
    context: Context = "",
    output: Tree = "tree",
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Print it again whenever it changes.")] = False,
    depth: Annotated[int, typer.Option(min=1, max=50, help="Levels below the object.")] = 10,
    secrets: Annotated[bool, typer.Option("--secrets", help="Show connection secrets by name.")] = False,
) -> None:
    """Show a claim, a composite or a package with all that it is made of, and how each part is."""
    from fairlead.serving import loops

    asked = _Asked(what, name, namespace, kubeconfig, context, is_one=False)
    loops.run(_traced(asked, output, depth, secrets, watch))


def diagnose(
    what: What,
    name: Name = "",
    namespace: Namespace = "",
    kubeconfig: Kubeconfig = None,
    context: Context = "",
    output: Output = "text",
) -> None:
    """Say why an object of Crossplane's is not well, the likeliest cause first. Exits with 1 where there is a cause."""
    from fairlead.serving import loops

    if not loops.run(_diagnosed(_Asked(what, name, namespace, kubeconfig, context), output)):
        raise typer.Exit(1)


def unhealthy(
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Only in this namespace.")] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="packages, xrds, composites, claims, managed or operations; all by default, may be repeated."
        ),
    ] = None,
    kubeconfig: Kubeconfig = None,
    context: Context = "",
    output: Output = "text",
) -> None:
    """List all that is not well, grouped by cause. Exits with 1 where there is something, or nothing could be read."""
    from fairlead.serving import loops

    if not loops.run(_surveyed(namespace, scope or [], kubeconfig, context, output)):
        raise typer.Exit(1)


def explain_deletion(
    what: What,
    name: Name = "",
    namespace: Namespace = "",
    kubeconfig: Kubeconfig = None,
    context: Context = "",
    output: Output = "text",
) -> None:
    """Say what a deletion would take with it, or what one that has begun waits for. Deletes nothing."""
    from fairlead.serving import loops

    loops.run(_explained(_Asked(what, name, namespace, kubeconfig, context), output))


def validate(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Manifests in YAML or JSON; - is standard input.")
    ],
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="For manifests that name none.")] = "",
    offline: Annotated[bool, typer.Option("--offline", help="By the published schemas, without a dry run.")] = False,
    kubeconfig: Kubeconfig = None,
    context: Context = "",
    output: Output = "text",
) -> None:
    """Say whether manifests are valid, and whether what they lean on is there. Exits with 1 where one is not valid."""
    from fairlead.serving import loops

    text = "\n---\n".join(map(_content, files))
    if not loops.run(_validated(text, namespace, not offline, kubeconfig, context, output)):
        raise typer.Exit(1)


def _content(path: Path) -> str:
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WhatError(f"{path} cannot be read", getattr(error, "strerror", None) or str(error)) from error


async def _validated(
    text: str, namespace: str, tries: bool, kubeconfig: Path | None, context: str, output: str
) -> bool:
    from fairlead.crossplane.defining import validating
    from fairlead.resources import manifests

    wanted = manifests.read(text)
    async with _reader(kubeconfig, context) as reader:
        inside = namespace or reader.client.connection.settings.namespace
        found = await validating.validate(reader, wanted, inside, tries=tries)
    _print(validating.lines(found), validating.document(found), output)
    return all(each.status != validating.INVALID for each in found)


class _Asked:
    """Which object of which cluster a command line names, or which kind unless `is_one`. Raises `WhatError`."""

    def __init__(
        self, what: str, name: str, namespace: str, kubeconfig: Path | None, context: str, *, is_one: bool = True
    ) -> None:
        self.kind, slash, given = what.partition("/")
        if (slash and bool(given) == bool(name)) or (is_one and not (given or name)):
            raise WhatError(f"{what} {name}".strip() + " names no object", "", "say KIND/NAME, or KIND NAME")
        self.name = given or name
        self._namespace = namespace
        self._where = kubeconfig, context

    @asynccontextmanager
    async def found(self) -> "AsyncIterator[tuple[Reader, Kind, str]]":
        async with _reader(*self._where) as reader:
            kind = await reader.kind(self.kind)
            inside = self._namespace or reader.client.connection.settings.namespace
            yield reader, kind, inside if kind.resource.namespaced else ""


@asynccontextmanager
async def _reader(kubeconfig: Path | None, context: str) -> "AsyncIterator[Reader]":
    from fairlead.client.api import Client
    from fairlead.resources.reading import Reader

    async with Client.from_kubeconfig(kubeconfig, context or None) as client:
        try:
            yield Reader(client)
        except statuses.Unauthorized as error:
            what = f"{client.connection.where} does not know you"
            remedy = "sign in anew, as its token may have expired, or name another --context"
            raise WhatError(what, str(error), remedy) from error


async def _traced(asked: _Asked, output: str, depth: int, secrets: bool, watch: bool) -> None:
    """Watching reads again each two seconds: a tree spans kinds of which each would take a watch of its own."""
    from fairlead.crossplane.understanding import reporting

    before = None
    async with asked.found() as (reader, kind, namespace):
        absent = f"no {kind.resource.qualified}" + (f" in {namespace}" if namespace else "")
        while True:
            found = await _trees(reader, kind, asked.name, namespace, depth, secrets=secrets)
            now = [reporting.document(each) for each in found]
            if now != before:
                typer.echo("", nl=before is not None)
                show(found[0], output) if asked.name else _show_all(found, absent, output)
                before = now
            if not watch:
                return
            await asyncio.sleep(SECONDS)


async def _trees(
    reader: "Reader", kind: "Kind", name: str, namespace: str, depth: int, *, secrets: bool
) -> "list[Trace]":
    """Of one object, or of all of the kind where none is named."""
    from fairlead.crossplane import tracing

    limits = tracing.Limits(depth=depth)
    if name:
        return [await tracing.trace(reader, kind, name, namespace, limits=limits, secrets=secrets)]
    return await tracing.traces(reader, kind, namespace, limits=limits, secrets=secrets)


def _show_all(found: "Sequence[Trace]", absent: str, output: str) -> None:
    from fairlead.crossplane.understanding import reporting

    if output in ("json", "yaml"):
        _print((), [reporting.document(each) for each in found], output)
        return
    if not found:
        typer.echo(absent)
    for number, each in enumerate(found):
        typer.echo("", nl=number > 0)
        show(each, output)


async def _diagnosed(asked: _Asked, output: str) -> bool:
    from fairlead.crossplane.understanding import reporting, telling
    from fairlead.crossplane.understanding.diagnosing import diagnose

    async with asked.found() as (reader, kind, namespace):
        found = await diagnose(reader, kind, asked.name, namespace)
    _print(telling.diagnosis(found, commands=True), reporting.diagnosis(found), output)
    return not found.causes


async def _surveyed(namespace: str, scopes: list[str], kubeconfig: Path | None, context: str, output: str) -> bool:
    from fairlead.crossplane import surveying
    from fairlead.crossplane.understanding import reporting, telling

    if wrong := sorted(set(scopes) - set(surveying.SCOPES)):
        raise WhatError(f"{', '.join(wrong)} is no scope", "", f"there are: {', '.join(surveying.SCOPES)}")
    async with _reader(kubeconfig, context) as reader:
        found = await surveying.survey(reader, scopes or surveying.SCOPES, namespace)
    _print(telling.survey(found), reporting.survey(found), output)
    return not (found.findings or found.warnings or (found.unread and not found.objects))


async def _explained(asked: _Asked, output: str) -> None:
    from fairlead.crossplane.understanding import deleting, reporting, telling

    async with asked.found() as (reader, kind, namespace):
        found = await deleting.explain(reader, kind, asked.name, namespace)
    _print(telling.deletion(found, commands=True), reporting.deletion(found), output)


def _print(lines: Iterable[str], document: Any, output: str) -> None:
    from fairlead.machinery import encoding

    if output == "text":
        typer.echo("\n".join(lines))
        return
    typer.echo(json.dumps(document, indent=2) if output == "json" else encoding.to_yaml(document).rstrip())


def show(found: "Trace", output: str) -> None:
    from fairlead.crossplane.understanding import reporting

    if output in ("json", "yaml"):
        _print((), reporting.document(found), output)
        return
    rows = reporting.rows(found, wide=output == "wide")
    cells = [reporting.columns(found), *(each for _, each in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(cells[0]))]
    states = ["", *(node.health.state.value for node, _ in rows)]
    for line, state in zip(cells, states, strict=True):
        text = "   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        typer.secho(text, fg=None if os.environ.get("NO_COLOR") else STYLES.get(state))

"""`fairlead connector status` and `doctor`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fairlead.cli import screens

if TYPE_CHECKING:
    from fairlead.connector.installing.facts import Facts, Finding
    from fairlead.connector.settings import ServiceName

Kubeconfig = Annotated[
    Path | None, typer.Option(help="Kubeconfig of the app cluster (default: $KUBECONFIG, then ~/.kube/config).")
]
Context = Annotated[str, typer.Option(help="A context of that kubeconfig, instead of the current one.")]
Output = Annotated[Literal["text", "json"], typer.Option("--output", "-o", help="What to print.")]


def status(kubeconfig: Kubeconfig = None, context: Context = "", output: Output = "text") -> None:
    """Show the connectors of the app cluster: replicas, leader, control plane, and whether their APIs are available."""
    from fairlead.serving import loops

    loops.run(_status(kubeconfig, context, output))


async def _status(kubeconfig: Path | None, context: str, output: str) -> None:
    from fairlead.client.api import Client
    from fairlead.connector.installing import installed, reporting

    async with Client.from_kubeconfig(kubeconfig, context or None) as app:
        found = [await reporting.status(app, each) for each in await installed.find(app)]
    if output == "json":
        typer.echo(json.dumps([each.to_object() for each in found], indent=2))
        return
    if not found:
        typer.echo("no connector is installed; install one with `fairlead connector install`")
        return
    lines = screens.columns([reporting.HEADER, *(each.row for each in found)])
    troubled = [api for each in found for api in each.api_services if not api.available]
    lines += [f"{api.name} is not available: {api.message}" for api in troubled]
    lines += ["`fairlead connector doctor` tells why"] if troubled else []
    typer.echo("\n".join(lines))


def doctor(
    kubeconfig: Kubeconfig = None,
    context: Context = "",
    service: Annotated[
        str, typer.Option(metavar="NAMESPACE/NAME", help="The connector's Service, where there are several.")
    ] = "",
    control_plane_kubeconfig: Annotated[
        Path | None, typer.Option(help="Of a connector that runs outside the app cluster.")
    ] = None,
    claim_namespace: Annotated[str, typer.Option(help="Of a connector that runs outside the app cluster.")] = "",
    output: Output = "text",
) -> None:
    """Look for every known cause of an API that is not available, and say how to mend it.

    Ends with 1 if there is one.
    """
    from fairlead.connector.installing import causes
    from fairlead.connector.installing.facts import Level
    from fairlead.connector.settings import ServiceName
    from fairlead.serving import loops

    facts = loops.run(
        _facts(
            kubeconfig,
            context,
            ServiceName.parse(service) if service else None,
            control_plane_kubeconfig,
            claim_namespace,
        )
    )
    findings = causes.diagnose(facts)
    if output == "json":
        typer.echo(json.dumps([each.to_object() for each in findings], indent=2))
    else:
        typer.echo("\n".join(map(_line, findings)))
    if any(each.level is Level.WRONG for each in findings):
        raise typer.Exit(1)


def _line(finding: "Finding") -> str:
    rest = "; ".join(each for each in (finding.what, finding.fix) if each)
    return f"{finding.level.value:<8} {finding.check:<14} {rest}".rstrip()


async def _facts(
    kubeconfig: Path | None,
    context: str,
    service: "ServiceName | None",
    control_plane_kubeconfig: Path | None,
    claim_namespace: str,
) -> "Facts":
    from fairlead.client.api import Client
    from fairlead.connector.installing import installed
    from fairlead.connector.installing.gathering import gather
    from fairlead.machinery.errors import FairleadError

    async with Client.from_kubeconfig(kubeconfig, context or None) as app:
        found = await installed.find(app)
        one = installed.Installed(service) if service and not found else installed.only(found, service)
        if control_plane_kubeconfig is not None:
            async with Client.from_kubeconfig(control_plane_kubeconfig) as control_plane:
                return await gather(app, one, control_plane, claim_namespace=claim_namespace)
        try:
            async with installed.way_to_control_plane(app, one) as own:
                return await gather(app, one, own, claim_namespace=claim_namespace)
        except FairleadError as error:
            return await gather(app, one, None, str(error), claim_namespace)

"""`fairlead connector`: the claim APIs of a control plane in an app cluster."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from fairlead.connector.settings import Settings

app = typer.Typer(help="The claim APIs of a control plane, in an app cluster.", no_args_is_help=True)


@app.callback()
def _group() -> None: ...


@app.command("serve")
def serve(
    control_plane_kubeconfig: Annotated[Path, typer.Option(help="Kubeconfig of the control plane.")],
    claim_namespace: Annotated[
        str, typer.Option(help="The namespace of the control plane that holds this app cluster's claims.")
    ],
    service: Annotated[
        str, typer.Option(metavar="NAMESPACE/NAME", help="The Service in front of this process; it must exist.")
    ],
    kubeconfig: Annotated[
        Path | None, typer.Option(help="Kubeconfig of the app cluster (default: $KUBECONFIG, then ~/.kube/config).")
    ] = None,
    cluster_id: Annotated[
        str, typer.Option(help="The app cluster's id in the control plane (default: the uid of kube-system).")
    ] = "",
    allow_crd: Annotated[
        list[str] | None,
        typer.Option(metavar="PLURAL.GROUP", help="A CRD of the control plane to offer beside claims; repeatable."),
    ] = None,
    sync_secrets: Annotated[
        bool, typer.Option("--sync-secrets", help="Copy connection secrets of claims into the app cluster.")
    ] = False,
    mirror_events: Annotated[
        bool, typer.Option("--mirror-events", help="Copy events about claims into the app cluster.")
    ] = False,
    service_port: Annotated[int, typer.Option(help="The port of the Service.")] = 443,
    bind: Annotated[str, typer.Option(help="The address to listen on.")] = "0.0.0.0",  # noqa: S104 - a pod's own
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8443,
    audit_log: Annotated[
        str, typer.Option(metavar="FILE|-", help="Append one JSON line for each request; - is standard output.")
    ] = "",
    log_format: Annotated[Literal["text", "json"], typer.Option(help="Of the log on standard error.")] = "text",
    shutdown_delay: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long to answer on, unready, when asked to end.")
    ] = 0.0,
) -> None:
    """Serve the claim APIs until interrupted; prints one line when they are registered."""
    from fairlead.cli.stopping import until_asked
    from fairlead.connector.settings import ServiceName, Settings
    from fairlead.serving import logs, loops

    settings = Settings(
        kubeconfig=kubeconfig,
        control_plane_kubeconfig=control_plane_kubeconfig,
        claim_namespace=claim_namespace,
        service=ServiceName.parse(service),
        cluster_id=cluster_id,
        allowed_crds=frozenset(allow_crd or ()),
        sync_secrets=sync_secrets,
        mirror_events=mirror_events,
        service_port=service_port,
        bind=bind,
        port=port,
        audit_log=audit_log,
        shutdown_delay=shutdown_delay,
    )
    settings.check()
    with logs.on_standard_error(logs.LogFormat(log_format)):
        loops.run(until_asked(_serve(settings)))


async def _serve(settings: "Settings") -> None:
    from fairlead.connector import running

    async with running.serve(settings) as connector:
        catalog = connector.connector.state.catalog
        count = len(catalog.offers) if catalog else 0
        typer.echo(
            f"ready: {connector.listening.url} serves {count} resources of the control plane "
            f"as cluster {connector.connector.scope.cluster}"
        )
        await connector.ended()

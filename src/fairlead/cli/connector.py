"""`fairlead connector`: the claim APIs of a control plane in an app cluster."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fairlead.cli import inspecting, installing

if TYPE_CHECKING:
    from fairlead.connector.settings import Settings

app = typer.Typer(help="The claim APIs of a control plane, in an app cluster.", no_args_is_help=True)


@app.callback()
def _group() -> None: ...


app.command("install")(installing.install)
app.command("uninstall")(installing.uninstall)
app.command("status")(inspecting.status)
app.command("doctor")(inspecting.doctor)


@app.command("serve")
def serve(
    claim_namespace: Annotated[
        str, typer.Option(help="The namespace of the control plane that holds this app cluster's claims.")
    ],
    service: Annotated[
        str, typer.Option(metavar="NAMESPACE/NAME", help="The Service in front of this process; it must exist.")
    ],
    control_plane_kubeconfig: Annotated[
        Path | None, typer.Option(help="Kubeconfig of the control plane: a file, or a folder that holds only one.")
    ] = None,
    space_host: Annotated[
        str, typer.Option(metavar="HOST", help="The Space that the control plane lives in, instead of a kubeconfig.")
    ] = "",
    space_account: Annotated[str, typer.Option(help="The account of the Space.")] = "",
    space_token_file: Annotated[
        Path | None, typer.Option(help="A file that holds a personal token for that account.")
    ] = None,
    space_domain: Annotated[str, typer.Option(help="Of the host auth.DOMAIN, which exchanges tokens.")] = "upbound.io",
    space_ca_file: Annotated[Path | None, typer.Option(help="A PEM bundle to verify the Space by.")] = None,
    space_insecure_skip_tls_verify: Annotated[
        bool, typer.Option("--space-insecure-skip-tls-verify", help="Do not verify the Space; the token host is.")
    ] = False,
    control_plane_name: Annotated[str, typer.Option(help="Of the control plane in the Space.")] = "",
    control_plane_group: Annotated[str, typer.Option(help="Of the control plane in the Space.")] = "",
    renew_token_secret: Annotated[
        str, typer.Option(metavar="NAMESPACE/NAME", help="The Secret with that kubeconfig: renew its token there.")
    ] = "",
    kubeconfig: Annotated[
        Path | None,
        typer.Option(help="Kubeconfig of the app cluster (default: $KUBECONFIG, ~/.kube/config, then the Pod's own)."),
    ] = None,
    cluster_id: Annotated[
        str, typer.Option(help="The app cluster's id in the control plane (default: the uid of kube-system).")
    ] = "",
    allow_crd: Annotated[
        list[str] | None,
        typer.Option(metavar="PLURAL.GROUP", help="A CRD of the control plane to offer beside claims; repeatable."),
    ] = None,
    allow_api: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="PLURAL.GROUP, *.GROUP or *: offer only these APIs; repeatable."),
    ] = None,
    deny_api: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="PLURAL.GROUP, *.GROUP or *: never offer these APIs; repeatable."),
    ] = None,
    api_selector: Annotated[
        str, typer.Option(metavar="SELECTOR", help="Offer only APIs whose XRD or CRD has such labels.")
    ] = "",
    sync_secrets: Annotated[
        bool, typer.Option("--sync-secrets", help="Copy connection secrets of claims into the app cluster.")
    ] = False,
    mirror_events: Annotated[
        bool, typer.Option("--mirror-events", help="Copy events about claims into the app cluster.")
    ] = False,
    no_quota: Annotated[
        bool, typer.Option("--no-quota", help="Do not hold claims to the app cluster's resource quotas.")
    ] = False,
    reap: Annotated[
        Literal["report", "delete"], typer.Option(help="What to do with claims whose namespace was seen to end.")
    ] = "report",
    owner_cluster_role: Annotated[
        str, typer.Option(metavar="NAME", help="A ClusterRole that is to own the APIServices: they go when it goes.")
    ] = "",
    impersonate: Annotated[
        bool, typer.Option("--impersonate", help="Tell the control plane who asks, as user CLUSTER-ID:NAME.")
    ] = False,
    no_webhooks: Annotated[
        bool, typer.Option("--no-webhooks", help="Do not ask the app cluster's admission webhooks about claims.")
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
    from fairlead.connector import spaces
    from fairlead.connector.choosing import Choice
    from fairlead.connector.settings import SecretName, ServiceName, Settings
    from fairlead.serving import logs, loops

    space = spaces.described(
        space_host,
        space_account,
        space_token_file,
        control_plane_name,
        control_plane_group,
        space_domain,
        space_ca_file,
        insecure=space_insecure_skip_tls_verify,
    )
    settings = Settings(
        kubeconfig=kubeconfig,
        control_plane_kubeconfig=control_plane_kubeconfig,
        claim_namespace=claim_namespace,
        service=ServiceName.parse(service),
        cluster_id=cluster_id,
        allowed_crds=frozenset(allow_crd or ()),
        choice=Choice.parse(allow_api or (), deny_api or (), api_selector),
        sync_secrets=sync_secrets,
        mirror_events=mirror_events,
        quota=not no_quota,
        reap=reap == "delete",
        owner_cluster_role=owner_cluster_role,
        webhooks=not no_webhooks,
        impersonate=impersonate,
        service_port=service_port,
        bind=bind,
        port=port,
        audit_log=audit_log,
        shutdown_delay=shutdown_delay,
        space=space,
        renew_token_secret=SecretName.parse(renew_token_secret) if renew_token_secret else None,
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

"""`fairlead connector install` and `uninstall`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fairlead.cli.inspecting import Context, Kubeconfig

if TYPE_CHECKING:
    from fairlead.connector.chart.releases import Release
    from fairlead.connector.installing.planning import Order
    from fairlead.connector.installing.rights import Grant
    from fairlead.connector.installing.surveying import Survey
    from fairlead.connector.installing.ways import Way

ReleaseName = Annotated[str, typer.Option("--release", help="The name of the release, and of its Service.")]
Namespace = Annotated[str, typer.Option("--namespace", "-n", help="The app cluster's namespace to install into.")]
ControlPlaneKubeconfig = Annotated[
    Path | None, typer.Option(help="The kubeconfig with the context of the control plane (default: as kubectl).")
]


def install(
    control_plane: Annotated[
        str,
        typer.Argument(
            metavar="CONTROL_PLANE",
            help="A context of a kubeconfig, or the control plane of the Space that the values name.",
        ),
    ],
    claim_namespace: Annotated[
        str, typer.Argument(metavar="NAMESPACE", help="Its namespace for the claims of this app cluster.")
    ],
    file: Annotated[list[Path] | None, typer.Option("--file", "-f", help="A values file; repeatable.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A value, as Helm takes it; repeatable.")
    ] = None,
    release: ReleaseName = "fairlead-connector",
    namespace: Namespace = "kube-system",
    kubeconfig: Kubeconfig = None,
    context: Context = "",
    control_plane_kubeconfig: ControlPlaneKubeconfig = None,
    control_plane_server: Annotated[
        str, typer.Option(metavar="URL", help="The control plane's address as Pods know it, if it is another.")
    ] = "",
    use_context_credentials: Annotated[
        bool, typer.Option("--use-context-credentials", help="Copy the context's own credentials into the app cluster.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, and change nothing.")] = False,
    output: Annotated[
        Literal["text", "yaml", "values"],
        typer.Option("--output", "-o", help="With --dry-run: what would be applied, or the values for Helm."),
    ] = "text",
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Until the APIs are available.")] = True,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="How long to wait.")] = 300.0,
) -> None:
    """Install a connector into the app cluster, or bring one up to date. Says first what stands in the way."""
    from fairlead.connector.chart.releases import Release
    from fairlead.connector.installing import values, ways
    from fairlead.connector.installing.planning import Order
    from fairlead.serving import loops

    if control_plane_server:
        ways.check_server(control_plane_server)
    order = Order(
        control_plane,
        claim_namespace,
        values.read(file or (), settings or ()),
        Release(release, namespace),
        own_credentials=use_context_credentials,
        server=control_plane_server,
    )
    order.objects()  # what the values alone are refused for needs no cluster
    shown = output if dry_run else "no"
    loops.run(_install(order, kubeconfig, context, control_plane_kubeconfig, shown, timeout if wait else 0.0))


async def _install(
    order: "Order", kubeconfig: Path | None, context: str, path: Path | None, rehearse: str, seconds: float
) -> None:
    from fairlead.client.api import Client
    from fairlead.connector.installing import installing, surveying, ways

    async with (
        Client.from_kubeconfig(kubeconfig, context or None) as app,
        ways.opened(order.control_plane, order.values, app, order.release.namespace, path) as way,
    ):
        _warn(order, way)
        found = await surveying.survey(order, app, way, rehearse=rehearse != "no")
        if rehearse != "no":
            typer.echo(_rehearsed(order, found, way, rehearse))
            return
        await installing.install(order, app, way, found, typer.echo)
        if seconds:
            typer.echo(f"waiting for {len(installing.expected(found)) or 'no'} APIs")
            await installing.wait(order, app, found, seconds)
        typer.echo(_next(order, found))


def _warn(order: "Order", way: "Way") -> None:
    from fairlead.connector.installing import ways

    if way.kind is ways.Kind.CONTEXT and not order.server and ways.only_here(way.settings.server):
        typer.echo("warning: the context's server is this machine; Pods need --control-plane-server URL", err=True)
    if way.settings.insecure:
        typer.echo("warning: the control plane's certificate is not verified", err=True)


def _rehearsed(order: "Order", found: "Survey", way: "Way", output: str) -> str:
    from fairlead.connector.installing import planning, rights, ways
    from fairlead.machinery import encoding

    made = [] if found.namespace_there else [rights.namespace(order.claim_namespace)]
    held = []
    if way.kind is ways.Kind.CONTEXT:
        made += [] if order.own_credentials else [each for _, each in rights.objects(found.grant)]
        held = [order.held({})]
    objects = planning.without_secrets([*held, *found.objects])
    if output == "values":
        return encoding.to_yaml(planning.shown(order.effective)).rstrip()
    if output == "yaml":
        every = [("control plane", each) for each in made] + [("app cluster", each) for each in objects]
        return "---\n".join(f"# {where}\n{encoding.to_yaml(each)}" for where, each in every).rstrip()
    what = "upgraded" if found.upgrade else "installed"
    return (
        f"release {order.release.name} would be {what}: {len(made)} objects in the control plane, {len(objects)} in "
        f"the app cluster, {len(found.stale)} removed there; -o yaml shows them"
    )


def _next(order: "Order", found: "Survey") -> str:
    what = "upgraded" if found.upgrade else "installed"
    name = f"{order.release.namespace}/{order.release.name}"
    return (
        f"{name} is {what}; `kubectl api-resources --categories=claim` shows what can be claimed, "
        "`fairlead connector status` how it fares"
    )


def uninstall(
    claim_namespace: Annotated[
        str, typer.Argument(metavar="NAMESPACE", help="The control plane's namespace with this cluster's claims.")
    ],
    release: ReleaseName = "fairlead-connector",
    namespace: Namespace = "kube-system",
    kubeconfig: Kubeconfig = None,
    context: Context = "",
    remove_access: Annotated[
        str, typer.Option(metavar="CONTEXT", help="Also remove the ServiceAccount from the control plane, as this.")
    ] = "",
    control_plane_kubeconfig: ControlPlaneKubeconfig = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a connector from the app cluster. Claims live in the control plane and stay there."""
    from fairlead.connector.chart.releases import Release
    from fairlead.serving import loops

    made = Release(release, namespace)
    made.check()
    loops.run(_uninstall(claim_namespace, made, kubeconfig, context, remove_access, control_plane_kubeconfig, yes=yes))


async def _uninstall(
    claim_namespace: str,
    release: "Release",
    kubeconfig: Path | None,
    context: str,
    access: str,
    path: Path | None,
    *,
    yes: bool,
) -> None:
    from fairlead.client.api import Client
    from fairlead.connector.installing import installed, uninstalling
    from fairlead.connector.installing.rights import Grant, find_command
    from fairlead.connector.preparing import NAMESPACES

    async with Client.from_kubeconfig(kubeconfig, context or None) as app:
        one = uninstalling.of_namespace(await installed.find(app), claim_namespace, release)
        uid = (await app.get(NAMESPACES, "kube-system"))["metadata"]["uid"]
        grant = Grant(claim_namespace, one.argument("--cluster-id") or uid, frozenset())
        removal = await uninstalling.planned(app, release)
        question = f"remove {len(removal)} objects of {release.namespace}/{release.name} from the app cluster?"
        if not yes and not typer.confirm(question):
            raise typer.Exit(1)
        await uninstalling.remove(app, removal, release, typer.echo)
    if access:
        await _remove_access(access, path, grant)
    typer.echo(f"in the control plane stay namespace {claim_namespace} and its claims: `{find_command(grant)}`")
    if not access:
        typer.echo(f"and ServiceAccount {grant.name}, where install made one: --remove-access CONTEXT removes it")


async def _remove_access(access: str, path: Path | None, grant: "Grant") -> None:
    from fairlead.client.api import Client
    from fairlead.connector.installing import uninstalling

    async with Client.from_kubeconfig(path, access) as control_plane:
        for each in await uninstalling.remove_access(control_plane, grant):
            typer.echo(f"control plane: {each} removed")

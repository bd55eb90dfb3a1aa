"""`fairlead playground`: two small Kubernetes APIs to try things on."""

import shlex
from pathlib import Path
from typing import Annotated

import typer


def playground(
    directory: Annotated[
        Path, typer.Option("--dir", help="Where app.kubeconfig and control-plane.kubeconfig are written.")
    ] = Path("playground"),
) -> None:
    """Run an app cluster and a control plane in this process, on loopback, until interrupted."""
    from fairlead.cli.stopping import until_asked
    from fairlead.serving import loops

    loops.run(until_asked(_run(directory)))


async def _run(directory: Path) -> None:
    from fairlead.cli.stopping import forever
    from fairlead.embedded.playground import Playground

    async with Playground(directory) as running:
        app, control_plane = (shlex.quote(str(each.kubeconfig)) for each in (running.app, running.control_plane))
        typer.echo(f"playground ready: app cluster {app}, control plane {control_plane} (Crossplane is simulated)")
        await forever()

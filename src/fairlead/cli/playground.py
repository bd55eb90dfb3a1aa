"""`fairlead playground`: two small Kubernetes APIs to try things on, empty or with a world in them."""

import shlex
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fairlead.embedded.playground import Playground
    from fairlead.embedded.simulator.scenarios import Scenario

FOR_AGENTS = "fairlead mcp server create playground --catalog crossplane-diagnose; fairlead mcp serve"


def playground(
    directory: Annotated[
        Path, typer.Option("--dir", help="Where app.kubeconfig and control-plane.kubeconfig are written.")
    ] = Path("playground"),
    scenario: Annotated[
        str, typer.Option("--scenario", metavar="NAME", help="Fill the control plane with a world to try things on.")
    ] = "",
    list_scenarios: Annotated[bool, typer.Option("--list-scenarios", help="Tell of each world, and end.")] = False,
) -> None:
    """Run an app cluster and a control plane in this process, on loopback, until interrupted."""
    from fairlead.cli.stopping import until_asked
    from fairlead.serving import loops

    if list_scenarios:
        _list()
        return
    loops.run(until_asked(_run(directory, _found(scenario))))


def _list() -> None:
    from fairlead.embedded.simulator import scenarios

    for place, each in enumerate(scenarios.known()):
        typer.echo("", nl=place > 0)
        typer.echo(f"{each.name}: {each.title}")
        _tell(each)


def _tell(scenario: "Scenario", before: str = "", after: str = "") -> None:
    typer.echo(textwrap.fill(scenario.wrong, 100, initial_indent="  ", subsequent_indent="  "))
    for each in filter(None, (before, *scenario.tries, after)):
        typer.echo(f"  $ {each}")


def _found(name: str) -> "Scenario | None":
    """Raises `ScenarioError`."""
    if not name:
        return None
    from fairlead.embedded.simulator import scenarios

    return scenarios.find(name)


async def _run(directory: Path, scenario: "Scenario | None") -> None:
    from fairlead.cli.stopping import forever
    from fairlead.embedded.playground import Playground

    async with Playground(directory, whole=scenario is not None) as running:
        if scenario is not None:
            await _play(running, scenario)
        app, control_plane = (shlex.quote(str(each.kubeconfig)) for each in (running.app, running.control_plane))
        typer.echo(f"playground ready: app cluster {app}, control plane {control_plane} (Crossplane is simulated)")
        if scenario is not None:
            typer.echo(f"{scenario.title}:")
            _tell(scenario, f"export KUBECONFIG={control_plane}", FOR_AGENTS)
        await forever()


async def _play(running: "Playground", scenario: "Scenario") -> None:
    from fairlead.embedded.simulator import scenarios

    def progress(told: str) -> None:
        typer.echo(f"{scenario.name}: {told}", err=True)

    async with running.control_plane.open() as client:
        await scenarios.play(client, scenario, progress)

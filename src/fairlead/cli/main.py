"""The `fairlead` command.

The root imports no package of ours that does work: each command imports what it needs when it runs, so that `--help`
and a mistyped option answer at once. Every error that a person can mend leaves as one line on standard error;
what is left over is a bug and says so, with the traceback only where `FAIRLEAD_DEBUG` asks for it.
"""

import os
import sys
from typing import Annotated

import typer

from fairlead import __version__
from fairlead.cli import connector, demo, mcp, playground, understanding
from fairlead.machinery.errors import FairleadError

app = typer.Typer(
    name="fairlead",
    help="Leads app clusters and AI agents to Kubernetes control planes.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("playground")(playground.playground)
app.command("demo")(demo.demo)
app.command("trace")(understanding.trace)
app.command("diagnose")(understanding.diagnose)
app.command("unhealthy")(understanding.unhealthy)
app.command("explain-deletion")(understanding.explain_deletion)
app.command("validate")(understanding.validate)
app.add_typer(connector.app, name="connector")
app.add_typer(mcp.app, name="mcp")

INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"fairlead {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None: ...


def main() -> None:
    """The entry point; exits with 0, 1 for what went wrong, 2 for a command line that cannot be read."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    try:
        code = app(arguments, prog_name="fairlead", standalone_mode=False)
    except typer.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(error.format_message())
        else:
            _complain(_usage(error))
        return error.exit_code
    except FairleadError as error:
        _complain(str(error))
        return 1
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        sys.stdout = None  # the reader has gone; the interpreter must not flush into its absence
        return 1
    except Exception as error:
        if os.environ.get("FAIRLEAD_DEBUG"):
            raise
        what = " ".join(str(error).split())[:300]
        _complain(f"this is a bug in fairlead: {type(error).__name__}: {what}; FAIRLEAD_DEBUG=1 shows where")
        return 1
    return code if isinstance(code, int) else 0


def _complain(line: str) -> None:
    print(f"fairlead: {line}", file=sys.stderr)  # noqa: T201 - standard error is this module's output


def _usage(error: typer.TyperException) -> str:
    """The mistake and where help is; the library itself adds what was probably meant."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "fairlead"
    return " ".join(f"{error.format_message().strip().rstrip('.')}; see `{command} --help`".split())

"""Lists and documents as whoever asks wants them: a table for people, lines for pipes, JSON or YAML for programs."""

from collections.abc import Sequence
from enum import Enum
from typing import Any

import typer

from fairlead.cli import screens


class Output(Enum):
    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def document(value: Any, output: Output) -> None:
    """JSON where it is asked for, else YAML."""
    from fairlead.machinery import encoding

    text = encoding.to_json(value).decode() if output is Output.JSON else encoding.to_yaml(value).rstrip()
    typer.echo(text)


def rows(header: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """As wide as the terminal; in a pipe as wide as it takes, so that nothing is cut where programs read it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        for each in screens.columns([header, *lines]):
            typer.echo(each)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for each in header:
        table.add_column(each, overflow="fold")
    for line in lines:
        table.add_row(*map(Text, line))  # no markup: what people wrote stays as it is
    console.print(table)

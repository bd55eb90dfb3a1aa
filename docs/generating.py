"""Pages that are made from what the code says, so that they cannot go stale: requirements, commands, chart values."""

import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.requirements import reading

CHARTS = Path(__file__).parent.parent / "charts"
CHART = CHARTS / "fairlead-connector"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    pages = {"requirements.md": requirements(), "commands.md": commands(), "values.md": values()}
    pages["mcp-values.md"] = values(CHARTS / "fairlead-mcp")
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def requirements() -> str:
    lines = [
        "# Requirements",
        "",
        "What each package promises, where the promise comes from, and how many tests prove it."
        " `make check` fails on a promise without a test and on a test without a promise.",
    ]
    proofs = reading.proofs()
    for package, group in groupby(sorted(reading.requirements(), key=lambda each: each.id), key=_package):
        lines += ["", f"## {package}", "", "| id | promise | source | tests |", "|---|---|---|---|"]
        for each in group:
            count = sum(each.id in proof.ids for proof in proofs)
            lines.append(f"| `{each.id}` | {_cell(each.sentence)} | {_cell(each.source)} | {count} |")
    return "\n".join(lines) + "\n"


def _package(requirement: reading.Requirement) -> str:
    return requirement.id.partition(":")[0]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")


def commands() -> str:
    import typer.main

    from fairlead.cli.main import app

    root = typer.main.get_command(app)
    lines = ["# Command line", "", "Every command answers `--help`. Exit codes: 0 done, 1 it went wrong, 2 unreadable."]
    for name, command in _walk("fairlead", root):
        lines += ["", f"## {name}", "", inspect.cleandoc(command.help or "")]
        lines += list(_options(command))
    return "\n".join(lines) + "\n"


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", {})
    if not children:
        yield name, command
    for key, child in sorted(children.items()):
        yield from _walk(f"{name} {key}", child)


def _options(command: Any) -> Iterator[str]:
    rows = [each for each in command.params if each.name != "help"]
    if rows:
        yield from ("", "| option | meaning |", "|---|---|")
    for each in rows:
        names = ", ".join(f"`{name}`" for name in each.opts) if each.opts else f"`{each.name}`"
        yield f"| {names} | {_cell(getattr(each, 'help', None) or '')} |"


@dataclass(frozen=True)
class Value:
    """A line of `values.yaml`; `default` as it is written there, empty for a table of values."""

    path: str
    default: str
    meaning: str


def values(chart: Path = CHART) -> str:
    text = (chart / "values.yaml").read_text(encoding="utf-8")
    lines = [
        "# Chart values",
        "",
        f"Of `charts/{chart.name}`; `values.schema.json` there refuses all others.",
        "",
        "| value | default | meaning |",
        "|---|---|---|",
    ]
    for each in written(text):
        if each.default or each.meaning:
            default = f"`{each.default}`" if each.default else ""
            lines.append(f"| `{each.path}` | {default} | {_cell(each.meaning)} |")
    return "\n".join(lines) + "\n"


def written(text: str) -> Iterator[Value]:
    """Every key of a values file, in its order, with the comment above it."""
    comment, path = list[str](), list[tuple[int, str]]()
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            comment.append(stripped.lstrip("# "))
            continue
        key, colon, default = stripped.partition(":")
        if colon and not key.startswith("-"):
            depth = len(line) - len(line.lstrip())
            path = [*(each for each in path if each[0] < depth), (depth, key)]
            yield Value(".".join(name for _, name in path), default.strip(), " ".join(comment))
        comment = []

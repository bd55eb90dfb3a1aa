"""The person at the terminal as the one whom a tool asks; where nobody sits there, nothing is agreed to."""

import secrets
import sys
from collections.abc import Mapping
from typing import Any

import anyio.to_thread
import typer

from fairlead.mcp import conversing
from fairlead.mcp.conversing import Elicit, Level, Question, Reply
from fairlead.mcp.tools import ToolError


class Person:
    capabilities = frozenset({"elicitation"})
    continues = False

    def __init__(self, *, yes: bool) -> None:
        """`yes` answers every question of the kind "do it?" and no other."""
        self.round = secrets.token_hex(8)
        self._yes = yes

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, Reply]:
        """Raises `ToolError` where nobody can answer."""
        conversing.check(questions, self.capabilities)
        return {key: await self._one(each) for key, each in questions.items() if isinstance(each, Elicit)}

    async def _one(self, question: Elicit) -> Reply:
        fields: Mapping[str, Any] = question.schema.get("properties", {})
        typer.echo(question.message, err=True)
        if self._yes and fields and all(each.get("type") == "boolean" for each in fields.values()):
            return {"action": "accept", "content": dict.fromkeys(fields, True)}
        if not sys.stdin.isatty():
            raise ToolError(
                "nothing was changed", "this has to be confirmed, and nobody can be asked here", "use --yes"
            )
        content = await anyio.to_thread.run_sync(lambda: {name: _field(name, each) for name, each in fields.items()})
        return {"action": "accept", "content": content}

    async def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        of = f" of {total:g}" if total is not None else ""
        typer.echo(f"{done:g}{of} {message}".rstrip(), err=True)

    async def log(self, level: Level, text: str) -> None:
        typer.echo(f"{level}: {text}", err=True)


def _field(name: str, schema: Mapping[str, Any]) -> Any:
    words = str(schema.get("description") or name)
    if schema.get("type") == "boolean":
        return typer.confirm(words.rstrip("."), default=False, err=True)
    kinds = {"integer": int, "number": float}
    return typer.prompt(words, type=kinds.get(str(schema.get("type")), str), err=True)

"""Asking the person or the model behind a call, the same way in both protocol eras.

A legacy connection lets a server send requests of its own in the middle of a call. Since 2026-07-28 nothing is kept
between requests: the call ends with what it needs to know, and comes again with the answers. So a tool asks and, where
the answer is not there yet, is left by `InputRequiredError`; when it comes again it runs from its beginning and finds
every answer that was given so far. Nothing may be changed before the last question is answered.

Source: reference/mcp-and-gateways.md §1.2 (MRTR), §2.7.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

from fairlead.mcp.tools import ToolError


@dataclass(frozen=True)
class Elicit:
    """To a person, by a form."""

    message: str
    schema: Mapping[str, Any] = field(default_factory=dict)
    capability = "elicitation"


@dataclass(frozen=True)
class Sample:
    """To the client's model."""

    text: str
    max_tokens: int = 100
    capability = "sampling"


@dataclass(frozen=True)
class Roots:
    """Which folders the client works in."""

    capability = "roots"


Level = Literal["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
Question = Elicit | Sample | Roots
Reply = Mapping[str, Any]
"""As the client sent it: `action` and `content` of a form, `content` of a model, `roots`."""


class InputRequiredError(Exception):
    """Leaves a call that cannot go on without answers; no failure."""

    def __init__(self, questions: Mapping[str, Question], replies: Mapping[str, Reply], call: str) -> None:
        super().__init__("input is required")
        self.round = call
        self.questions = dict(questions)
        self.replies = dict(replies)
        """Those of earlier rounds, which the next round has to bring again."""


class Conversation(Protocol):
    @property
    def capabilities(self) -> frozenset[str]:
        """Of `elicitation`, `sampling`, `roots`: what the client can be asked on this way."""

    @property
    def round(self) -> str:
        """Of this call alone, and the same in each of its rounds; the client can neither choose nor foresee it."""

    @property
    def continues(self) -> bool:
        """Whether this is a later round of a call that was counted already."""

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, Reply]:
        """By the keys of the questions, which are unique in a call.

        Raises `CannotAskError`, and `InputRequiredError` where the answer comes later.
        """

    async def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Nothing happens where the client did not ask for it."""

    async def log(self, level: Level, text: str) -> None:
        """A line for the client's own log; `level` as syslog names it."""


class CannotAskError(ToolError):
    """The client does not support what it would have to be asked by."""

    def __init__(self, lacking: Iterable[str]) -> None:
        self.lacking = sorted(lacking)
        super().__init__(f"your client cannot be asked: it does not support {', '.join(self.lacking)}")


def check(questions: Mapping[str, Question], capabilities: frozenset[str]) -> None:
    """Raises `CannotAskError`."""
    lacking = {each.capability for each in questions.values()} - capabilities
    if lacking:
        raise CannotAskError(lacking)


class Nobody:
    """A conversation with a caller who cannot be asked."""

    capabilities: frozenset[str] = frozenset()
    continues = False

    @cached_property
    def round(self) -> str:
        return secrets.token_hex(8)

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, Reply]:
        check(questions, self.capabilities)
        return {}

    async def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        pass

    async def log(self, level: Level, text: str) -> None:
        pass

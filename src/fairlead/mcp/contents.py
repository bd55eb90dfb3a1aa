"""What tools, prompts and resources are made of, as values; the protocol's own types stay in `protocol`."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Picture:
    data: bytes = field(repr=False)
    media_type: str = "image/png"


@dataclass(frozen=True)
class Sound:
    data: bytes = field(repr=False)
    media_type: str = "audio/wav"


@dataclass(frozen=True)
class Document:
    """What a resource holds: text, or bytes that are none."""

    uri: str
    media_type: str
    content: str | bytes = field(repr=False)


Content = Text | Picture | Sound | Document


@dataclass(frozen=True)
class Message:
    content: Content
    role: Literal["user", "assistant"] = "user"


@dataclass(frozen=True)
class PromptArgument:
    name: str
    description: str
    required: bool = False


@dataclass(frozen=True)
class Prompt:
    name: str
    description: str
    render: Callable[[Any, Mapping[str, str]], Awaitable[list[Message]]] = field(repr=False, compare=False)
    """Called with the call context and the arguments."""
    arguments: tuple[PromptArgument, ...] = ()


@dataclass(frozen=True)
class Resource:
    """A document of a fixed address; with `{name}` in its address a family of them."""

    uri: str
    name: str
    description: str
    media_type: str
    read: Callable[[Any, Mapping[str, str]], Awaitable[Document]] = field(repr=False, compare=False)
    """Called with the call context and what stands for the names in the address."""

    @property
    def is_template(self) -> bool:
        return "{" in self.uri


Complete = Callable[[str, str, str], Awaitable[list[str]]]
"""Called with the prompt's name or the resource's address, the argument's name, and what was typed of it."""

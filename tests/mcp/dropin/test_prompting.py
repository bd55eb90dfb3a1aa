"""Prompts of a config.toml."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.mcp.callers import TERMINAL
from fairlead.mcp.contents import Text
from fairlead.mcp.dropin import prompting
from fairlead.mcp.dropin.files import ConfigError
from fairlead.mcp.named import catalog
from fairlead.mcp.operating import running
from tests.mcp.dropin.samples import load

pytestmark = pytest.mark.requirement("mcp-dropin:prompts")
TEXT = """
[[prompts]]
name = "check-pod-logs"
title = "Check Pod Logs"
description = "Look at a pod."

[[prompts.arguments]]
name = "pod"
description = "Its name."
required = true

[[prompts.arguments]]
name = "namespace"

[[prompts.messages]]
role = "user"
content = "Logs of {{pod}} in {{ namespace }}; {{other}}."

[[prompts.messages]]
role = "assistant"
content = "I look at {{pod}}."
"""


async def test_a_prompt_is_listed_and_filled_in(tmp_path: Path) -> None:
    server = load(tmp_path, TEXT).server
    assert catalog.toolsets().keys() >= set(server.catalog)
    async with running.opened({server.name: server}, TERMINAL) as servers:
        gate = servers[server.name].gate
        (listed,) = [each for each in gate.prompts() if each.name == "check-pod-logs"]
        assert [(each.name, each.required) for each in listed.arguments] == [("pod", True), ("namespace", False)]
        first, second = await gate.prompt(TERMINAL, "check-pod-logs", {"pod": "{{namespace}}"})
    assert (first.role, second.role) == ("user", "assistant")
    assert first.content == Text("Logs of {{namespace}} in ; {{other}}.")
    assert second.content == Text("I look at {{namespace}}.")


async def test_another_text_of_a_prompt_is_taken_up(tmp_path: Path) -> None:
    server = load(tmp_path, TEXT).server
    async with running.opened({server.name: server}, TERMINAL) as servers:
        changed = load(tmp_path, TEXT.replace("I look at", "I read")).server
        servers.take({changed.name: changed})
        _, second = await servers[server.name].gate.prompt(TERMINAL, "check-pod-logs", {"pod": "web"})
    assert second.content == Text("I read web.")


@pytest.mark.parametrize(
    "text",
    [
        '[[prompts]]\nname = "a"',
        '[[prompts]]\ndescription = "a"\n[[prompts.messages]]\ncontent = "b"',
        '[[prompts]]\nname = "a"\n[[prompts.messages]]\nrole = "system"\ncontent = "b"',
        '[[prompts]]\nname = "a"\nmessages = ["b"]',
        '[[prompts]]\nname = 1\n[[prompts.messages]]\ncontent = "b"',
        '[[prompts]]\nname = "a"\n[[prompts.messages]]\ncontent = "b"\n[[prompts.arguments]]\nrequired = true',
        '[[prompts]]\nname = "a"\n[[prompts.messages]]\ncontent = "b"\n' * 2,
    ],
)
def test_a_prompt_that_cannot_be_used_stops_the_start(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="prompts"):
        load(tmp_path, text)


@given(st.text(), st.text())
async def test_what_is_filled_in_is_not_looked_into(before: str, value: str) -> None:
    table = {"prompts": [{"name": "a", "arguments": [{"name": "x"}], "messages": [{"content": "<{{x}}>"}]}]}
    (prompt,) = prompting.prompts(table, lambda key, why, remedy="": ValueError(key))
    (message,) = await prompt.render(None, {"x": value})
    assert message.content == Text(f"<{value}>")

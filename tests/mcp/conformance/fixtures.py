"""The toolset that the published conformance suite wants to find, served by `fairlead mcp serve` as any other.

What each entry does is the suite's to say; its scenarios describe them.
"""

import asyncio
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

from fairlead.mcp.calling import Call
from fairlead.mcp.contents import Document, Message, Picture, Prompt, PromptArgument, Resource, Sound, Text
from fairlead.mcp.conversing import Elicit, Question, Roots, Sample
from fairlead.mcp.tools import Answer, Parameter, Run, Tool, ToolError, Toolset

_PAUSE = 0.05
Arguments = Mapping[str, Any]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


RED = b"\x89PNG\r\n\x1a\n" + b"".join(
    _chunk(kind, data)
    for kind, data in (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\x00\xff\x00\x00")),
        (b"IEND", b""),
    )
)
_FORMAT = struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
SILENCE = b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt " + _FORMAT + b"data" + bytes(4)


async def simple(call: Call, arguments: Arguments) -> Answer:
    return Answer("This is a simple text response for testing.")


async def image(call: Call, arguments: Arguments) -> Answer:
    return Answer("", more=(Picture(RED),))


async def audio(call: Call, arguments: Arguments) -> Answer:
    return Answer("", more=(Sound(SILENCE),))


async def embedded(call: Call, arguments: Arguments) -> Answer:
    return Answer(
        "", more=(Document("test://embedded-resource", "text/plain", "This is an embedded resource content."),)
    )


async def mixed(call: Call, arguments: Arguments) -> Answer:
    document = Document("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
    return Answer("Multiple content types test:", more=(Picture(RED), document))


async def failing(call: Call, arguments: Arguments) -> Answer:
    raise ToolError("This tool intentionally returns an error for testing")


async def logging(call: Call, arguments: Arguments) -> Answer:
    for line in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await call.talk.log("info", line)
        await asyncio.sleep(_PAUSE)
    return Answer("logged")


async def progressing(call: Call, arguments: Arguments) -> Answer:
    for done in (0, 50, 100):
        await call.talk.progress(done, 100)
        await asyncio.sleep(_PAUSE)
    return Answer("done")


async def sampling(call: Call, arguments: Arguments) -> Answer:
    found = await call.talk.ask({"answer": Sample(arguments["prompt"])})
    return Answer(f"LLM response: {found['answer']['content']['text']}")


def form(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


PERSON = form(
    username={"type": "string", "description": "User's response"},
    email={"type": "string", "description": "User's email address"},
) | {"required": ["username", "email"]}
DEFAULTS = form(
    name={"type": "string", "default": "John Doe"},
    age={"type": "integer", "default": 30},
    score={"type": "number", "default": 95.5},
    status={"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    verified={"type": "boolean", "default": True},
)


def _titled(prefix: str, *titles: str) -> list[dict[str, str]]:
    return [{"const": f"{prefix}{index}", "title": title} for index, title in enumerate(titles, 1)]


_OPTIONS = ["option1", "option2", "option3"]
ENUMS = form(
    untitledSingle={"type": "string", "enum": _OPTIONS},
    titledSingle={"type": "string", "oneOf": _titled("value", "First Option", "Second Option", "Third Option")},
    legacyEnum={
        "type": "string",
        "enum": ["opt1", "opt2", "opt3"],
        "enumNames": ["Option One", "Option Two", "Option Three"],
    },
    untitledMulti={"type": "array", "items": {"type": "string", "enum": _OPTIONS}},
    titledMulti={
        "type": "array",
        "items": {"anyOf": _titled("value", "First Choice", "Second Choice", "Third Choice")},
    },
)


async def eliciting(call: Call, arguments: Arguments) -> Answer:
    found = await call.talk.ask({"answer": Elicit(arguments["message"], PERSON)})
    return Answer(f"User response: {json.dumps(found['answer'])}")


def _completing(schema: dict[str, Any]) -> Run:
    async def run(call: Call, arguments: Arguments) -> Answer:
        reply = (await call.talk.ask({"answer": Elicit("Please look at these", schema)}))["answer"]
        return Answer(f"Elicitation completed: action={reply['action']}, content={json.dumps(reply.get('content'))}")

    return run


def _asking(**questions: Question) -> Run:
    async def run(call: Call, arguments: Arguments) -> Answer:
        return Answer(json.dumps(await call.talk.ask(questions)))

    return run


NAME = Elicit("What is your name?", form(name={"type": "string"}) | {"required": ["name"]})
CONFIRM = Elicit("Please confirm", form(ok={"type": "boolean"}) | {"required": ["ok"]})
CAPITAL = Sample("What is the capital of France?")


async def rounds(call: Call, arguments: Arguments) -> Answer:
    first = await call.talk.ask({"step1": Elicit("Step 1: What is your name?", NAME.schema)})
    colour = form(color={"type": "string"}) | {"required": ["color"]}
    second = await call.talk.ask({"step2": Elicit("Step 2: What is your favorite color?", colour)})
    return Answer(json.dumps(first | second))


async def capable(call: Call, arguments: Arguments) -> Answer:
    all_of_them: dict[str, Question] = {"name": NAME, "capital": CAPITAL}
    fitting = {key: each for key, each in all_of_them.items() if each.capability in call.talk.capabilities}
    return Answer(json.dumps(await call.talk.ask(fitting)))


async def needy(call: Call, arguments: Arguments) -> Answer:
    return Answer(json.dumps(await call.talk.ask({"capital": CAPITAL})))


def _tool(name: str, run: Run, *parameters: Parameter) -> Tool:
    return Tool(name, name, f"Does what the scenario of {name} wants.", run, parameters)


def _text(name: str) -> Parameter:
    return Parameter(name, f"The {name}.", required=True)


TOOLS = (
    _tool("test_simple_text", simple),
    _tool("test_image_content", image),
    _tool("test_audio_content", audio),
    _tool("test_embedded_resource", embedded),
    _tool("test_multiple_content_types", mixed),
    _tool("test_error_handling", failing),
    _tool("test_tool_with_logging", logging),
    _tool("test_tool_with_progress", progressing),
    _tool("test_sampling", sampling, _text("prompt")),
    _tool("test_elicitation", eliciting, _text("message")),
    _tool("test_elicitation_sep1034_defaults", _completing(DEFAULTS)),
    _tool("test_elicitation_sep1330_enums", _completing(ENUMS)),
    _tool("test_input_required_result_elicitation", _asking(user_name=NAME)),
    _tool("test_input_required_result_sampling", _asking(capital_question=CAPITAL)),
    _tool("test_input_required_result_list_roots", _asking(client_roots=Roots())),
    _tool("test_input_required_result_request_state", _asking(confirm=CONFIRM)),
    _tool(
        "test_input_required_result_multiple_inputs",
        _asking(user_name=NAME, greeting=Sample("Generate a greeting", 50), client_roots=Roots()),
    ),
    _tool("test_input_required_result_multi_round", rounds),
    _tool("test_input_required_result_tampered_state", _asking(confirm=CONFIRM)),
    _tool("test_input_required_result_capabilities", capable),
    _tool("test_missing_capability", needy),
    _tool("test_streaming_elicitation", _asking(confirm=CONFIRM)),
    _tool("test_logging_tool", logging),
)


async def simple_prompt(call: Call, arguments: Mapping[str, str]) -> list[Message]:
    return [Message(Text("This is a simple prompt for testing."))]


async def prompt_with_arguments(call: Call, arguments: Mapping[str, str]) -> list[Message]:
    return [Message(Text(f"Prompt with arguments: arg1='{arguments['arg1']}', arg2='{arguments['arg2']}'"))]


async def prompt_with_resource(call: Call, arguments: Mapping[str, str]) -> list[Message]:
    document = Document(arguments["resourceUri"], "text/plain", "Embedded resource content for testing.")
    return [Message(document), Message(Text("Please process the embedded resource above."))]


async def prompt_with_image(call: Call, arguments: Mapping[str, str]) -> list[Message]:
    return [Message(Picture(RED)), Message(Text("Please analyze the image above."))]


async def asking_prompt(call: Call, arguments: Mapping[str, str]) -> list[Message]:
    schema = form(context={"type": "string"}) | {"required": ["context"]}
    found = await call.talk.ask({"user_context": Elicit("What context should the prompt use?", schema)})
    return [Message(Text(json.dumps(found)))]


PROMPTS = (
    Prompt("test_simple_prompt", "Says one thing.", simple_prompt),
    Prompt(
        "test_prompt_with_arguments",
        "Says what it is given.",
        prompt_with_arguments,
        (PromptArgument("arg1", "First.", required=True), PromptArgument("arg2", "Second.", required=True)),
    ),
    Prompt(
        "test_prompt_with_embedded_resource",
        "Holds a resource.",
        prompt_with_resource,
        (PromptArgument("resourceUri", "Which.", required=True),),
    ),
    Prompt("test_prompt_with_image", "Holds an image.", prompt_with_image),
    Prompt("test_input_required_result_prompt", "Asks first.", asking_prompt),
)


async def static_text(call: Call, parts: Mapping[str, str]) -> Document:
    return Document("test://static-text", "text/plain", "This is the content of the static text resource.")


async def static_binary(call: Call, parts: Mapping[str, str]) -> Document:
    return Document("test://static-binary", "image/png", RED)


async def templated(call: Call, parts: Mapping[str, str]) -> Document:
    data = {"id": parts["id"], "templateTest": True, "data": f"Data for ID: {parts['id']}"}
    return Document("", "application/json", json.dumps(data))


RESOURCES = (
    Resource("test://static-text", "static-text", "A text.", "text/plain", static_text),
    Resource("test://static-binary", "static-binary", "An image.", "image/png", static_binary),
    Resource("test://watched-resource", "watched", "To be watched.", "text/plain", static_text),
    Resource("test://template/{id}/data", "template", "A family.", "application/json", templated),
)


async def complete(what: str, argument: str, typed: str) -> list[str]:
    return [each for each in ("paris", "park", "party") if each.startswith(typed)]


TOOLSET = Toolset(
    "conformance", "What the conformance suite asks for.", TOOLS, "None.", PROMPTS, RESOURCES, complete=complete
)

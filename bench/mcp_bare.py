"""A server of the bare SDK with one tool: what the layers above it are measured against.

`python bench/mcp_bare.py` serves on standard input and output, `python bench/mcp_bare.py PORT` on a port of loopback,
with the same event loop and parser as ours.
"""

import asyncio
import sys
from typing import Any

import mcp.types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
TOOL = types.Tool(name="echo", description="Says what it is told.", input_schema=SCHEMA)


async def list_tools(context: Any, parameters: Any) -> types.ListToolsResult:
    return types.ListToolsResult(tools=[TOOL])


async def call_tool(context: Any, parameters: types.CallToolRequestParams) -> types.CallToolResult:
    said = (parameters.arguments or {})["text"]
    return types.CallToolResult(content=[types.TextContent(type="text", text=said)])


SERVER: Server[Any] = Server(
    "bare", on_list_tools=list_tools, on_call_tool=call_tool, get_tool_input_schema={"echo": SCHEMA}.get
)


async def on_pipes() -> None:
    async with stdio_server() as (reading, writing):
        await SERVER.run(reading, writing, SERVER.create_initialization_options())


def main() -> None:
    if len(sys.argv) == 1:
        asyncio.run(on_pipes())
        return
    import uvicorn

    application = SERVER.streamable_http_app(json_response=True)
    uvicorn.run(application, port=int(sys.argv[1]), loop="uvloop", http="httptools", log_level="warning")


if __name__ == "__main__":
    main()

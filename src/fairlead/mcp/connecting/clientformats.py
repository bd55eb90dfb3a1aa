"""The format of each client, as its own documentation and its own command line have it.

Source: the documentation of Claude Code, Claude Desktop, Cursor, VS Code, Codex and Gemini CLI, November 2026.
"""

import json
from collections.abc import Mapping
from typing import Any

from fairlead.mcp.connecting.connecting import Address, Client, Command, Note, Pipe, Snippet, Step, Way

CALLBACK_PORT = 8765
"""Where Claude Code waits for the answer of a login, when the client is registered beforehand."""


def _claude_code(name: str, way: Way) -> tuple[Step, ...]:
    added = ("claude", "mcp", "add", "--scope", "user")
    if isinstance(way, Pipe):
        settings = [part for each in way.environment.items() for part in ("--env", "=".join(each))]
        return (Command((*added, name, *settings, "--", *way.command)), Note("`claude mcp list` says ✔ Connected."))
    command = [*added, "--transport", "http", name, way.url]
    if way.token_variable:
        command += ["--header", f"Authorization: Bearer ${{{way.token_variable}}}"]
    elif way.client_id:
        command += ["--client-id", way.client_id, "--callback-port", str(CALLBACK_PORT)]
    login = Note(f"Log in: start `claude`, then /mcp, {name}, Authenticate.")
    return (Command(tuple(command)), *([login] if _opens_browser(way) else []))


def _claude_desktop(name: str, way: Way) -> tuple[Step, ...]:
    file = "claude_desktop_config.json (Settings, Developer, Edit Config)"
    restart = Note("Quit Claude Desktop and start it again.")
    if isinstance(way, Pipe):
        return (_file(file, "mcpServers", name, _piped(way)), restart)
    if not way.is_local and way.url.startswith("https://") and not way.token_variable:
        number = f", and under Advanced settings the OAuth Client ID {way.client_id}" if way.client_id else ""
        return (
            Note(f"Settings, Connectors, Add custom connector: the name {name}, the URL {way.url}{number}."),
            Note("It is reached from the vendor's network, so it must be reachable from the internet."),
        )
    arguments = ["-y", "mcp-remote", way.url]
    arguments += [] if way.is_local or way.url.startswith("https://") else ["--allow-http"]
    if way.token_variable:
        arguments += ["--header", f"Authorization: Bearer ${{{way.token_variable}}}"]
    if way.client_id:
        arguments += ["--static-oauth-client-info", json.dumps({"client_id": way.client_id})]
    note = Note("Its file takes no addresses, so a bridge from npm (mcp-remote, needs Node) stands between.")
    return (note, _file(file, "mcpServers", name, {"command": "npx", "args": arguments}), restart)


def _cursor(name: str, way: Way) -> tuple[Step, ...]:
    if isinstance(way, Pipe):
        return (_file("~/.cursor/mcp.json", "mcpServers", name, _piped(way)),)
    entry = _addressed(way, "${env:%s}")
    if way.client_id and not way.token_variable:
        entry["auth"] = {"CLIENT_ID": way.client_id}
    login = Note(f"Log in: Settings, MCP, {name}, Connect.")
    return (_file("~/.cursor/mcp.json", "mcpServers", name, entry), *([login] if _opens_browser(way) else []))


def _vscode(name: str, way: Way) -> tuple[Step, ...]:
    file = ".vscode/mcp.json (or the command MCP: Open User Configuration)"
    if isinstance(way, Pipe):
        entry = {"type": "stdio", **_piped(way)}
    else:
        entry = {"type": "http", **_addressed(way, "${env:%s}")}
        if way.client_id and not way.token_variable:
            entry["oauth"] = {"clientId": way.client_id}
    login = Note("It opens a browser for the login when it first starts the server.")
    return (
        Command(("code", "--add-mcp", json.dumps({"name": name, **entry}))),
        Note("or:"),
        _file(file, "servers", name, entry),
        *([login] if _opens_browser(way) else []),
    )


def _codex(name: str, way: Way) -> tuple[Step, ...]:
    if isinstance(way, Pipe):
        settings = [part for each in way.environment.items() for part in ("--env", "=".join(each))]
        return (Command(("codex", "mcp", "add", name, *settings, "--", *way.command)),)
    command = ["codex", "mcp", "add", name, "--url", way.url]
    if way.token_variable:
        return (Command((*command, "--bearer-token-env-var", way.token_variable)),)
    if way.client_id:
        command += ["--oauth-client-id", way.client_id]
    login = Note(f"It begins the login at once; `codex mcp login {name}` begins another.")
    return (Command(tuple(command)), *([login] if way.logs_in else []))


def _gemini(name: str, way: Way) -> tuple[Step, ...]:
    added = ("gemini", "mcp", "add", "--scope", "user")
    trusted = Note("In a folder that it does not trust it connects to nothing; GEMINI_CLI_TRUST_WORKSPACE=true trusts.")
    if isinstance(way, Pipe):
        settings = [f"--env={key}={value}" for key, value in way.environment.items()]
        return (Command((*added, *settings, name, way.command[0], "--", *way.command[1:])), trusted)
    if way.client_id and not way.token_variable:
        entry = {"type": "http", "url": way.url, "oauth": {"enabled": True, "clientId": way.client_id}}
        first: Step = _file("~/.gemini/settings.json", "mcpServers", name, entry)
    else:
        header = (f"--header=Authorization: Bearer ${way.token_variable}",) if way.token_variable else ()
        first = Command((*added, "--transport", "http", *header, name, way.url))
    login = Note(f"Log in: start `gemini`, then /mcp auth {name}.")
    return (first, trusted, *([login] if _opens_browser(way) else []))


def _generic(name: str, way: Way) -> tuple[Step, ...]:
    entry = {"type": "stdio", **_piped(way)} if isinstance(way, Pipe) else {"type": "http", **_addressed(way, "${%s}")}
    return (_file("", "mcpServers", name, entry),)


CLIENTS = {
    each.name: each
    for each in (
        Client("claude-code", "Claude Code", _claude_code),
        Client("claude-desktop", "Claude Desktop", _claude_desktop),
        Client("cursor", "Cursor", _cursor),
        Client("vscode", "VS Code", _vscode),
        Client("codex", "Codex", _codex),
        Client("gemini", "Gemini CLI", _gemini),
        Client("json", "Any other client", _generic),
    )
}


def _opens_browser(way: Way) -> bool:
    return isinstance(way, Address) and way.logs_in and not way.token_variable


def _piped(way: Pipe) -> dict[str, Any]:
    found: dict[str, Any] = {"command": way.command[0], "args": list(way.command[1:])}
    return found | ({"env": dict(way.environment)} if way.environment else {})


def _addressed(way: Address, variable: str) -> dict[str, Any]:
    """`variable` is how the client writes one, with `%s` for its name."""
    found: dict[str, Any] = {"url": way.url}
    if way.token_variable:
        found["headers"] = {"Authorization": f"Bearer {variable % way.token_variable}"}
    return found


def _file(file: str, key: str, name: str, entry: Mapping[str, Any]) -> Snippet:
    return Snippet(file, json.dumps({key: {name: entry}}, indent=2))

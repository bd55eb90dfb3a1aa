"""Making a server by being asked, in the steps of the gateway that people know: what, called how, who, how much.

Each answer is checked when it is given, by what reads server files: a mistake is asked for again, not found at the end.

Source: seeds/crossplane-mcp-server.md ("Create an MCP server").
"""

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.prompt import Confirm, IntPrompt, Prompt
from rich.table import Table
from rich.text import Text

from fairlead.machinery import encoding
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.named import catalog, searching, serverkeys
from fairlead.mcp.named.searching import Entry
from fairlead.mcp.named.servers import Limits
from fairlead.mcp.operating.preparing import prepare

Document = dict[str, Any]
_console = Console(stderr=True)


def ask() -> Document | None:
    """The new server's document; None where it is not to be deployed after all."""
    found: Document = {}
    entry = _catalog()
    found["catalog"] = [entry.name]
    for title, step in (
        ("Server", _server),
        ("Authentication", _authentication),
        ("Security", _security),
    ):
        _console.rule(Text(title))
        step(found, entry)
    return _reviewed(found)


def _catalog() -> Entry:
    _console.rule(Text("Catalog"))
    available = catalog.toolsets()
    while True:
        words = Prompt.ask("Search (nothing for all)", default="", show_default=False, console=_console).split()
        entries = searching.search(words, available)
        _list(entries)
        if entries:
            names = [each.name for each in entries]
            chosen = Prompt.ask("What is it made of", choices=[*names, "search"], default=names[0], console=_console)
            if chosen != "search":
                return entries[names.index(chosen)]


def _list(entries: list[Entry]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("NAME", "KIND", "TOOLS", "WHAT IT DOES", "NEEDS"):
        table.add_column(title, overflow="fold")
    for each in entries:
        cells = (each.name, each.kind, str(len(each.tools)), each.description, each.authentication)
        table.add_row(*map(Text, cells))
    _console.print(table if entries else Text("nothing has all of these words"))


def _server(found: Document, entry: Entry) -> None:
    _until_good(found, lambda: found.__setitem__("name", Prompt.ask("Name", console=_console)))
    found["description"] = Prompt.ask("Description", default=entry.description, console=_console)
    _until_good(
        found, lambda: found.__setitem__("timeoutSeconds", _number("Timeout in seconds", entry.timeout_seconds))
    )
    found["production"] = Confirm.ask("Production mode (for live workflows)", default=False, console=_console)


def _authentication(found: Document, entry: Entry) -> None:
    _console.print(Text(entry.authentication))
    ways = ["kubeconfig", "token", "oidc"]
    way = Prompt.ask("How do calls reach the cluster", choices=ways, default="kubeconfig", console=_console)
    if way == "kubeconfig":
        _context(found)
    else:
        _until_good(found, lambda: _token(found) if way == "token" else _oidc(found))


def _context(found: Document) -> None:
    context = Prompt.ask("Context (nothing for the current one)", default="", show_default=False, console=_console)
    if context:
        found["targets"] = [{"name": context, "context": context}]


def _token(found: Document) -> None:
    identity: Document = {"way": "token", "server": Prompt.ask("Base URL of the API server", console=_console)}
    _optional(identity, "certificateAuthority", "File of its CA (nothing for the system's)")
    identity["token"] = {"file": Prompt.ask("File with the token", console=_console)}
    found["identity"] = identity


def _oidc(found: Document) -> None:
    identity: Document = {"way": "oidc", "issuer": Prompt.ask("Issuer URL", console=_console)}
    identity["audience"] = Prompt.ask("Audience of the tokens", console=_console)
    _optional(identity, "certificateAuthority", "File of the provider's CA (nothing for the system's)")
    ways = ["exchange", "impersonate", "pass-on"]
    identity["towards"] = Prompt.ask("Towards the cluster", choices=ways, default="impersonate", console=_console)
    if identity["towards"] == "exchange":
        identity["exchange"] = {
            "clientID": Prompt.ask("Client ID of this server", console=_console),
            "clientSecret": {"file": Prompt.ask("File with its secret", console=_console)},
            "audience": Prompt.ask("Audience that the cluster expects", console=_console),
        }
    found["identity"] = identity
    who = {key: _names(f"Who may use it: {key}, with commas") for key in ("subjects", "groups")}
    found["access"] = {key: value for key, value in who.items() if value}


def _security(found: Document, entry: Entry) -> None:
    usual = Limits()
    if Confirm.ask(
        "Change the rate limits (1000 reads, 100 writes, 10 deletes an hour)", default=False, console=_console
    ):
        _until_good(
            found,
            lambda: found.__setitem__(
                "limits", {key: _number(f"{key} an hour", getattr(usual, key)) for key in ("read", "write", "delete")}
            ),
        )
    found["logging"] = Confirm.ask("Record its calls in the audit log", default=True, console=_console)


def _reviewed(found: Document) -> Document | None:
    _console.rule(Text("Summary"))
    ordered = {key: found[key] for key in serverkeys.KEYS if found.get(key) not in (None, "", {}, [])}
    _console.print(Text(encoding.to_yaml(ordered)))
    prepared = prepare(serverkeys.from_document(ordered, "the new server"), catalog.toolsets())
    does = "It only reads." if prepared.reads_only else "It can change things."
    _console.print(Text(f"{does} It is served at /s/{found['name']}/mcp."))
    return ordered if Confirm.ask("Deploy", default=True, console=_console) else None


def _until_good(found: Document, answer: Callable[[], None]) -> None:
    while True:
        answer()
        try:
            serverkeys.from_document({"name": "new", **found}, "this")
        except FairleadError as error:
            _console.print(Text(str(error)))
        else:
            return


def _number(words: str, default: int) -> int:
    return IntPrompt.ask(words, default=default, console=_console)


def _names(words: str) -> list[str]:
    text = Prompt.ask(words, default="", show_default=False, console=_console)
    return [each.strip() for each in text.split(",") if each.strip()]


def _optional(into: Document, key: str, words: str) -> None:
    text = Prompt.ask(words, default="", show_default=False, console=_console)
    if text:
        into[key] = text

"""The tables of docs/mcp-configuration.md, from what the code reads, so that they cannot say anything else."""

from collections.abc import Iterable

from fairlead.mcp.dropin.keys import KEYS, Fate, Key
from fairlead.mcp.named import serverkeys

_FORMS = {"names": "texts", "table": "table", "tables": "tables", "switch": "true or false"}


def tables() -> dict[str, str]:
    """By the name that the page calls each by."""
    return {
        "server files": _table(("key", "meaning"), ((f"`{key}`", text) for key, text in serverkeys.KEYS.items())),
        "config.toml": _table(("key", "form", "fate", "meaning"), (_row(each) for each in KEYS if not each.ours)),
        "fairlead": _table(("key", "form", "meaning"), (_own(each) for each in KEYS if each.ours)),
    }


def filled(page: str) -> str:
    """The page with each table below its mark, in place of one that is there."""
    parts, found = page.split("\n"), list[str]()
    wanted, skipping = {f"<!-- table: {name} -->": text for name, text in tables().items()}, False
    for line in parts:
        if skipping and (line.startswith("|") or not line):
            continue
        if skipping:
            found.append("")
        found.append(line)
        skipping = line in wanted
        if skipping:
            found += ["", *wanted[line].splitlines()]
    return "\n".join(found).rstrip("\n") + "\n"


def _row(key: Key) -> tuple[str, ...]:
    fate = key.fate.value if key.fate is not Fate.REFUSED else f"**{key.fate.value}**"
    return f"`{key.path}`", _FORMS.get(key.shape, key.shape), fate, key.note


def _own(key: Key) -> tuple[str, ...]:
    return f"`{key.path}`", _FORMS.get(key.shape, key.shape), key.note


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(each.replace('|', '&#124;') for each in line)} |" for line in lines)

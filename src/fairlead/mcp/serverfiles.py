"""A directory of named servers, one file each: read whole, written so that nobody ever finds half a file.

A server says who may do what, and its targets name kubeconfigs: files are the owner's alone (0600 in a 0700 folder).
"""

import os
from collections.abc import Mapping
from pathlib import Path

from fairlead.mcp.serverkeys import ServerFileError, read
from fairlead.mcp.servers import NamedServer

_SUFFIXES = (".yaml", ".yml")


def default_directory() -> Path:
    """In the user's configuration folder, as the XDG base directory specification has it."""
    said = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(said) if said.startswith("/") else Path.home() / ".config"
    return base / "fairlead" / "mcp" / "servers"


def texts(directory: Path) -> dict[Path, bytes]:
    """Its server files in the order of their names. Raises `ServerFileError`."""
    try:
        files = sorted(each for each in directory.iterdir() if _is_server(each))
        return {each: each.read_bytes() for each in files}
    except OSError as error:
        raise ServerFileError(f"{directory} cannot be read", error.strerror or str(error)) from error


def _is_server(path: Path) -> bool:
    """Hidden files are editors' and ours while they are being written."""
    return path.suffix in _SUFFIXES and not path.name.startswith(".") and path.is_file()


def load(directory: Path) -> dict[str, NamedServer]:
    """All of a directory's `*.yaml` by name, or none: one bad file refuses them all. Raises `ServerFileError`."""
    return parsed(texts(directory))


def parsed(files: Mapping[Path, bytes]) -> dict[str, NamedServer]:
    """Raises `ServerFileError`."""
    found: dict[str, NamedServer] = {}
    for path, text in files.items():
        server = read(text, str(path))
        if server.name in found:
            raise ServerFileError(f"{path}: name cannot be used", f"another file has the server {server.name!r} too")
        found[server.name] = server
    return found

"""A directory of named servers, one file each: read whole, written so that nobody ever finds half a file.

A server says who may do what, and its targets name kubeconfigs: files are the owner's alone (0600 in a 0700 folder).
"""

import difflib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from fairlead.mcp.named.serverkeys import ServerFileError, document, read
from fairlead.mcp.named.servers import NamedServer

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


def find(directory: Path, name: str) -> Path:
    """The file that has the server, whatever it is called; other files may be broken. Raises `ServerFileError`."""
    names = {}
    for path, text in texts(directory).items() if directory.is_dir() else ():
        try:
            names[str(document(text, str(path)).get("name"))] = path
        except ServerFileError:
            if path.stem == name:
                return path
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        there = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(names)) or 'none'}"
        raise ServerFileError(f"there is no server {name!r} in {directory}", "", there)
    return names[name]


def create(directory: Path, text: bytes) -> Path:
    """Raises `ServerFileError`, also for a name that is taken."""
    server = read(text, "the new server")
    path = directory / f"{server.name}.yaml"
    _check_free(directory, server.name, path)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _put(path, text)
    except OSError as error:
        raise ServerFileError(f"{path} cannot be written", error.strerror or str(error)) from error
    return path


def change(path: Path, text: bytes) -> Path:
    """In place of what the file holds; it is renamed with its server. Raises `ServerFileError` and changes nothing."""
    before, server = path.read_bytes(), read(text, str(path))
    after = path.with_name(f"{server.name}.yaml")
    renamed = _name_of(before, path) != server.name
    if renamed:
        _check_free(path.parent, server.name, after)
    try:
        _put(path, text)
        if renamed:
            path.rename(after)
    except OSError as error:
        raise ServerFileError(f"{path} cannot be written", error.strerror or str(error)) from error
    return after if renamed else path


def remove(path: Path) -> None:
    """Raises `ServerFileError`."""
    try:
        path.unlink()
    except OSError as error:
        raise ServerFileError(f"{path} cannot be removed", error.strerror or str(error)) from error


def _name_of(text: bytes, path: Path) -> str:
    try:
        return str(document(text, str(path)).get("name"))
    except ServerFileError:
        return path.stem


def _check_free(directory: Path, name: str, path: Path) -> None:
    there = texts(directory) if directory.is_dir() else {}
    if path.exists() or name in {_name_of(text, each) for each, text in there.items()}:
        raise ServerFileError(
            f"there is a server {name!r} already in {directory}", "", "edit it, or choose another name"
        )


def _put(path: Path, text: bytes) -> None:
    """Whole or not at all: written beside it under a hidden name, then moved over it."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

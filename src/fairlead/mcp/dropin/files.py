"""A `config.toml` and the drop-ins beside it, as one table.

As the other product merges them: drop-ins in the order of their names, `.toml` alone and no hidden ones; a table is
merged into the one before, anything else takes its place, lists too. Each file is checked on its own first, so that an
error names the file that a person has to mend.

Source: reference/kubernetes-mcp-server.md §2.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.dropin import checking

Table = dict[str, Any]


class ConfigError(FairleadError):
    """A `config.toml` cannot be used."""


def read(config: Path | None, directory: Path | None) -> Table:
    """Raises `ConfigError`. Without a directory: `conf.d` beside the file, where there is one."""
    found: Table = {}
    for path in [*([config] if config else []), *_dropins(config, directory)]:
        table = _parsed(path)
        checking.check_keys(table, lambda key, why, remedy="", path=path: _fault(path, key, why, remedy))
        found = merged(found, table)
    return found


def _fault(path: Path, key: str, why: str, remedy: str) -> ConfigError:
    return ConfigError(f"{path}: {key} cannot be used", why, remedy)


def _dropins(config: Path | None, directory: Path | None) -> list[Path]:
    if directory is None:
        directory = config.parent / "conf.d" if config else None
        if directory is None or not directory.is_dir():
            return []
    try:
        return sorted(each for each in directory.iterdir() if _is_dropin(each))
    except OSError as error:
        raise ConfigError(f"{directory} cannot be read", error.strerror or str(error)) from error


def _is_dropin(path: Path) -> bool:
    return path.suffix == ".toml" and not path.name.startswith(".") and path.is_file()


def _parsed(path: Path) -> Table:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=_number)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read", error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is no TOML", "it is not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is no TOML", str(error)) from error


def _number(text: str) -> float:
    """Helm writes whole numbers as floats (`8.443e+03`)."""
    value = float(text)
    return int(value) if value.is_integer() else value


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Table:
    found = dict(below)
    for key, value in above.items():
        old = found.get(key)
        found[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return found

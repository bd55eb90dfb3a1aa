"""Which compositions read an environment config, and how much it holds.

Nothing in an environment config says who reads it. A composition names it, or selects it by labels whose values may be
the composite's own: then it can be told only that it may be read. A function with another kind of input is taken to
read it where its name stands anywhere in that.

Source: reference/crossplane.md §1.3; crossplane-contrib/function-environment-configs, input v1beta1.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.machinery import encoding

Object = Mapping[str, Any]
KIND = "EnvironmentConfig"
_NAMED, _SELECTED, _PERHAPS = "name it", "select it by its labels", "may select it, as the composite's fields have it"


@dataclass(frozen=True)
class Readers:
    """Names of compositions; each once, by the surest way in which it reads."""

    named: tuple[str, ...] = ()
    selected: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        parts = ((self.named, _NAMED), (self.selected, _SELECTED), (self.perhaps, _PERHAPS))
        found = [f"compositions that {how}: {', '.join(names)}" for names, how in parts if names]
        return found or ["no composition reads it"]


def readers(config: Object, compositions: Iterable[Object]) -> Readers:
    by_way: dict[str, list[str]] = {_NAMED: [], _SELECTED: [], _PERHAPS: []}
    for each in compositions:
        ways = {way for step in (each.get("spec") or {}).get("pipeline") or () for way in _ways(config, step)}
        surest = next((way for way in by_way if way in ways), None)
        if surest:
            by_way[surest].append(str(each["metadata"]["name"]))
    return Readers(*(tuple(sorted(names)) for names in by_way.values()))


def _ways(config: Object, step: Object) -> Iterator[str]:
    for required in (step.get("requirements") or {}).get("requiredResources") or ():
        if required.get("kind") == KIND:
            yield from _required(config, required)
    given = step.get("input") or {}
    sources = (given.get("spec") or {}).get("environmentConfigs") if isinstance(given.get("spec"), Mapping) else None
    if not isinstance(sources, list):
        if f'"{config["metadata"]["name"]}"' in encoding.to_json(given).decode():
            yield _NAMED
        return
    for source in sources:
        if source.get("type", "Reference") == "Reference":
            if (source.get("ref") or {}).get("name") == config["metadata"]["name"]:
                yield _NAMED
        else:
            yield from _selected(_labels(config), (source.get("selector") or {}).get("matchLabels") or ())


def _required(config: Object, required: Object) -> Iterator[str]:
    if required.get("name") == config["metadata"]["name"]:
        yield _NAMED
    wanted = required.get("matchLabels")
    if wanted and wanted.items() <= _labels(config).items():
        yield _SELECTED


def _selected(labels: Mapping[str, str], matchers: Iterable[Object]) -> Iterator[str]:
    sure = True
    for each in matchers:
        if each.get("type") == "Value":
            if labels.get(str(each.get("key"))) != each.get("value"):
                return
            continue
        sure = False
        if each.get("key") not in labels and each.get("fromFieldPathPolicy") != "Optional":
            return
    yield _SELECTED if sure else _PERHAPS


def _labels(config: Object) -> Mapping[str, str]:
    return config["metadata"].get("labels") or {}


def size(config: Object) -> int:
    """Of its data, in bytes of JSON."""
    return len(encoding.to_json(config.get("data") or {}))


def row(config: Object) -> str:
    data = config.get("data") or {}
    labels = ",".join(f"{key}={value}" for key, value in _labels(config).items())
    keys = f"{len(data)} keys: {', '.join(map(str, data))}" if data else "no data"
    return "; ".join(filter(None, (str(config["metadata"]["name"]), labels, keys, f"{size(config)} bytes")))

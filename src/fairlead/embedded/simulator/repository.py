"""What the playground's registry of packages holds: under one address, in one version.

The packages of providers differ in their kinds alone, so they are made of one template; others lie there as they are.
A test puts the same content into a registry that real Crossplane fetches from.
"""

from functools import cache
from importlib import resources
from typing import Any

from fairlead.machinery.encoding import documents, from_yaml

Object = dict[str, Any]

REGISTRY, TAG = "packages.example.org", "v1.0.0"
_FOLDER = resources.files(__package__).joinpath("data", "packages")


def names() -> list[str]:
    plain = (each.name.removesuffix(".yaml") for each in _FOLDER.iterdir())
    return sorted([*_providers(), *(each for each in plain if each.partition("-")[0] in ("configuration", "function"))])


def fetch(reference: str) -> list[Object] | None:
    """A package's content, its own metadata first; None where there is no such package."""
    name, _, tag = reference.removeprefix(f"{REGISTRY}/").rpartition(":")
    if tag != TAG or name not in names():
        return None
    told = _providers().get(name)
    return _of_provider(name, told) if told else _read(f"{name}.yaml")


@cache
def _providers() -> dict[str, Object]:
    told: dict[str, Object] = from_yaml(_text("providers.yaml"))
    return told


def _of_provider(name: str, told: Object) -> list[Object]:
    image = f"{REGISTRY}/{name}-controller:{TAG}"
    metadata = {"apiVersion": "meta.pkg.crossplane.io/v1", "kind": "Provider", "metadata": {"name": name}}
    found = [{**metadata, "spec": {"controller": {"image": image}}}]
    for kind in told["kinds"]:
        named = {"group": told["group"], "kind": kind, "singular": kind.lower(), "plural": _plural(kind.lower())}
        found += _read("managed.template.yaml", **named)
    return [*found, *_read("config.template.yaml", group=told["group"])]


def _plural(word: str) -> str:
    if word.endswith("y") and word[-2] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x")) else f"{word}s"


def _read(name: str, **values: str) -> list[Object]:
    text = _text(name)
    for key, value in values.items():
        text = text.replace(f"{{{key}}}", value)
    return [each for each in documents(text) if each]


def _text(name: str) -> str:
    return _FOLDER.joinpath(name).read_text(encoding="utf-8")

"""Image configs: which of them decides for a package, and what becomes of its image by them.

Crossplane asks for each purpose by itself (a pull secret, a rewritten address, a runtime config, a verification) and
takes the config that serves it and has the longest matching prefix. So the config with the longest prefix may still
decide nothing beside one with a shorter; and all purposes but the rewrite look at what the rewrite has made.

Source: reference/crossplane.md §1.5; crossplane-runtime v2.3.3 `pkg/xpkg`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.crossplane import sources

Object = Mapping[str, Any]
REWRITE = "rewrite"


def purposes(config: Object) -> dict[str, str]:
    """What it is for, each with what it says."""
    spec = config.get("spec") or {}
    secret = (((spec.get("registry") or {}).get("authentication") or {}).get("pullSecretRef") or {}).get("name")
    rewrite = (spec.get("rewriteImage") or {}).get("prefix")
    runtime = ((spec.get("runtime") or {}).get("configRef") or {}).get("name")
    verified = (spec.get("verification") or {}).get("provider")
    found = {REWRITE: rewrite, "pull secret": secret, "runtime config": runtime, "verification": verified}
    return {key: str(value) for key, value in found.items() if value}


def prefixes(config: Object) -> list[str]:
    return [
        str(each.get("prefix")) for each in (config.get("spec") or {}).get("matchImages") or () if each.get("prefix")
    ]


def length(config: Object, image: str) -> int:
    """Of its longest prefix that the image has; 0 where it has none."""
    return max((len(each) for each in prefixes(config) if image.startswith(each)), default=0)


@dataclass(frozen=True)
class Match:
    """A package that a config's prefixes match."""

    package: str
    """As `Provider a`."""
    image: str
    decides: tuple[str, ...]
    """The purposes in which this config is the one."""
    loses: tuple[str, ...]
    """The others, each with the config that is."""

    def __str__(self) -> str:
        told = [f"decides {', '.join(self.decides)}"] if self.decides else []
        told += self.loses
        return f"{self.package} ({self.image}): {'; '.join(told) or 'nothing'}"


def name(config: Object) -> str:
    return str((config.get("metadata") or {}).get("name"))


class ImageConfigs:
    """All of a control plane; which decides is found once for each image, since lists ask it for every pair of them."""

    def __init__(self, configs: Iterable[Object]) -> None:
        self._all = list(configs)
        self._won: dict[tuple[str, str], Object | None] = {}

    def winner(self, image: str, purpose: str) -> Object | None:
        """Of two with prefixes of one length it is the first, which Crossplane does not promise."""
        if (image, purpose) not in self._won:
            able = [each for each in self._all if length(each, image) and purpose in purposes(each)]
            self._won[image, purpose] = max(able, key=lambda each: length(each, image), default=None)
        return self._won[image, purpose]

    def resolved(self, image: str) -> str:
        """From where an image is really fetched."""
        config = self.winner(image, REWRITE)
        return purposes(config)[REWRITE] + image[length(config, image) :] if config else image

    def runtime(self, package: Object) -> tuple[str, str]:
        """The name of the runtime config that a package runs by, and the image config that says so instead of it."""
        own = str(((package.get("spec") or {}).get("runtimeConfigRef") or {}).get("name") or "default")
        config = self.winner(self.resolved(str(sources.of(package))), "runtime config")
        return (purposes(config)["runtime config"], name(config)) if config else (own, "")

    def matches(self, config: Object, packages: Iterable[Object]) -> list[Match]:
        """The config is one of these, as it is or is to be."""
        found, does = [], purposes(config)
        for package in packages:
            image = str(sources.of(package))
            real = self.resolved(image)
            seen = {purpose: image if purpose == REWRITE else real for purpose in does}
            concerned = {purpose: at for purpose, at in seen.items() if length(config, at)}
            if concerned:
                called = f"{package.get('kind')} {package['metadata']['name']}"
                found.append(self._match(config, called, image, concerned))
        return found

    def _match(self, config: Object, called: str, image: str, seen: Mapping[str, str]) -> Match:
        decides, loses = [], []
        for purpose, at in seen.items():
            best = self.winner(at, purpose) or config
            if name(best) == name(config):
                decides.append(purpose)
            else:
                loses.append(f"its {purpose} is decided by {name(best)}, whose prefix is longer")
        return Match(called, image, tuple(decides), tuple(loses))

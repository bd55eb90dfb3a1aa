"""Image configs: which of them decides for a package, and what becomes of its image by them.

Crossplane asks for each purpose by itself (a pull secret, a rewritten address, a runtime config, a verification) and
takes the config that serves it and has the longest matching prefix. So the config with the longest prefix may still
decide nothing beside one with a shorter; and all purposes but the rewrite look at what the rewrite has made.

Source: reference/crossplane.md §1.5; crossplane-runtime v2.3.3 `pkg/xpkg`.
"""

from collections.abc import Iterable, Mapping, Sequence
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


def winner(configs: Iterable[Object], image: str, purpose: str) -> Object | None:
    """Of two with prefixes of one length it is the first, which Crossplane does not promise."""
    able = [each for each in configs if purpose in purposes(each) and length(each, image)]
    return max(able, key=lambda each: length(each, image), default=None)


def resolved(configs: Sequence[Object], image: str) -> str:
    """From where an image is really fetched."""
    config = winner(configs, image, REWRITE)
    return purposes(config)[REWRITE] + image[length(config, image) :] if config else image


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
        told += [f"{each}" for each in self.loses]
        return f"{self.package} ({self.image}): {'; '.join(told) or 'nothing'}"


def matches(config: Object, configs: Sequence[Object], packages: Iterable[Object]) -> list[Match]:
    """`configs` are all of them, this one among them as it is or is to be."""
    found = []
    for package in packages:
        image = str(sources.of(package))
        real = resolved(configs, image)
        seen = {purpose: image if purpose == REWRITE else real for purpose in purposes(config)}
        concerned = {purpose: at for purpose, at in seen.items() if length(config, at)}
        if concerned:
            called = f"{package.get('kind')} {package['metadata']['name']}"
            found.append(_match(config, configs, called, image, concerned))
    return found


def _match(config: Object, configs: Sequence[Object], called: str, image: str, seen: Mapping[str, str]) -> Match:
    decides, loses = [], []
    for purpose, at in seen.items():
        best = winner(configs, at, purpose) or config
        if name(best) == name(config):
            decides.append(purpose)
        else:
            loses.append(f"its {purpose} is decided by {name(best)}, whose prefix is longer")
    return Match(called, image, tuple(decides), tuple(loses))


def name(config: Object) -> str:
    return str((config.get("metadata") or {}).get("name"))


def runtime(configs: Sequence[Object], package: Object) -> tuple[str, str]:
    """The name of the runtime config that a package runs by, and the image config that says so instead of it."""
    own = str(((package.get("spec") or {}).get("runtimeConfigRef") or {}).get("name") or "default")
    config = winner(configs, resolved(configs, str(sources.of(package))), "runtime config")
    return (purposes(config)["runtime config"], name(config)) if config else (own, "")

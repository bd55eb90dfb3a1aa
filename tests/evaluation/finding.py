"""Whether the words that people use lead to the right tool, measured as a client that searches its tools would find it.

Clients with many tools do not show them all to the model: they search, most of them by BM25 over name and description.
So that is the measure, in its plain form and with the constants of its authors. No library is taken for it: each of
them is one page of code around the same formula, and none is among what the project depends on. Stemming is light
(plurals, -ing, -ed), because the searches of clients have no more; synonyms are none, so what users say has to stand in
the tools' own texts.

Source: reference/mcp-and-gateways.md §6.2 (findability); Robertson and Zaragoza, The Probabilistic Relevance Framework.
"""

import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fairlead.mcp.tools import Tool

PHRASINGS = Path(__file__).with_name("phrasings.toml")
TOP = 3
_K1, _B = 1.2, 0.75
_WORDS = re.compile(r"[A-Z]{2,}s?(?![a-z])|[A-Z]?[a-z]+|[A-Z]+(?=[A-Z][a-z])|[A-Z]|\d+")
_SILENT = (
    "a all an and any are as at be been but by can do does for from go has have how i in is it its me my no not of on "
    "or our so such than that the their them then there they this to was we what when where which who why will with you"
)
"""Words that no search looks for."""


@dataclass(frozen=True)
class Phrasing:
    text: str
    tools: tuple[str, ...]
    """All that would be right."""
    source: str


def phrasings() -> list[Phrasing]:
    with PHRASINGS.open("rb") as file:
        return [
            Phrasing(each["text"], tuple(each["tools"]), each["source"]) for each in tomllib.load(file)["phrasings"]
        ]


def terms(text: str) -> list[str]:
    """Words of a name, a kind in camel case or a sentence, in the form by which they are compared."""
    found = (each.lower() for each in _WORDS.findall(text))
    return [_stem(each) for each in found if each not in _SILENT.split()]


def _stem(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith("s") and len(word) > 3 and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            word = word[:-1] if word[-1] == word[-2] and word[-1] not in "ls" else word
            break
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


class Index:
    """Tools as a client's search has them."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._counts = {each.name: Counter(terms(f"{each.name} {each.description}")) for each in tools}
        self._mean = sum(each.total() for each in self._counts.values()) / len(self._counts)
        self._holding = Counter(term for counts in self._counts.values() for term in counts)

    def scores(self, text: str) -> Mapping[str, float]:
        wanted = terms(text)
        return {name: sum(self._weight(term, counts) for term in wanted) for name, counts in self._counts.items()}

    def _weight(self, term: str, counts: Counter[str]) -> float:
        holding, often = self._holding[term], counts[term]
        rarity = math.log(1 + (len(self._counts) - holding + 0.5) / (holding + 0.5))
        return rarity * often * (_K1 + 1) / (often + _K1 * (1 - _B + _B * counts.total() / self._mean))

    def place(self, phrasing: Phrasing) -> int | None:
        """Of the best right tool, from 1; what ties with it comes before it. None where nothing leads to one."""
        scores = self.scores(phrasing.text)
        best = max(scores.get(name, 0.0) for name in phrasing.tools)
        wrong = [score for name, score in scores.items() if name not in phrasing.tools]
        return 1 + sum(score >= best for score in wrong) if best > 0 else None


@dataclass(frozen=True)
class Miss:
    phrasing: Phrasing
    place: int | None
    instead: tuple[str, ...]

    def __str__(self) -> str:
        wanted, found = " or ".join(self.phrasing.tools), ", ".join(self.instead)
        return f"{self.phrasing.text!r} should lead to {wanted} (place {self.place or 'none'}), and leads to {found}"


@dataclass(frozen=True)
class Findability:
    asked: int
    misses: tuple[Miss, ...]

    @property
    def share(self) -> float:
        return 1 - len(self.misses) / self.asked


def findability(tools: Iterable[Tool]) -> Findability:
    """Of all phrasings to which one of these tools is an answer."""
    held = {each.name: each for each in tools}
    index = Index(held.values())
    asked = [each for each in phrasings() if held.keys() & set(each.tools)]
    misses = [
        Miss(each, place, _first(index, each.text))
        for each in asked
        if (place := index.place(each)) is None or place > TOP
    ]
    return Findability(len(asked), tuple(misses))


def _first(index: Index, text: str) -> tuple[str, ...]:
    scores = index.scores(text)
    return tuple(sorted(scores, key=lambda name: -scores[name])[:TOP])

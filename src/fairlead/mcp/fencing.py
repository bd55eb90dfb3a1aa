"""Text from a cluster, marked as data for a model, and cut to a length.

Anybody who may write an annotation, an event or a log line writes to the model that reads it. A fence that the writer
cannot guess says where the foreign text begins and ends; characters that hide text from people go. That does not stop
an injection: only the tools that a server lacks do. It takes away the cheap ones.

Source: reference/mcp-and-gateways.md §5.2 (Cluster data as instructions).
"""

import re
import secrets
import unicodedata

# Categories: control, format (zero-width, bidirectional), private use, surrogates, unassigned.
_HIDDEN = {"Cc", "Cf", "Co", "Cs", "Cn"}
_KEPT = {"\n", "\t"}
FENCED = re.compile(r"(<data-[0-9a-f]{8} [^>\n]*>\n.*?\n</data-[0-9a-f]{8}>)", re.DOTALL)
"""One stretch of text between fences, with them."""


def plain(text: str) -> str:
    """Without what is not seen."""
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(each for each in text if each in _KEPT or unicodedata.category(each) not in _HIDDEN)


def fenced(text: str, what: str) -> str:
    """`what` says in a few words where the text comes from."""
    fence = secrets.token_hex(4)
    return f'<data-{fence} from="{what}">\n{plain(text)}\n</data-{fence}>'


def capped(text: str, most: int, narrow: str) -> str:
    """At most so many characters, cut at a line; `narrow` says how to ask for less."""
    if len(text) <= most:
        return text
    kept = text[:most].rpartition("\n")[0] or text[:most]
    return f"{kept}\n… cut: {len(text) - len(kept)} of {len(text)} characters left out; {narrow}"

"""What only operators may know, taken out of errors on servers in production mode: addresses and places of files.

What the API said stays, because that is what whoever asked can do something about.
"""

import re

_FORMS = (
    (re.compile(r"\b[a-z][a-z0-9+.-]{1,15}://[^\s'\"<>,;]*[^\s'\"<>,;:.)]"), "<address>"),
    (re.compile(r"\[[0-9a-fA-F:]{2,45}\](?::\d{1,5})?"), "<address>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b"), "<address>"),
    (re.compile(r"\b(?:[a-z0-9-]{1,63}\.){1,8}[a-z0-9-]{1,63}:\d{2,5}\b"), "<address>"),
    (re.compile(r"(?<![\w.<])/(?:home|root|tmp|var|etc|opt|usr|run|srv|mnt|data|work|Users)(?:/[\w.@+-]+)+"), "<file>"),
)


def internals(text: str) -> str:
    for form, replacement in _FORMS:
        text = form.sub(replacement, text)
    return text

"""What somebody wants to be there, read from YAML or JSON as people and models write it.

They write what they were shown: with a status, with bookkeeping of the server, and with our own marks where a secret
was. The first two are left out, because they say nothing of what is wanted. The third is refused: it would make the
mark the secret.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from fairlead.machinery import encoding, redacting
from fairlead.machinery.errors import FairleadError

Object = dict[str, Any]
_BOOKKEEPING = ("managedFields", "selfLink", "creationTimestamp", "generation")
_SHAPE = "each document is a mapping with apiVersion, kind and metadata.name"


class ManifestError(FairleadError):
    """The text is no manifest, or one that must not be written."""


def read(text: str) -> list[Object]:
    """Every object of the documents, lists taken apart. Raises `ManifestError`."""
    try:
        documents = encoding.documents(text)
    except encoding.DecodeError as error:
        raise ManifestError("the manifest cannot be read", redacting.text(error.why)) from error
    found = [_wanted(each) for document in documents for each in _objects(document)]
    if not found:
        raise ManifestError("the manifest holds no object", "", _SHAPE)
    return found


def _objects(document: Any) -> Iterator[Any]:
    items = document.get("items") if isinstance(document, Mapping) else None
    if isinstance(items, list) and str(document.get("kind", "")).endswith("List"):
        yield from items
    else:
        yield document


def _wanted(document: Any) -> Object:
    metadata = document.get("metadata") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or not isinstance(metadata, Mapping):
        raise ManifestError("the manifest holds no object", "", _SHAPE)
    lacking = [key for key in ("apiVersion", "kind") if not isinstance(document.get(key), str) or not document[key]]
    lacking += [] if isinstance(metadata.get("name"), str) and metadata["name"] else ["metadata.name"]
    if lacking:
        raise ManifestError(f"the manifest lacks {', '.join(lacking)}", "", _SHAPE)
    check(document)
    kept = {key: value for key, value in metadata.items() if key not in _BOOKKEEPING}
    return {**{key: value for key, value in document.items() if key != "status"}, "metadata": kept}


def check(content: Any) -> None:
    """Raises `ManifestError` for anything to be written that holds a mark of ours; names the place."""
    where = next(_marks(content, ""), None)
    if where is not None:
        raise ManifestError(
            f"{where} holds {redacting.MARKER!r}, which was shown in place of a secret",
            "written back, it would replace the secret",
            "leave that field out, or give its true value",
        )


def _marks(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            if redacting.marked(key):
                yield path or "a key"
            yield from _marks(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _marks(each, f"{path}[{index}]")
    elif redacting.marked(value):
        yield path or "the text"

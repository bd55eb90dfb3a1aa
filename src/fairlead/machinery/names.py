"""What may be a name, a label key or a label value, and how the API server says that something may not.

Each check answers the sentences of `k8s.io/apimachinery/pkg/util/validation` (none: it is well formed), because clients
and people read them; the caller puts them after the field they concern.
"""

import re

SUBDOMAIN_PATTERN = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
LABEL_PATTERN = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_LABEL_1035_PATTERN = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED_PATTERN = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE_PATTERN = f"({_QUALIFIED_PATTERN})?"
_CONFIG_KEY_PATTERN = "[-._a-zA-Z0-9]+"

_subdomain = re.compile(SUBDOMAIN_PATTERN)
_label = re.compile(LABEL_PATTERN)
_label_1035 = re.compile(_LABEL_1035_PATTERN)
_qualified = re.compile(_QUALIFIED_PATTERN)
_value = re.compile(_VALUE_PATTERN)
_config_key = re.compile(_CONFIG_KEY_PATTERN)

_WORDS = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)
_KEY_SHAPE = (
    f"{_WORDS} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_QUALIFIED_PATTERN}')"
)
_VALUE_SHAPE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'{_VALUE_PATTERN}')"
)
_SUBDOMAIN_SHAPE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{SUBDOMAIN_PATTERN}')"
)
_LABEL_SHAPE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    f"an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{LABEL_PATTERN}')"
)
_LABEL_1035_SHAPE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    f"and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    f"'{_LABEL_1035_PATTERN}')"
)
_CONFIG_KEY_SHAPE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    f"'key-name', regex used for validation is '{_CONFIG_KEY_PATTERN}')"
)


def _too_long(text: str, most: int, unit: str) -> list[str]:
    return [f"must be no more than {most} {unit}"] if len(text.encode()) > most else []


def subdomain(text: str) -> list[str]:
    """DNS-1123 subdomain: the name of most objects."""
    return _too_long(text, 253, "bytes") + ([] if _subdomain.fullmatch(text) else [_SUBDOMAIN_SHAPE])


def label(text: str) -> list[str]:
    """DNS-1123 label: the name of a namespace."""
    return _too_long(text, 63, "bytes") + ([] if _label.fullmatch(text) else [_LABEL_SHAPE])


def label_1035(text: str) -> list[str]:
    """DNS-1035 label: plurals, singulars and kinds (in lower case) of a CRD."""
    return _too_long(text, 63, "bytes") + ([] if _label_1035.fullmatch(text) else [_LABEL_1035_SHAPE])


def path_segment(text: str) -> list[str]:
    """What may stand between two slashes of a URL: the name of an RBAC object."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return [f"may not contain '{sign}'" for sign in "/%" if sign in text]


def config_key(text: str) -> list[str]:
    """A key of a ConfigMap's or Secret's data."""
    found = _too_long(text, 253, "bytes") + ([] if _config_key.fullmatch(text) else [_CONFIG_KEY_SHAPE])
    if text in (".", ".."):
        found.append(f"must not be '{text}'")
    elif text.startswith(".."):
        found.append("must not start with '..'")
    return found


def label_key(text: str) -> list[str]:
    """A qualified name: an optional DNS subdomain and `/`, then up to 63 characters."""
    prefix, slash, name = text.partition("/")
    if not slash:
        prefix, name = "", text
    elif "/" in name:
        shape = (
            f"a valid label key {_KEY_SHAPE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        )
        return [shape]
    elif not prefix:
        return ["prefix part must be non-empty", *_name_part(name)]
    found = [f"prefix part {each}" for each in subdomain(prefix)] if slash else []
    return found + _name_part(name)


def _name_part(name: str) -> list[str]:
    found = ["name part must be non-empty"] if not name else []
    found += [f"name part {each}" for each in _too_long(name, 63, "bytes")]
    return found + ([] if _qualified.fullmatch(name) else [f"name part {_KEY_SHAPE}"])


def label_value(text: str) -> list[str]:
    return _too_long(text, 63, "bytes") + ([] if _value.fullmatch(text) else [_VALUE_SHAPE])

"""What a webhook changed in the outcome of an apply, as part of the configuration that is applied.

The change has to be the applier's: applied again, its configuration must give the same object. Without the schema a
list is one value; one that a webhook changes becomes the applier's as a whole.
"""

from collections.abc import Mapping
from typing import Any

from fairlead.machinery.values import same

Object = dict[str, Any]


def merged(configuration: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> Object:
    """The configuration with the difference between the two objects."""
    found = {key: value for key, value in configuration.items() if key in after or key not in before}
    for key, value in after.items():
        earlier = before.get(key)
        if key in before and same(earlier, value):
            continue
        if isinstance(earlier, dict) and isinstance(value, dict):
            mine = found.get(key)
            found[key] = merged(mine if isinstance(mine, dict) else {}, earlier, value)
        else:
            found[key] = value
    return found


def withheld(configuration: Any, before: Mapping[str, Any], after: Mapping[str, Any], where: str = "") -> list[str]:
    """Paths that the webhook took away and the configuration does not have: no apply takes from others."""
    mine = configuration if isinstance(configuration, dict) else {}
    found = [f"{where}{key}" for key in before if key not in after and key not in mine]
    for key, value in after.items():
        earlier = before.get(key)
        if isinstance(earlier, dict) and isinstance(value, dict):
            found += withheld(mine.get(key), earlier, value, f"{where}{key}.")
    return found

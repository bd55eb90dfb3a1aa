"""Conflicts of server-side apply, without those on what only the connector writes.

Two managers that apply different connection secrets conflict on the name, and on the annotation in which the connector
keeps it. The second is nobody's business: it is left out of causes, count and sentence, as if it were not there.

Source: `NewConflictError` of k8s.io/apimachinery (`pkg/util/managedfields`).
"""

from collections import defaultdict
from typing import Any

from fairlead.connector.naming import RESERVED

Object = dict[str, Any]
_REASON = "FieldManagerConflict"


def visible(status: Object) -> Object:
    """Any Status; the same unless a part of its conflicts is hidden."""
    causes = (status.get("details") or {}).get("causes") or []
    conflicts = [each for each in causes if each.get("reason") == _REASON]
    kept = [each for each in conflicts if RESERVED not in str(each.get("field"))]
    if not kept or kept == conflicts:
        return status
    return {**status, "message": _message(kept), "details": {**status["details"], "causes": kept}}


def _message(conflicts: list[Object]) -> str:
    if len(conflicts) == 1:
        return f"Apply failed with 1 conflict: {conflicts[0]['message']}: {conflicts[0]['field']}"
    paths = defaultdict(list)
    for each in conflicts:
        paths[each["message"].replace("conflict with", "conflicts with", 1)].append(each["field"])
    told = [f"{who}:" + "".join(f"\n- {field}" for field in paths[who]) for who in sorted(paths)]
    return f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(told)

"""The options of a request, read from its query (and a delete's body) and validated as the real server does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairlead.machinery import statuses
from fairlead.machinery.fielderrors import quoted
from fairlead.machinery.selectors import FieldSelector, LabelSelector

Object = dict[str, Any]
MOST_MANAGER = 128
PROPAGATION = ("Foreground", "Background", "Orphan")


def true(value: str) -> bool:
    """A query value as the API converts it: present, and neither `0` nor `false` nor empty."""
    return value.lower() not in ("", "0", "false", "f")


def _refuse(kind: str, causes: Sequence[Object]) -> None:
    if causes:
        raise statuses.invalid("meta.k8s.io", kind, "", causes)


@dataclass(frozen=True)
class WriteOptions:
    dry_run: bool = False
    field_manager: str = ""
    field_validation: str = "Warn"
    force: bool = False

    @classmethod
    def read(cls, kind: str, parameters: Mapping[str, str], *, apply: bool = False) -> "WriteOptions":
        """`kind`: `CreateOptions`, `UpdateOptions` or `PatchOptions`. Raises `Invalid` in its name."""
        manager, validation = parameters.get("fieldManager", ""), parameters.get("fieldValidation", "")
        causes = _dry_run_causes(parameters.get("dryRun"))
        if kind == "PatchOptions":
            causes = [*_patch_causes(parameters, apply), *causes]
        if len(manager.encode()) > MOST_MANAGER:
            causes.append(
                statuses.cause("fieldManager", "Too long: may not be more than 128 bytes", "FieldValueTooLong")
            )
        elif not manager.isprintable():
            causes.append(
                statuses.cause(
                    "fieldManager", f"Invalid value: {quoted(manager)}: should only contain printable characters"
                )
            )
        if validation not in ("", "Ignore", "Strict", "Warn"):
            causes.append(_unsupported("fieldValidation", quoted(validation), ("", "Ignore", "Strict", "Warn")))
        _refuse(kind, causes)
        return cls(bool(parameters.get("dryRun")), manager, validation or "Warn", true(parameters.get("force", "")))


def _patch_causes(parameters: Mapping[str, str], apply: bool) -> list[Object]:
    if apply and not parameters.get("fieldManager"):
        return [statuses.cause("fieldManager", "Required value: is required for apply patch", "FieldValueRequired")]
    if not apply and "force" in parameters:
        return [statuses.cause("force", "Forbidden: may not be specified for non-apply patch", "FieldValueForbidden")]
    return []


def _dry_run_causes(value: str | None) -> list[Object]:
    return [] if value in (None, "", "All") else [_unsupported("dryRun", f"[{quoted(value)}]", ("All",))]


def _unsupported(field: str, shown: str, supported: Sequence[str]) -> Object:
    allowed = ", ".join(quoted(each) for each in supported)
    return statuses.cause(field, f"Unsupported value: {shown}: supported values: {allowed}", "FieldValueNotSupported")


def _forbidden(field: str, why: str) -> Object:
    return statuses.cause(field, f"Forbidden: {why}", "FieldValueForbidden")


@dataclass(frozen=True)
class DeleteOptions:
    dry_run: bool = False
    propagation: str = ""
    uid: str = ""
    resource_version: str = ""

    @classmethod
    def read(cls, parameters: Mapping[str, str], body: Mapping[str, Any]) -> "DeleteOptions":
        """The query counts only where there is no body, as on the real server."""
        given: Mapping[str, Any] = body or _from_query(parameters)
        policy, orphan = given.get("propagationPolicy"), given.get("orphanDependents")
        dry_run = given.get("dryRun") or []
        causes = [each for value in dry_run for each in _dry_run_causes(value)]
        if policy is not None and orphan is not None:
            why = "orphanDependents and deletionPropagation cannot be both set"
            causes.append(statuses.cause("propagationPolicy", f"Invalid value: {quoted(policy)}: {why}"))
        elif policy is not None and policy not in PROPAGATION:
            causes.append(_unsupported("propagationPolicy", quoted(policy), (*PROPAGATION, "nil")))
        _refuse("DeleteOptions", causes)
        preconditions = given.get("preconditions") or {}
        if orphan is not None:
            policy = "Orphan" if orphan else "Background"
        return cls(
            bool(dry_run),
            policy or "",
            preconditions.get("uid") or "",
            preconditions.get("resourceVersion") or "",
        )


def _from_query(parameters: Mapping[str, str]) -> Object:
    given: Object = {}
    if "propagationPolicy" in parameters:
        given["propagationPolicy"] = parameters["propagationPolicy"]
    if "orphanDependents" in parameters:
        given["orphanDependents"] = true(parameters["orphanDependents"])
    if parameters.get("dryRun"):
        given["dryRun"] = [parameters["dryRun"]]
    return given


@dataclass(frozen=True)
class ListOptions:
    labels: LabelSelector
    fields: FieldSelector
    limit: int = 0
    token: str = ""
    resource_version: str = ""
    match: str = ""
    bookmarks: bool = False
    initial_events: bool | None = None
    timeout: int | None = None
    """Seconds that a watch may last."""

    @classmethod
    def read(cls, parameters: Mapping[str, str], *, watch: bool) -> "ListOptions":
        """Raises `BadRequest` for what cannot be parsed and `Invalid` for what does not go together."""
        initial = parameters.get("sendInitialEvents")
        found = cls(
            LabelSelector.parse(parameters.get("labelSelector", "")),
            FieldSelector.parse(parameters.get("fieldSelector", "")),
            _integer(parameters.get("limit", "")) or 0,
            parameters.get("continue", ""),
            parameters.get("resourceVersion", ""),
            parameters.get("resourceVersionMatch", ""),
            true(parameters.get("allowWatchBookmarks", "")),
            None if initial is None else true(initial),
            _integer(parameters.get("timeoutSeconds", "")),
        )
        _refuse("ListOptions", found._watch_causes() if watch else found._list_causes())
        return found

    def _watch_causes(self) -> list[Object]:
        if self.initial_events is None:
            if self.match:
                why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
                return [_forbidden("resourceVersionMatch", why)]
            return []
        if self.match != "NotOlderThan":
            why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            return [_forbidden("resourceVersionMatch", why)]
        return []

    def _list_causes(self) -> list[Object]:
        if self.initial_events is not None:
            return [_forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")]
        if not self.match:
            return []
        field, causes = "resourceVersionMatch", []
        if not self.resource_version:
            causes.append(_forbidden(field, "resourceVersionMatch is forbidden unless resourceVersion is provided"))
        if self.token:
            causes.append(_forbidden(field, "resourceVersionMatch is forbidden when continue is provided"))
        if self.match not in ("Exact", "NotOlderThan"):
            causes.append(_unsupported(field, quoted(self.match), ("Exact", "NotOlderThan", "")))
        if self.match == "Exact" and self.resource_version == "0":
            causes.append(_forbidden(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
        return causes


def _integer(text: str) -> int | None:
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise statuses.BadRequest(f"strconv.ParseInt: parsing {quoted(text)}: invalid syntax") from None

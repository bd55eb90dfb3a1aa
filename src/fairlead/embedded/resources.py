"""Requests for resources: which handler a method and path have, and what it answers."""

import copy
from collections.abc import Callable
from typing import Any

from fairlead.embedded import decoding, reading, scaling
from fairlead.embedded.answering import Form, plain_not_found
from fairlead.embedded.core import Core
from fairlead.embedded.kinds import Kind
from fairlead.embedded.options import DeleteOptions, ListOptions, WriteOptions
from fairlead.embedded.store import Key
from fairlead.embedded.watching import Watch
from fairlead.embedded.writing import Written, agent_of
from fairlead.machinery import encoding, patches, statuses, strategic
from fairlead.machinery.encoding import DecodeError
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.machinery.paths import RequestInfo

Object = dict[str, Any]

_JSON_PATCH = "application/json-patch+json"
_MERGE_PATCH = "application/merge-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"
_APPLY = "application/apply-patch+yaml"
_METHODS = {
    "list": "list", "watch": "list", "get": "get", "create": "create", "update": "update", "patch": "patch",
    "delete": "delete", "deletecollection": "deletecollection",
}  # fmt: skip


def not_allowed() -> statuses.MethodNotAllowed:
    return statuses.MethodNotAllowed("the server does not allow this method on the requested resource", {})


class Resources:
    def __init__(self, core: Core) -> None:
        self._core = core

    def handle(self, request: Request, info: RequestInfo, kind: Kind) -> Response:
        """Raises `StatusError`."""
        if not self._is_placed(info, kind):
            return self._misplaced(info, kind)
        if info.subresource:
            return self._subresource(request, info, kind)
        if info.verb not in _METHODS or _METHODS[info.verb] not in kind.verbs:
            return self._refused(request, info, kind)
        if info.verb in ("list", "watch"):
            return self._list(request, info, kind)
        return self._one(request, info, kind, "")

    def _is_placed(self, info: RequestInfo, kind: Kind) -> bool:
        """Whether namespace and name stand where this verb needs them."""
        if not kind.namespaced:
            return info.namespace == "" or (kind.plural == "namespaces" and info.namespace == info.name)
        if info.namespace:
            return True
        return info.verb in ("list", "watch") and not _names_one(info)

    def _misplaced(self, info: RequestInfo, kind: Kind) -> Response:
        if kind.custom:
            return plain_not_found()
        raise (not_allowed() if kind.namespaced and not _names_one(info) else statuses.no_such_resource())

    def _refused(self, request: Request, info: RequestInfo, kind: Kind) -> Response:
        if not kind.custom:
            raise not_allowed()
        details = {"group": kind.group, "kind": kind.plural}
        raise statuses.MethodNotAllowed(
            f'{info.verb} is not supported on resources of kind "{kind.resource.qualified}"', details
        )

    # --- reading ---

    def _list(self, request: Request, info: RequestInfo, kind: Kind) -> Response:
        watch = info.verb == "watch"
        options = ListOptions.read(request.parameters, watch=watch)
        form = Form.of(request, kind)
        if watch:
            stream = Watch(self._core.store, kind, info.namespace if kind.namespaced else "", options, form)
            headers = Headers([("cache-control", "no-cache, private"), ("content-type", "application/json")])
            return Response(200, headers, stream.lines())
        page = reading.collect(self._core.store, kind, info.namespace if kind.namespaced else "", options)
        return form.response(form.many(page.objects, page.metadata))

    # --- one object ---

    def _one(self, request: Request, info: RequestInfo, kind: Kind, subresource: str) -> Response:
        form = Form.of(request, kind)
        key = Key(*kind.collection, info.namespace if kind.namespaced else "", info.name)
        match info.verb:
            case "get":
                return form.response(form.one(reading.get(self._core.store, kind, key)))
            case "create":
                return self._create(request, info, kind, form)
            case "update":
                return self._replace(request, kind, key, subresource, form)
            case "patch":
                return _answer(form, self._patch(request, kind, key, subresource))
            case "delete":
                return self._delete(request, kind, key, form)
            case "deletecollection":
                return self._delete_all(request, info, kind, form)
        raise not_allowed()

    def _create(self, request: Request, info: RequestInfo, kind: Kind, form: Form) -> Response:
        if info.name and not kind.custom and kind.plural != "namespaces":
            raise not_allowed()
        options = WriteOptions.read("CreateOptions", request.parameters)
        decoded = decoding.document(request, kind.kind)
        written = self._core.writer.create(kind, info.namespace, decoded, options, agent_of(request))
        return _answer(form, written)

    def _replace(self, request: Request, kind: Kind, key: Key, subresource: str, form: Form) -> Response:
        if not key.name:
            raise (statuses.BadRequest("name must be provided") if kind.custom else not_allowed())
        options = WriteOptions.read("UpdateOptions", request.parameters)
        decoded = decoding.document(request, kind.kind)
        return _answer(form, self._core.writer.replace(kind, key, subresource, decoded, options, agent_of(request)))

    def _patch(self, request: Request, kind: Kind, key: Key, subresource: str) -> Written:
        content_type = decoding.essence(request)
        self._check_patch_type(kind, content_type)
        options = WriteOptions.read("PatchOptions", request.parameters, apply=content_type == _APPLY)
        if content_type == _APPLY:
            return self._core.writer.apply(kind, key, subresource, _read_config(request.body, kind), options)
        change = _change(kind, content_type, request.body)
        return self._core.writer.patch(kind, key, subresource, change, options, agent_of(request))

    def _check_patch_type(self, kind: Kind, content_type: str) -> None:
        offered = [_JSON_PATCH, _MERGE_PATCH, *([] if kind.custom else [_STRATEGIC]), _APPLY]
        if content_type in offered:
            return
        if not kind.custom:  # the real server's router knows the types of these paths and answers by itself
            raise statuses.UnsupportedMediaType("415: Unsupported Media Type")
        raise decoding.unsupported(", ".join(offered))

    # --- deletion ---

    def _delete(self, request: Request, kind: Kind, key: Key, form: Form) -> Response:
        deleted = self._core.deleter.delete(kind, key, _delete_options(request))
        if deleted.gone:
            uid = deleted.object["metadata"]["uid"]
            return form.response(statuses.success(kind.resource, key.name, uid))
        return form.response(form.one(deleted.object))

    def _delete_all(self, request: Request, info: RequestInfo, kind: Kind, form: Form) -> Response:
        options = ListOptions.read(request.parameters, watch=False)
        namespace = info.namespace if kind.namespaced else ""
        matches = reading.matcher(kind, options)
        found = [pair for pair in self._core.store.scan(kind.collection, namespace) if matches(pair[1])]
        gone = self._core.deleter.delete_all(kind, found, _delete_options(request))
        return form.response(form.many(gone, {"resourceVersion": str(self._core.store.revision)}))

    # --- subresources ---

    def _subresource(self, request: Request, info: RequestInfo, kind: Kind) -> Response:
        offered = kind.subresource(info.subresource)
        if offered is None:
            raise statuses.not_found(kind.resource, info.name) if kind.custom else statuses.no_such_resource()
        if info.verb not in offered.verbs:
            raise not_allowed()
        if info.subresource == "scale":
            return self._scale(request, info, kind)
        return self._one(request, info, kind, info.subresource)

    def _scale(self, request: Request, info: RequestInfo, kind: Kind) -> Response:
        key = Key(*kind.collection, info.namespace if kind.namespaced else "", info.name)
        live = reading.get(self._core.store, kind, key)
        shown = scaling.of(kind, live)
        form = Form.of(request, scaling.KIND)
        if info.verb == "get":
            return form.response(form.one(shown))
        wanted = self._wanted_scale(request, shown)
        name = "UpdateOptions" if info.verb == "update" else "PatchOptions"
        options = WriteOptions.read(name, request.parameters)
        change = scaling.change(kind, wanted)
        written = self._core.writer.patch(kind, key, "", change, options, agent_of(request))
        return form.response(form.one(scaling.of(kind, written.object)))

    def _wanted_scale(self, request: Request, shown: Object) -> Object:
        if request.method == "PUT":
            return decoding.document(request, "Scale").object
        content_type = decoding.essence(request)
        if content_type not in (_JSON_PATCH, _MERGE_PATCH):
            raise decoding.unsupported(f"{_JSON_PATCH}, {_MERGE_PATCH}")
        return _change(scaling.KIND, content_type, request.body)(copy.deepcopy(shown))


def _names_one(info: RequestInfo) -> bool:
    """Whether the path itself names an object: a field selector names one too, but lists."""
    return bool(info.name) and info.verb not in ("list", "watch")


def _answer(form: Form, written: Written) -> Response:
    status = 201 if written.created else 200
    return form.response(form.one(written.object), status, written.warnings)


def _delete_options(request: Request) -> DeleteOptions:
    body: Object = {}
    if request.body:
        body = _delete_body(request)
    return DeleteOptions.read(request.parameters, body)


def _delete_body(request: Request) -> Object:
    if decoding.essence(request) in ("", "application/json"):
        try:
            found = encoding.from_json(request.body)
        except DecodeError:
            raise statuses.BadRequest(
                "couldn't get version/kind; json parse error: unexpected end of JSON input"
            ) from None
        body = found if isinstance(found, dict) else {}
    else:
        body = decoding.document(request, "DeleteOptions").object
    kind, version = body.get("kind", "DeleteOptions"), body.get("apiVersion", "v1")
    if kind != "DeleteOptions":
        raise statuses.BadRequest(
            f'no kind "{kind}" is registered for version "{version}" in scheme "pkg/runtime/scheme.go:111"'
        )
    return body


def _change(kind: Kind, content_type: str, body: bytes) -> Callable[[Object], Object]:
    """The function that a patch is. Raises `BadRequest` for one that cannot be read."""
    try:
        patch = encoding.from_json(body)
    except DecodeError:
        raise statuses.BadRequest("error decoding patch: unexpected end of JSON input") from None
    if content_type == _JSON_PATCH:
        return lambda target: patches.json_patch(target, patch)
    if not isinstance(patch, dict):
        name = decoding.go_name(patch)
        why = f"error decoding patch: json: cannot unmarshal {name} into Go value of type map[string]interface {{}}"
        raise statuses.BadRequest(why)
    if content_type == _STRATEGIC:
        node = kind.node()
        if node is not None:
            return lambda target: strategic.strategic_merge(target, patch, node)
    return lambda target: patches.merge_patch(target, patch)


def _read_config(body: bytes, kind: Kind) -> Object:
    try:
        found = encoding.from_yaml(body)
    except DecodeError as error:
        raise statuses.BadRequest(f"error decoding YAML: {error.why or error.what}") from None
    if not isinstance(found, dict):
        raise statuses.BadRequest(f"an applied configuration is an object of kind {kind.kind}")
    return found

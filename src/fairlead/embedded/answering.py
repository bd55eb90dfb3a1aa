"""Objects become bytes in the form that the client asked for: JSON or YAML, whole, as a Table, or their metadata."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fairlead.embedded.kinds import Kind
from fairlead.machinery import negotiation, statuses, tables
from fairlead.machinery.encoding import to_json, to_yaml
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.machinery.negotiation import JSON, YAML, MediaType, transformed
from fairlead.machinery.statuses import StatusError

Object = dict[str, Any]

_META = "meta.k8s.io"
_ACCEPTED = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
_VERSIONS = ("v1", "v1beta1")
_OFFERED: tuple[MediaType, ...] = (
    JSON,
    YAML,
    *(
        transformed(kind, _META, version, essence)
        for essence in (JSON, YAML)
        for version in _VERSIONS
        for kind in ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
    ),
)


def not_acceptable() -> statuses.NotAcceptable:
    return statuses.NotAcceptable(f"only the following media types are accepted: {_ACCEPTED}")


def negotiate(request: Request, offered: Sequence[MediaType] = _OFFERED) -> MediaType:
    """Raises `NotAcceptable`."""
    chosen = negotiation.choose(",".join(request.headers.all("accept")), offered)
    if chosen is None:
        raise not_acceptable()
    return chosen


@dataclass(frozen=True)
class Form:
    """How this client wants objects of this kind."""

    media: MediaType
    kind: Kind
    include: str

    @classmethod
    def of(cls, request: Request, kind: Kind) -> "Form":
        """Raises `NotAcceptable` and `BadRequest`."""
        media = negotiate(request)
        include = request.parameters.get("includeObject", "") or tables.METADATA
        if media.get("as") == "Table" and include not in tables.INCLUDE:
            raise statuses.BadRequest(
                f'Unable to convert to Table as requested: includeObject: Invalid value: "{include}": '
                "must be 'Metadata', 'Object', 'None', or empty"
            )
        return cls(media, kind, include)

    def one(self, obj: Object, *, with_columns: bool = True) -> Object:
        wanted, version = self.media.get("as"), self.media.get("v")
        if wanted == "Table":
            metadata = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
            return self._table([obj], metadata, version, with_columns)
        if wanted == "PartialObjectMetadataList":
            raise statuses.NotAcceptable(
                f"you requested PartialObjectMetadataList, but the requested object is not a list ({self._go_type})"
            )
        return tables.partial(obj, version) if wanted else obj

    def many(self, objects: list[Object], metadata: Object) -> Object:
        wanted, version = self.media.get("as"), self.media.get("v")
        if wanted == "Table":
            return self._table(objects, metadata, version, True)
        if wanted == "PartialObjectMetadata":
            raise statuses.NotAcceptable(
                f"you requested PartialObjectMetadata, but the requested object is a list ({self._go_type}List)"
            )
        if wanted:
            items = [tables.partial(each, version) for each in objects]
            return {"kind": wanted, "apiVersion": f"{_META}/{version}", "metadata": metadata, "items": items}
        # Typed lists carry kind and apiVersion once; those of custom resources repeat them in every item.
        items = objects if self.kind.custom else [_without_type(each) for each in objects]
        return {
            "kind": self.kind.list_kind,
            "apiVersion": self.kind.api_version,
            "metadata": metadata,
            "items": items,
        }

    @property
    def _go_type(self) -> str:
        return "*unstructured.Unstructured" if self.kind.custom else f"*{self.kind.kind}"

    def _table(self, objects: list[Object], metadata: Object, version: str, with_columns: bool) -> Object:
        now = datetime.now(UTC)
        return tables.document(
            objects,
            self.kind.printer,
            now,
            metadata=metadata,
            include=self.include,
            with_columns=with_columns,
            version=version,
        )

    def response(self, document: Object, status: int = 200, warnings: Sequence[str] = ()) -> Response:
        return written(document, self.media, status, warnings)


def _without_type(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key not in ("kind", "apiVersion")}


def written(document: Any, media: MediaType = JSON, status: int = 200, warnings: Sequence[str] = ()) -> Response:
    lines = [("cache-control", "no-cache, private"), ("content-type", media.essence)]
    lines += [("warning", f'299 - "{_escaped(each)}"') for each in warnings]
    body = to_yaml(document).encode() if media.subtype == "yaml" else to_json(document) + b"\n"
    return Response(status, Headers(lines), body)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def failure(error: FairleadError, request: Request) -> Response:
    """A Status, in YAML where the client reads only that."""
    status = error if isinstance(error, StatusError) else statuses.InternalError(str(error))
    document = status.to_object()
    if not status.status_reason:
        document.pop("reason", None)
    accept = ",".join(request.headers.all("accept"))
    media = negotiation.choose(accept, (JSON, YAML)) or JSON
    answer = written(document, media, status.status_code)
    if status.retry_after is None:
        return answer
    return Response(
        answer.status, Headers([*answer.headers.lines, ("retry-after", str(status.retry_after))]), answer.body
    )


def plain_not_found() -> Response:
    """For a path that no handler claims: not even a Status."""
    headers = Headers([("content-type", "text/plain; charset=utf-8"), ("x-content-type-options", "nosniff")])
    return Response(404, headers, b"404 page not found\n")

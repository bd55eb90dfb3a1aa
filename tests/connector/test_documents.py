import pytest

from fairlead.connector import documents
from fairlead.machinery import statuses
from fairlead.machinery.messages import Headers, Request, Response
from tests.connector.fakes import CATALOG
from tests.connector.objects import decode

# What an aggregator of 1.36 sends; there is no plain JSON among it.
AGGREGATOR = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def ask(path: str, accept: str = "application/json", query: str = "", tag: str = "") -> Response:
    lines = [("accept", accept), *([("if-none-match", tag)] if tag else [])]
    return documents.answer(Request("GET", path, query, Headers(lines)), CATALOG)


def body(answer: Response) -> object:
    assert isinstance(answer.body, bytes)
    return decode(answer.body)


@pytest.mark.requirement("connector:discovery-filtered")
def test_the_aggregator_gets_the_aggregated_document_as_such() -> None:
    answer = ask("/apis", AGGREGATOR)
    assert answer.headers.get("content-type") == AGGREGATOR
    found = body(answer)
    assert isinstance(found, dict)
    assert [each["metadata"]["name"] for each in found["items"]] == ["demo.example.org"]
    (resource,) = found["items"][0]["versions"][0]["resources"]
    assert (resource["resource"], resource["categories"]) == ("databases", ["claim"])


@pytest.mark.requirement("connector:discovery-filtered")
@pytest.mark.parametrize(
    ("path", "kind"),
    [("/api", "APIVersions"), ("/apis", "APIGroupList"), ("/apis/demo.example.org", "APIGroup"),
     ("/apis/demo.example.org/v1", "APIResourceList"), ("/apis/demo.example.org/v1/", "APIResourceList")],
)  # fmt: skip
def test_the_legacy_documents(path: str, kind: str) -> None:
    found = body(ask(path))
    assert isinstance(found, dict)
    assert found["kind"] == kind


@pytest.mark.requirement("connector:discovery-cached")
@pytest.mark.parametrize("path", ["/apis", "/apis/demo.example.org/v1", "/openapi/v2", "/openapi/v3"])
def test_who_has_the_document_gets_304(path: str) -> None:
    answer = ask(path)
    assert answer.headers.get("vary") == "Accept"
    again = ask(path, tag=f'"x", {answer.headers.get("etag")}')
    assert (again.status, again.body) == (304, b"")
    assert ask(path, tag='"x"').status == 200


@pytest.mark.requirement("connector:discovery-cached")
def test_openapi_v3_is_immutable_under_its_hash_and_never_redirects() -> None:
    found = body(ask("/openapi/v3"))
    assert isinstance(found, dict)
    assert list(found["paths"]) == ["apis/demo.example.org/v1"]
    path, _, query = found["paths"]["apis/demo.example.org/v1"]["serverRelativeURL"].partition("?")
    current, stale = ask(path, query=query), ask(path, query="hash=OLD")
    assert "immutable" in current.headers.get("cache-control")
    assert stale.status == 200
    assert "immutable" not in stale.headers.get("cache-control")
    assert current.body == stale.body


@pytest.mark.requirement("connector:media-types")
def test_a_document_that_is_not_json_is_406() -> None:
    with pytest.raises(statuses.NotAcceptable):
        ask("/apis", "text/html")


@pytest.mark.requirement("connector:routing")
@pytest.mark.parametrize("path", ["/apis/other", "/apis/demo.example.org/v9", "/openapi/v3/apis/other/v1", "/openapi"])
def test_other_documents_are_404(path: str) -> None:
    with pytest.raises(statuses.NotFound):
        ask(path)

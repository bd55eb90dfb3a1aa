import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery import paths
from fairlead.machinery.paths import GroupVersion, Resource, SegmentError

label = st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)


@pytest.mark.requirement("machinery:request-info")
@pytest.mark.parametrize(
    ("method", "url", "query", "verb", "where"),
    [
        ("GET", "/api/v1/namespaces", {}, "list", ("", "v1", "", "namespaces", "", "")),
        ("GET", "/api/v1/namespaces/n", {}, "get", ("", "v1", "n", "namespaces", "n", "")),
        ("PUT", "/api/v1/namespaces/n/finalize", {}, "update", ("", "v1", "n", "namespaces", "n", "finalize")),
        ("GET", "/api/v1/namespaces/n/pods/p/log", {}, "get", ("", "v1", "n", "pods", "p", "log")),
        ("GET", "/apis/g/v1/things", {"watch": "true"}, "watch", ("g", "v1", "", "things", "", "")),
        ("GET", "/apis/g/v1/things", {"watch": "0"}, "list", ("g", "v1", "", "things", "", "")),
        ("GET", "/apis/g/v1/things", {"watch": ""}, "watch", ("g", "v1", "", "things", "", "")),
        ("GET", "/apis/g/v1/watch/namespaces/n/things", {}, "watch", ("g", "v1", "n", "things", "", "")),
        ("DELETE", "/apis/g/v1/namespaces/n/things", {}, "deletecollection", ("g", "v1", "n", "things", "", "")),
        ("DELETE", "/apis/g/v1/namespaces/n/things/t", {}, "delete", ("g", "v1", "n", "things", "t", "")),
        ("PATCH", "/apis/g/v1/namespaces/n/things/t/status", {}, "patch", ("g", "v1", "n", "things", "t", "status")),
        (
            "GET",
            "/apis/g/v1/namespaces/n/things",
            {"watch": "1", "fieldSelector": "metadata.name=t"},
            "watch",
            ("g", "v1", "n", "things", "t", ""),
        ),
    ],
)
def test_resource_requests(
    method: str, url: str, query: dict[str, str], verb: str, where: tuple[str, str, str, str, str, str]
) -> None:
    info = paths.read(method, url, query)
    assert info.is_resource
    assert info.verb == verb
    assert (info.group, info.version, info.namespace, info.plural, info.name, info.subresource) == where


@pytest.mark.requirement("machinery:request-info")
@pytest.mark.parametrize(
    "url", ["/", "/healthz", "/api", "/api/v1", "/apis", "/apis/g", "/apis/g/v1", "/openapi/v3/apis/g/v1"]
)
def test_other_paths_are_no_resource_requests(url: str) -> None:
    info = paths.read("GET", url, {})
    assert (info.is_resource, info.verb, info.path) == (False, "get", url)


@pytest.mark.requirement("machinery:path-round-trip")
@given(label, label, label, label, label)
def test_a_built_path_reads_back(group: str, version: str, plural: str, namespace: str, name: str) -> None:
    resource = Resource(group, version, plural)
    info = paths.read("GET", resource.path(namespace, name), {})
    assert (info.verb, info.resource, info.namespace, info.name) == ("get", resource, namespace, name)


@pytest.mark.requirement("machinery:path-round-trip")
@pytest.mark.parametrize("text", ["v1", "apps/v1", "db.example.org/v1alpha1"])
def test_group_versions_read_back(text: str) -> None:
    assert str(GroupVersion.parse(text)) == text


@pytest.mark.requirement("machinery:path-round-trip")
@pytest.mark.parametrize("name", ["shop/secrets/a", "web/log", ".", "..", "a%2Fb", "/"])
def test_what_a_server_would_read_as_more_than_a_name_is_refused(name: str) -> None:
    """Quoted or not: by the name of a Namespace a Secret could be read, whatever kinds an operator has denied."""
    with pytest.raises(SegmentError, match="is no name"):
        Resource("", "v1", "namespaces", namespaced=False).path(None, name)
    with pytest.raises(SegmentError):
        Resource("", "v1", "pods").path(name, "web")
    assert Resource("rbac", "v1", "roles").path("shop", "system:a b").endswith("/roles/system:a%20b")

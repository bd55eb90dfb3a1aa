import json
from importlib import resources

import pytest

from fairlead.embedded import builtin_schemas
from fairlead.machinery.shapes import object_shape

KINDS = [
    ("v1", "ConfigMap"),
    ("v1", "Namespace"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("v1", "Event"),
    ("events.k8s.io/v1", "Event"),
    ("coordination.k8s.io/v1", "Lease"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("apiregistration.k8s.io/v1", "APIService"),
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview"),
    ("authentication.k8s.io/v1", "TokenReview"),
]


@pytest.mark.requirement("embedded:builtin-schemas")
class TestBuiltinSchemas:
    @pytest.mark.parametrize(("api_version", "kind"), KINDS)
    def test_each_kind_is_whole(self, api_version: str, kind: str) -> None:
        node = builtin_schemas.node(api_version, kind)
        assert node
        assert {"apiVersion", "kind"} <= set(node.properties)
        references = json.dumps(builtin_schemas.definitions()).split('"#/components/schemas/')[1:]
        assert {each.split('"')[0] for each in references} <= set(builtin_schemas.definitions())

    def test_unknown_fields_are_named(self) -> None:
        schema = builtin_schemas.schema("v1", "Service")
        assert schema
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"x": 1},
            "spec": {"ports": [{"port": 1, "y": 1}]},
        }
        assert schema.prune(service) == ["metadata.x", "spec.ports[0].y"]

    def test_merge_keys_are_those_of_the_server(self) -> None:
        node = builtin_schemas.node("v1", "Service")
        assert node
        ports = node.properties["spec"].properties["ports"]
        assert (ports.patch_merge_key, ports.list_map_keys) == ("port", ("port", "protocol"))
        shape = object_shape(node).map
        assert shape
        spec = shape.fields["spec"].map
        assert spec
        entries = spec.fields["ports"].list
        assert entries
        assert (entries.atomic, entries.key_defaults["protocol"]) == (False, "TCP")

    def test_a_kind_that_was_not_recorded_is_none(self) -> None:
        assert builtin_schemas.schema("apps/v1", "Deployment") is None

    def test_the_data_says_where_it_is_from_and_stays_small(self) -> None:
        for name in ("builtin_schemas.json", "protobuf_fields.json"):
            text = resources.files("fairlead.embedded").joinpath("data", name).read_text(encoding="utf-8")
            assert "Apache License" in json.loads(text)["source"]
            assert len(text) < 400_000

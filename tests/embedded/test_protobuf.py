import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.embedded import protobuf
from fairlead.machinery.statuses import BadRequest, UnsupportedMediaType

BODIES = json.loads((Path(__file__).parent / "data/kubectl_bodies.json").read_text(encoding="utf-8"))
NOT_SHOWN = ("Status", "SelfSubjectRulesReview")
"""Answers that do not repeat what was sent."""
READ = [each for each in BODIES if each["answer"]["kind"] not in NOT_SHOWN]
CONFIG_MAP = protobuf.fields_of("core.ConfigMap")


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    found = b""
    while number > 0x7F:
        found += bytes([number & 0x7F | 0x80])
        number >>= 7
    return found + bytes([number])


def part(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def pairs(number: int, values: dict[str, Any]) -> bytes:
    return b"".join(part(number, part(1, name) + part(2, each)) for name, each in values.items())


def envelope(api_version: str, kind: str, raw: bytes, encoding: str = "") -> bytes:
    return (
        protobuf.MAGIC + part(1, part(1, api_version) + part(2, kind)) + part(2, raw) + part(3, encoding) + part(4, "")
    )


def within(part_of: Any, whole: Any) -> bool:
    """Whether the server's answer has everything that was read, and the same."""
    if isinstance(part_of, dict) and isinstance(whole, dict):
        return all(within(each, whole.get(name)) for name, each in part_of.items())
    return bool(part_of == whole)


@pytest.mark.requirement("embedded:protobuf-of-kubectl")
@pytest.mark.parametrize("recorded", READ, ids=lambda each: f"{each['kubectl']} {each['command']}")
def test_a_body_is_read_as_the_real_server_reads_it(recorded: dict[str, Any]) -> None:
    found = protobuf.decode(base64.b64decode(recorded["body"]))
    answer = recorded["answer"]
    found.pop("status", None)  # the server's own
    assert within(found, answer)
    for name in ("data", "binaryData", "rules", "subjects", "roleRef", "type"):
        assert found.get(name) == answer.get(name)


@pytest.mark.requirement("embedded:protobuf-of-kubectl")
def test_the_bodies_of_two_kubectls_are_recorded() -> None:
    assert {each["kubectl"].rsplit(".", 1)[0] for each in BODIES} == {"v1.32", "v1.36"}
    for command, spec in (
        ("create token", {"expirationSeconds": 1200}),
        ("auth can-i --list", {"namespace": "default"}),
    ):
        for recorded in (each for each in BODIES if each["command"].startswith(command)):
            assert protobuf.decode(base64.b64decode(recorded["body"]))["spec"] == spec


texts = st.text(max_size=5)


@pytest.mark.requirement("embedded:protobuf-values")
class TestValues:
    @given(texts.filter(bool), st.dictionaries(texts, texts, max_size=3), st.dictionaries(texts, st.binary(max_size=9)))
    def test_a_config_map(self, name: str, data: dict[str, str], binary: dict[str, bytes]) -> None:
        raw = part(1, part(1, name)) + pairs(2, data) + pairs(3, binary)
        encoded = {key: base64.b64encode(each).decode() for key, each in binary.items()}
        parts = {"metadata": {"name": name}, "data": data, "binaryData": encoded}
        expected = {key: each for key, each in parts.items() if each}
        assert protobuf.decode(envelope("v1", "ConfigMap", raw)) == {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            **expected,
        }

    @given(st.integers(-(2**63), 2**63 - 1), st.booleans())
    def test_numbers_keep_their_sign_and_pointers_their_zero(self, seconds: int, orphan: bool) -> None:
        found = protobuf.decode(envelope("apps/v1", "DeleteOptions", part(1, seconds) + part(3, int(orphan))))
        assert found == {
            "apiVersion": "apps/v1",
            "kind": "DeleteOptions",
            "gracePeriodSeconds": seconds,
            "orphanDependents": orphan,
        }

    def test_times(self) -> None:
        spec = part(1, "h") + part(3, part(1, 1_700_000_000) + part(2, 123_456_789))
        found = protobuf.decode(envelope("coordination.k8s.io/v1", "Lease", part(2, spec)))
        assert found["spec"] == {"holderIdentity": "h", "acquireTime": "2023-11-14T22:13:20.123456Z"}
        meta = part(1, "n") + part(8, b"") + part(9, part(1, -62_135_596_800 + 86_400))
        found = protobuf.decode(envelope("v1", "Namespace", part(1, meta)))
        assert found["metadata"] == {"name": "n", "deletionTimestamp": "0001-01-02T00:00:00Z"}

    def test_numbers_or_names_and_fields(self) -> None:
        port = part(3, 80) + part(4, part(1, 1) + part(2, 0) + part(3, "http"))
        found = protobuf.decode(envelope("v1", "Service", part(2, part(1, port))))
        assert found["spec"]["ports"] == [{"port": 80, "targetPort": "http"}]
        entry = part(1, "m") + part(7, part(1, b'{"f:data":{}}'))
        found = protobuf.decode(envelope("v1", "Secret", part(1, part(17, entry))))
        assert found["metadata"]["managedFields"] == [{"manager": "m", "fieldsV1": {"f:data": {}}}]

    def test_lists_in_maps(self) -> None:
        spec = part(5, part(1, "scopes") + part(2, part(1, "a") + part(1, "b")))
        found = protobuf.decode(envelope("authorization.k8s.io/v1", "SubjectAccessReview", part(2, spec)))
        assert found["spec"] == {"extra": {"scopes": ["a", "b"]}}

    def test_fields_of_newer_clients_are_passed_over(self) -> None:
        raw = part(99, "x") + varint(98 << 3 | 5) + b"1234" + varint(97 << 3 | 1) + b"12345678" + pairs(2, {"a": "b"})
        assert protobuf.decode(envelope("v1", "ConfigMap", raw))["data"] == {"a": "b"}


@pytest.mark.requirement("embedded:protobuf-hostile")
class TestHostile:
    @pytest.mark.parametrize(
        "raw",
        [
            b"\x12",
            b"\x12\x05a",
            b"\xff" * 11,
            b"\x03",
            b"\x00\x00",
            part(1, 5),
            part(1, part(1, b"\xff")),
            part(1, part(7, b"x")),
            part(1, part(9, part(1, 2**62))),
            part(1, part(9, part(2, 10**9))),
            part(1, part(17, part(7, part(1, b"{")))),
        ],
    )
    def test_a_broken_body_is_the_clients_fault(self, raw: bytes) -> None:
        with pytest.raises(BadRequest):
            protobuf.decode(envelope("v1", "ConfigMap", raw))

    @given(st.binary(max_size=60))
    def test_any_bytes_are_read_or_refused(self, raw: bytes) -> None:
        for body in (raw, protobuf.MAGIC + raw, envelope("v1", "Event", raw)):
            try:
                assert "kind" in protobuf.decode(body)
            except (BadRequest, UnsupportedMediaType):
                continue

    @pytest.mark.parametrize(
        "body",
        [envelope("apps/v1", "Deployment", b""), envelope("", "", b""), envelope("v1", "ConfigMap", b"", "gzip")],
    )
    def test_what_has_no_table_is_not_supported(self, body: bytes) -> None:
        with pytest.raises(UnsupportedMediaType):
            protobuf.decode(body)

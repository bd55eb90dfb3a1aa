import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fairlead.machinery import paths
from fairlead.machinery.encoding import from_json
from fairlead.machinery.messages import Headers, Request
from fairlead.machinery.principals import Principal
from fairlead.serving import audit
from fairlead.serving.audit import AuditError, AuditLog, Event

pytestmark = pytest.mark.requirement("serving:audit")
REQUEST = Request(
    "PUT", "/apis/example.org/v1/namespaces/team-a/databases/orders", "dryRun=All",
    Headers([("user-agent", "kubectl"), ("authorization", "Bearer secret")]), b'{"spec":{"password":"secret"}}',
)  # fmt: skip
EVENT = Event(
    "id-1", "ResponseComplete", REQUEST, paths.read(REQUEST.method, REQUEST.path, REQUEST.parameters),
    Principal("ana", "u-1", ("team",), (("scopes", ("secret",)),)), 409, datetime(2026, 1, 2, tzinfo=UTC), {"a": "b"},
)  # fmt: skip


def test_an_event_is_one_line_in_kubernetes_shape() -> None:
    file = io.BytesIO()
    AuditLog(file).write(EVENT)
    assert file.getvalue().count(b"\n") == 1
    found = from_json(file.getvalue())
    assert (found["kind"], found["apiVersion"], found["level"]) == ("Event", "audit.k8s.io/v1", "Metadata")
    assert found["auditID"] == "id-1"
    assert found["requestURI"] == f"{REQUEST.path}?dryRun=All"
    assert found["verb"] == "update"
    assert found["user"] == {"username": "ana", "uid": "u-1", "groups": ["team"]}
    assert found["objectRef"] == {
        "resource": "databases", "namespace": "team-a", "name": "orders", "apiGroup": "example.org", "apiVersion": "v1",
    }  # fmt: skip
    assert found["responseStatus"]["code"] == 409
    assert found["requestReceivedTimestamp"] == "2026-01-02T00:00:00.000000Z"
    assert found["annotations"] == {"a": "b"}


def test_neither_bodies_nor_credentials_are_written() -> None:
    file = io.BytesIO()
    AuditLog(file).write(EVENT)
    assert b"secret" not in file.getvalue()


def test_a_file_is_appended_to_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    for _ in range(2):
        with audit.opened(str(path)) as log:
            assert log is not None
            log.write(EVENT)
    assert len(path.read_text().splitlines()) == 2
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_opened_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="cannot be opened"), audit.opened(str(tmp_path / "none" / "audit.log")):
        pytest.fail("it was opened")


def test_none_is_asked_for() -> None:
    with audit.opened("") as log:
        assert log is None


def test_a_full_disk_stops_nobody_and_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with Path("/dev/full").open("ab") as full:
        log = AuditLog(full)
        log.write(EVENT)
        log.write(EVENT)
        full.raw.close()
    assert caplog.text.count("cannot be written") == 1

"""Certificates that somebody else renews."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import anyio
import pytest

from fairlead.serving.certificates import Authority, CertificateError, KeyPair
from fairlead.serving.listening import listen
from fairlead.serving.tlsfiles import FileTLS
from tests.serving.clients import client_tls
from tests.serving.test_tls import ask, subject

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("serving:certificate-files")]
DEADLINE = 30


def written(folder: Path, pair: KeyPair) -> tuple[Path, Path]:
    (folder / "tls.crt").write_bytes(pair.certificate)
    (folder / "tls.key").write_bytes(pair.key)
    return folder / "tls.crt", folder / "tls.key"


async def test_a_renewed_certificate_is_served_without_a_restart(tmp_path: Path) -> None:
    old, new = Authority.create("old"), Authority.create("new")
    loop, exchanged = asyncio.get_running_loop(), asyncio.Event()

    class Telling(FileTLS):
        def exchange(self, **what: Any) -> None:
            super().exchange(**what)
            loop.call_soon_threadsafe(exchanged.set)

    tls = Telling(*written(tmp_path, old.issue_server(["localhost"])))
    with anyio.fail_after(DEADLINE):
        async with listen(subject, tls=tls) as listening, anyio.create_task_group() as tasks:
            assert await ask(listening, client_tls(old)) == "nobody"
            tasks.start_soon(tls.follow, 0.01)
            written(tmp_path, new.issue_server(["localhost"]))
            await exchanged.wait()
            assert await ask(listening, client_tls(new)) == "nobody"
            tasks.cancel_scope.cancel()


def test_half_a_change_is_waited_out_and_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    authority = Authority.create("one")
    first, second = authority.issue_server(["localhost"]), authority.issue_server(["localhost"])
    tls = FileTLS(*written(tmp_path, first))
    (tmp_path / "tls.crt").write_bytes(second.certificate)
    with caplog.at_level(logging.WARNING):
        tls.renew()
        tls.renew()
    assert tls.pair == first
    assert "does not belong to" in tls.fault
    assert len(caplog.records) == 1
    (tmp_path / "tls.key").write_bytes(second.key)
    tls.renew()
    assert (tls.pair, tls.fault) == (second, "")


def test_files_that_go_leave_the_certificate_that_stands(tmp_path: Path) -> None:
    tls = FileTLS(*written(tmp_path, Authority.create("one").issue_server(["localhost"])))
    for each in ("tls.crt", "tls.key"):
        (tmp_path / each).unlink()
    tls.renew()
    assert "tls.crt" in tls.fault
    with pytest.raises(CertificateError, match=r"tls\.crt"):
        FileTLS(tmp_path / "tls.crt", tmp_path / "tls.key")

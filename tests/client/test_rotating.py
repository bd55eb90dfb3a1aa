"""A mounted kubeconfig, exchanged as the kubelet exchanges it."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from fairlead.client import rotating
from fairlead.client.connection import Connection
from fairlead.client.errors import KubeconfigError
from fairlead.client.rotating import LOOK_SECONDS, Followed
from fairlead.machinery import encoding
from fairlead.machinery.messages import Request, Response
from fairlead.serving.certificates import Authority
from fairlead.serving.listening import listen
from fairlead.serving.tls import ServerTLS

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("client:kubeconfig-rotation")]


def document(token: str, server: str = "https://one:6443", authority: bytes = b"") -> bytes:
    cluster = {"server": server}
    if authority:
        cluster["certificate-authority-data"] = _base64(authority)
    return encoding.to_json(
        {
            "kind": "Config",
            "current-context": "a",
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
            "clusters": [{"name": "a", "cluster": cluster}],
            "users": [{"name": "a", "user": {"token": token}}],
        }
    )


def _base64(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode()


def mount(folder: Path, content: dict[str, bytes], version: str) -> Path:
    """As the kubelet's atomic writer: a folder for each version, `..data` points to one, keys point through it."""
    folder.mkdir(exist_ok=True)
    made = folder / f"..{version}"
    made.mkdir()
    for name, data in content.items():
        (made / name).write_bytes(data)
    swap = folder / "..data_tmp"
    swap.symlink_to(made.name)
    swap.rename(folder / "..data")
    for name in content:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    return folder


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def followed(path: Path, clock: Callable[[], float]) -> Followed:
    source = rotating.load(path).source
    assert isinstance(source, Followed)
    source.clock = clock
    return source


@pytest.mark.requirement("client:kubeconfig-folder")
@pytest.mark.parametrize("key", ["kubeconfig", "context.yaml"])
async def test_the_only_key_of_a_secret_is_taken_whatever_its_name(tmp_path: Path, key: str) -> None:
    folder = mount(tmp_path / "secret", {key: document("t")}, "1")
    for path in (folder, folder / key, folder / "kubeconfig"):
        assert (await rotating.load(path).source.current()).header == "Bearer t"


@pytest.mark.requirement("client:kubeconfig-folder")
def test_of_several_keys_one_must_be_named(tmp_path: Path) -> None:
    folder = mount(tmp_path / "secret", {"a": document("t"), "b": document("t")}, "1")
    with pytest.raises(KubeconfigError, match="holds a, b; name the file to use"):
        rotating.load(folder)
    with pytest.raises(KubeconfigError, match="holds nothing"):
        rotating.load(mount(tmp_path / "empty", {}, "1"))
    with pytest.raises(KubeconfigError, match="does not exist"):
        rotating.load(tmp_path / "none" / "file")


async def test_new_credentials_are_used_within_a_second(tmp_path: Path) -> None:
    folder, clock = mount(tmp_path / "secret", {"kubeconfig": document("old")}, "1"), Clock()
    source = followed(folder, clock)
    assert (await source.current()).header == "Bearer old"
    mount(folder, {"kubeconfig": document("new")}, "2")
    clock.now += LOOK_SECONDS
    assert (await source.current()).header == "Bearer new"


async def test_a_refusal_makes_it_look_at_once(tmp_path: Path) -> None:
    folder, clock = mount(tmp_path / "secret", {"kubeconfig": document("old")}, "1"), Clock()
    source = followed(folder, clock)
    refused = await source.current()
    assert not source.forget(refused)
    mount(folder, {"kubeconfig": document("new")}, "2")
    assert source.forget(refused)
    assert (await source.current()).header == "Bearer new"


async def test_the_last_good_file_holds(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder, clock = mount(tmp_path / "secret", {"kubeconfig": document("hush")}, "1"), Clock()
    source = followed(folder, clock)
    for version, content in enumerate((b"{[", b"hush"), start=2):
        mount(folder, {"kubeconfig": content}, str(version))
        clock.now += LOOK_SECONDS
        with caplog.at_level(logging.WARNING):
            assert (await source.current()).header == "Bearer hush"
    assert "the last good one holds" in caplog.text
    assert "hush" not in caplog.text


async def test_another_server_takes_a_restart_and_its_token_is_not_sent_to_the_old_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, clock = mount(tmp_path / "secret", {"kubeconfig": document("a")}, "1"), Clock()
    source = followed(folder, clock)
    mount(folder, {"kubeconfig": document("b", "https://two:6443")}, "2")
    clock.now += LOOK_SECONDS
    assert (await source.current()).header == "Bearer a"
    assert "names another server now; restart" in caplog.text


async def test_a_new_authority_is_trusted_by_the_same_connection(tmp_path: Path) -> None:
    old, new = Authority.create("old"), Authority.create("new")
    tls = ServerTLS(old.issue_server(["localhost"], ["127.0.0.1"]), None)
    seen: list[str] = []

    async def answer(request: Request) -> Response:
        seen.append(request.headers.get("authorization"))
        return Response(200)

    async with listen(answer, tls=tls) as listening:
        folder = mount(tmp_path / "secret", {"k": document("1", listening.url, old.certificate)}, "1")
        clock, settings = Clock(), rotating.load(folder)
        assert isinstance(settings.source, Followed)
        settings.source.clock = clock
        async with Connection(settings) as connection:
            await connection.request("GET", "/")
            tls.exchange(pair=new.issue_server(["localhost"], ["127.0.0.1"]))
            mount(folder, {"k": document("2", listening.url, new.certificate)}, "2")
            clock.now += LOOK_SECONDS
            await connection.request("GET", "/")
    assert seen == ["Bearer 1", "Bearer 2"]

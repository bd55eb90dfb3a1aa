import base64
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.client import kubeconfig
from fairlead.client.credentials import TOKEN_FILE_SECONDS, Bearer, ClientCertificate, TokenFile
from fairlead.client.errors import CredentialsError, KubeconfigError
from fairlead.machinery import encoding
from fairlead.machinery.principals import Principal

pytestmark = pytest.mark.anyio
MERGING = "client:kubeconfig-merging"


def document(cluster: dict[str, Any], user: dict[str, Any] | None = None, name: str = "one") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": "https://one:6443", **cluster}}],
        "users": [{"name": name, "user": user or {}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }


def written(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(encoding.to_yaml(content), encoding="utf-8")
    return path


def data(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.requirement(MERGING)
def test_the_first_file_to_name_a_thing_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = document({"server": "https://first"})
    first["contexts"] = []
    second = document({"server": "https://second"})
    paths = [written(tmp_path / "a", first), tmp_path / "absent", written(tmp_path / "b", second)]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, paths)))
    assert kubeconfig.load().server == "https://first"


@pytest.mark.requirement(MERGING)
def test_relative_paths_belong_to_their_own_file_and_data_wins(tmp_path: Path) -> None:
    (tmp_path / "pki").mkdir()
    (tmp_path / "pki" / "ca.crt").write_bytes(b"from the file")
    relative = written(tmp_path / "config", document({"certificate-authority": "pki/ca.crt"}))
    assert kubeconfig.load(relative).authority == b"from the file"
    both = {"certificate-authority": "pki/none.crt", "certificate-authority-data": data("inline")}
    assert kubeconfig.load(written(tmp_path / "both", document(both))).authority == b"inline"


@pytest.mark.requirement(MERGING)
def test_without_a_variable_the_home_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    written(tmp_path / ".kube" / "config", document({"server": "https://home/"}))
    assert kubeconfig.load().server == "https://home"


@pytest.mark.requirement("client:prefix")
def test_what_a_cluster_may_say(tmp_path: Path) -> None:
    cluster = {
        "server": "https://kcp:6443/clusters/root:org",
        "tls-server-name": "kcp.internal",
        "insecure-skip-tls-verify": True,
        "proxy-url": "http://proxy:3128",
    }
    content = document(cluster)
    content["contexts"][0]["context"]["namespace"] = "team"
    found = kubeconfig.load(written(tmp_path / "config", content))
    assert (found.server, found.tls_server_name) == ("https://kcp:6443/clusters/root:org", "kcp.internal")
    assert (found.insecure, found.proxy, found.namespace) == (True, "http://proxy:3128", "team")


@pytest.mark.requirement("client:credentials")
async def test_what_a_user_may_be(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from a file\n", encoding="utf-8")
    pair = {"client-certificate-data": data("cert"), "client-key-data": data("key")}
    cases: list[tuple[dict[str, Any], str, ClientCertificate | None]] = [
        ({"token": "t"}, "Bearer t", None),
        ({"token": "t", "tokenFile": "token"}, "Bearer from a file", None),
        ({"token": "t", "tokenFile": "lost"}, "Bearer t", None),
        ({"tokenFile": "token"}, "Bearer from a file", None),
        ({"username": "u", "password": "p"}, f"Basic {data('u:p')}", None),
        (pair, "", ClientCertificate(b"cert", b"key")),
        ({}, "", None),
    ]
    for user, header, certificate in cases:
        found = kubeconfig.load(written(tmp_path / "config", document({}, user)))
        bearer = await found.source.current()
        assert (bearer.header, bearer.certificate) == (header, certificate)


@pytest.mark.requirement("client:credentials")
def test_impersonation_is_read(tmp_path: Path) -> None:
    user = {"as": "jane", "as-uid": "1", "as-groups": ["dev"], "as-user-extra": {"reason": ["a", "b"]}}
    found = kubeconfig.load(written(tmp_path / "config", document({}, user)))
    assert found.impersonate == Principal("jane", "1", ("dev",), (("reason", ("a", "b")),))


@pytest.mark.requirement("client:credentials")
async def test_a_token_file_is_read_again(tmp_path: Path) -> None:
    now = 0.0
    path = tmp_path / "token"
    source = TokenFile(path, clock=lambda: now)
    path.write_text("old", encoding="utf-8")
    assert (await source.current()).header == "Bearer old"
    path.write_text("new", encoding="utf-8")
    assert (await source.current()).header == "Bearer old"
    now = TOKEN_FILE_SECONDS
    assert (await source.current()).header == "Bearer new"
    path.write_text("newest", encoding="utf-8")
    assert source.forget(Bearer())
    assert (await source.current()).header == "Bearer newest"
    path.unlink()
    source.forget(Bearer())
    assert (await source.current()).header == "Bearer newest"
    with pytest.raises(CredentialsError, match="cannot be read"):
        await TokenFile(path).current()


@pytest.mark.requirement("client:in-cluster")
async def test_a_pod_finds_its_way(tmp_path: Path) -> None:
    for name, content in (("token", "t"), ("ca.crt", "ca"), ("namespace", "team\n")):
        (tmp_path / name).write_text(content, encoding="utf-8")
    environment = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    found = kubeconfig.in_cluster(tmp_path, environment)
    assert (found.server, found.authority, found.namespace) == ("https://[fd00::1]:443", b"ca", "team")
    assert (await found.source.current()).header == "Bearer t"
    with pytest.raises(KubeconfigError, match="this is no Pod"):
        kubeconfig.in_cluster(tmp_path, {})


@pytest.mark.requirement("client:kubeconfig-errors")
@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[", "is no kubeconfig"),
        ("- a", "is no kubeconfig"),
        ("kind: Pod", "is no kubeconfig"),
        ("kind: Config", "has no current context"),
        ("current-context: lost", "has no context 'lost'"),
        ("clusters: [{cluster: {}}]", "missing required field `name`"),
        ("clusters: 5", r"Expected `array \| null`, got `int` - at `\$.clusters`"),
        (document({"server": 5}), r"Expected `str \| null`, got `int` - at `\$.clusters"),
        (document({}, {"token": 5}), "got `int`"),
        (document({}, {"exec": {"apiVersion": "v", "command": "c", "env": [{"name": "A"}]}}), "field `value`"),
        ({**document({}), "clusters": []}, "has no cluster 'one'"),
        (document({"server": "ftp://x"}), "no http or https URL"),
        (document({"server": ""}), "no http or https URL"),
        (document({"server": "https://[::1"}), "no http or https URL"),
        (document({"server": "https://one:port"}), "no http or https URL"),
        (document({"proxy-url": "socks5://x"}), "proxy"),
        (document({"certificate-authority": "lost.crt"}), "lost.crt cannot be read"),
        (document({"certificate-authority-data": "%"}), "not base64"),
        (document({}, {"client-certificate-data": data("x")}), "client-key is missing"),
        (document({}, {"auth-provider": {"name": "gcp"}}), "auth-provider 'gcp' is not supported"),
        (document({}, {"exec": {"apiVersion": "client.authentication.k8s.io/v1alpha1"}}), "is not supported"),
        (document({}, {"exec": {"apiVersion": "client.authentication.k8s.io/v1"}}), "has no command"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, content: Any, complaint: str) -> None:
    path = tmp_path / "config"
    path.write_text(content if isinstance(content, str) else encoding.to_yaml(content), encoding="utf-8")
    with pytest.raises(KubeconfigError, match=complaint) as caught:
        kubeconfig.load(path)
    assert str(path) in str(caught.value) or str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.requirement("client:kubeconfig-errors")
def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match=r"lost does not exist; give the path"):
        kubeconfig.load(tmp_path / "lost")
    with pytest.raises(KubeconfigError, match="no context 'two': it has one"):
        kubeconfig.load(written(tmp_path / "config", document({})), "two")


ENTRIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)
PLACES = [
    *(("clusters", 0, "cluster", name) for name in ("server", "proxy-url", "certificate-authority-data", "extensions")),
    *(("users", 0, "user", name) for name in ("token", "tokenFile", "exec", "auth-provider", "client-key-data", "as")),
    *(("users", 0, "user", "exec", name) for name in ("apiVersion", "command", "args", "env", "interactiveMode")),
    *(("contexts", 0, "context", name) for name in ("cluster", "user", "namespace")),
    *((*place, 0) for place in (("clusters",), ("users",), ("contexts",))),
    *((name,) for name in ("current-context", "clusters", "users", "contexts", "kind")),
]


@pytest.mark.requirement("client:kubeconfig-errors")
@given(place=st.sampled_from(PLACES), value=ENTRIES)
def test_any_value_anywhere_is_read_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, place: tuple[Any, ...], value: Any
) -> None:
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "c", "provideClusterInfo": True}}
    content: Any = document({}, user)
    inner = content
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    path = tmp_path_factory.getbasetemp() / "any-kubeconfig"
    path.write_bytes(encoding.to_json(content))
    try:
        kubeconfig.load(path)
    except KubeconfigError as error:
        assert str(path) in str(error) or str(path.parent) in str(error)  # noqa: PT017 - either outcome is right

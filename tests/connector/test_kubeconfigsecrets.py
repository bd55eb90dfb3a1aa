"""The kubeconfig in a Secret."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.connector import kubeconfigsecrets
from fairlead.connector.kubeconfigsecrets import KubeconfigSecretError
from fairlead.machinery import encoding

pytestmark = pytest.mark.requirement("connector:token-renewal")
Object = dict[str, Any]


def web_token(**claims: Any) -> str:
    body = base64.urlsafe_b64encode(encoding.to_json(claims)).decode().rstrip("=")
    return f"hush.{body}.hush"


def token(issued: float = 1000, expires: float = 2000, subject: str = "system:serviceaccount:team:connector") -> str:
    return web_token(iat=issued, exp=expires, sub=subject)


def secret(text: bytes, key: str = "kubeconfig", **more: bytes) -> Object:
    data = {key: text, **more}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "n", "resourceVersion": "5"},
        "data": {name: base64.b64encode(content).decode() for name, content in data.items()},
    }


def kubeconfig(held: str) -> bytes:
    document = kubeconfigsecrets.kubeconfig("one", "https://one:6443", b"PEM", {"token": held})
    return encoding.to_yaml(document).encode()


def decoded(found: Object, key: str = "kubeconfig") -> Any:
    return encoding.from_yaml(base64.b64decode(found["data"][key]))


@given(st.integers(0, 2**31), st.integers(1, 2**31))
def test_when_a_token_is_due(issued: int, life: int) -> None:
    held = kubeconfigsecrets.read(secret(kubeconfig(token(issued, issued + life))))
    assert (held.namespace, held.account) == ("team", "connector")
    assert issued < held.due(0.8) < held.expires


@pytest.mark.parametrize("key", ["kubeconfig", "context.yaml"])
def test_only_the_token_of_the_current_user_changes(key: str) -> None:
    document = encoding.from_yaml(kubeconfig(token()))
    document["users"].insert(0, {"name": "other", "user": {"token": "theirs"}})
    before = secret(encoding.to_yaml(document).encode(), key)
    after = kubeconfigsecrets.read(before).exchanged(before, "new")
    document["users"][1]["user"]["token"] = "new"
    assert decoded(after, key) == document
    assert after["metadata"] == before["metadata"]
    assert "new" not in str(decoded(before, key))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({}, "the Secret holds no single kubeconfig: it has 0 keys"),
        (secret(b"", other=b""), "it has 2 keys"),
        (secret(b"{["), "'kubeconfig' of the Secret is no kubeconfig with a token"),
        (secret(b"[]"), "is no kubeconfig with a token"),
        (secret(b"\xff"), "is no kubeconfig with a token"),
        ({"data": {"k": "hush"}}, "is no kubeconfig with a token"),
        (secret(kubeconfig("hush")), "the token cannot be renewed: it is no ServiceAccount's token that expires"),
        (secret(kubeconfig(token(subject="ana"))), "the token cannot be renewed"),
        (secret(kubeconfig(web_token(sub="system:serviceaccount:a:b"))), "the token cannot be renewed"),
    ],
)
def test_what_cannot_be_renewed(found: Object, said: str) -> None:
    with pytest.raises(KubeconfigSecretError, match=said) as caught:
        kubeconfigsecrets.read(found)
    assert "hush" not in str(caught.value)


def test_nothing_secret_is_shown() -> None:
    assert "hush" not in repr(kubeconfigsecrets.read(secret(kubeconfig(token()))))

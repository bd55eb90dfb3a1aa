import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery import redacting

pytestmark = pytest.mark.requirement("machinery:redacting")

CANARY = "kX9vQ2mLpR7"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet="abcxyz -.", max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["spec", "a", "size", "items"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(JSON)
def test_what_holds_no_secret_is_unchanged(value: Any) -> None:
    assert redacting.shown(value) == value
    assert not redacting.marked(redacting.shown(value))


@given(st.dictionaries(st.sampled_from(["a", "tls.key", "password"]), st.just(CANARY), min_size=1), JSON)
def test_values_of_a_secret_go_wherever_it_stands(data: dict[str, str], rest: Any) -> None:
    applied = json.dumps({"apiVersion": "v1", "kind": "Secret", "data": data})
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "a", "annotations": {redacting.LAST_APPLIED: applied}},
        "data": data,
        "stringData": data,
    }
    shown = redacting.shown({"items": [secret, rest]})
    assert CANARY not in json.dumps(shown)
    assert shown["items"][0]["data"].keys() == data.keys()
    assert redacting.marked(shown)


@pytest.mark.parametrize(
    "obj",
    [
        {"spec": {"dbPassword": CANARY}},
        {"spec": {"auth": {"client-secret": CANARY, "api_key": CANARY, "accessKeyId": CANARY}}},
        {"env": [{"name": "DB_PASSWORD", "value": CANARY}]},
        {"parameters": [{"name": "token", "value": CANARY}]},
        {"data": {"application.properties": f"user=x\npassword={CANARY}\n"}},
        {"metadata": {"annotations": {redacting.LAST_APPLIED: f'{{"spec":{{"password":"{CANARY}"}}}}'}}},
        {"metadata": {"annotations": {redacting.LAST_APPLIED: f"no json {CANARY}"}}},
        {"data": {"kubeconfig": CANARY}},
        {"data": {"password": [CANARY]}},
        {"args": ["--user", "x", "--db-password", CANARY]},
    ],
)
def test_fields_that_hold_secrets_by_their_name(obj: dict[str, Any]) -> None:
    assert CANARY not in json.dumps(redacting.shown(obj))


def test_a_password_of_digits_is_one_and_a_flag_is_none() -> None:
    held = {"password": 271828, "automountServiceAccountToken": True}
    assert redacting.shown(held) == held | {"password": redacting.MARKER}


@pytest.mark.parametrize(
    "obj",
    [
        {"spec": {"secretName": "a", "passwordSecretRef": {"name": "b", "key": "password"}, "tokenKey": "k"}},
        {"spec": {"automountServiceAccountToken": True, "tokenExpirationSeconds": 5}},
        {"writeConnectionSecretToRef": {"name": "db"}},
        {"args": ["--kubeconfig", "/etc/kubeconfig", "--token", "--verbose"], "credentials": [{"name": "a"}]},
        {"message": 'secrets "a" not found; cannot get secret: not found'},
        {"image": "registry.example/app@sha256:0123456789abcdef"},
    ],
)
def test_what_only_points_at_a_secret_stays(obj: dict[str, Any]) -> None:
    assert redacting.shown(obj) == obj


JWT = ".".join(
    base64.urlsafe_b64encode(each).decode().rstrip("=") for each in (b'{"alg":"RS256"}', b'{"sub":"x"}', b"sig")
)


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        (f"Authorization: Bearer {CANARY}", CANARY),
        (f"GET / token={JWT}", JWT),
        (JWT, JWT),
        (f"postgres://app:{CANARY}@db/orders", CANARY),
        (f'level=info password="{CANARY}" done', CANARY),
        (f"apiKey: {CANARY}", CANARY),
        (f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----", CANARY),
        (f"-----BEGIN PRIVATE KEY-----\n{CANARY}", CANARY),
        ("AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"),
        ("ghp_0123456789abcdefghijABCDEFGHIJ", "0123456789"),
    ],
)
def test_forms_of_secrets_in_text(line: str, secret: str) -> None:
    shown = redacting.text(line)
    assert secret not in shown
    assert redacting.text(shown) == shown


@pytest.mark.requirement("machinery:redaction-marked")
@given(st.text(max_size=40))
def test_only_what_was_redacted_is_marked(value: str) -> None:
    assert not redacting.marked({"a": [value]})
    assert redacting.marked({"a": [{"b": f"{value}{redacting.MARKER}"}]})


KEY = [f"{CANARY}{'A' * 53}", f"{CANARY}{'b' * 53}", f"{CANARY}=="]
BEGIN, END = "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize("before", ["", "2026-01-02T03:04:05Z ", "main-1 | "])
@pytest.mark.parametrize("lines", [[BEGIN, *KEY, END], [*KEY, END], [*KEY[1:], END], [BEGIN, *KEY], [BEGIN, *KEY[:2]]])
def test_a_key_in_a_log_is_not_shown_even_in_part(before: str, lines: list[str]) -> None:
    text = "\n".join(["it started", *[before + each for each in lines], "it ended well"])
    shown = redacting.text(text)
    assert CANARY not in shown
    assert redacting.MARKER in shown
    assert shown.startswith("it started\n")
    if END in lines:
        assert shown.endswith("\nit ended well")

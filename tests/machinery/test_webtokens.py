import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery import encoding, webtokens

pytestmark = pytest.mark.requirement("machinery:web-token-claims")


@given(st.dictionaries(st.text(max_size=5), st.integers(0, 2**40), max_size=4))
def test_what_a_token_says(claims: dict[str, int]) -> None:
    body = base64.urlsafe_b64encode(encoding.to_json(claims)).decode().rstrip("=")
    assert webtokens.claims(f"e30.{body}.signature") == claims


@given(st.text())
def test_any_text_may_be_a_token(text: str) -> None:
    assert isinstance(webtokens.claims(text), dict)
    assert isinstance(webtokens.claims(f"{text}.{text}.{text}"), dict)

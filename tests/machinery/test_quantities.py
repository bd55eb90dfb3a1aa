"""Quantities, as the API server reads and writes them."""

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery.paths import Resource
from fairlead.machinery.quantities import Quantity, QuantityError

if TYPE_CHECKING:
    from testenv.servers import RealCluster

pytestmark = pytest.mark.requirement("machinery:quantities")

QUOTAS = Resource("", "v1", "resourcequotas")
_suffixes = st.sampled_from(["n", "u", "m", "", "k", "M", "G", "Ki", "Mi", "Gi", "e3", "E-3", "e0"])
texts = st.builds(lambda number, suffix: f"{number}{suffix}", st.integers(-(2**40), 2**40), _suffixes)


CANONICAL = {
    "0": "0", "10": "10", "1000": "1k", "1k": "1k", "12500": "12500", "1500m": "1500m", "0.5": "500m", "1Ki": "1Ki",
    "1024": "1024", "512Ki": "512Ki", "1024Ki": "1Mi", "1.5Gi": "1536Mi", "1.5Ki": "1536", "1e3": "1e3", "12e6": "12e6",
    "1E": "1E", "1e2": "100",
}  # fmt: skip
# The API server keeps some texts as they came, and rounds those of a quota up to thousandths.
APART = {"0.0000000001": "1n", "+7": "7"}


def test_a_quantity_is_written_in_its_canonical_form() -> None:
    expected = CANONICAL | APART
    assert {text: str(Quantity.parse(text)) for text in expected} == expected


@pytest.mark.anyio
@pytest.mark.real
async def test_the_api_server_writes_them_so(real_app: "RealCluster") -> None:
    answered = {}
    async with real_app.cluster.open() as client:
        for text in CANONICAL:
            quota = {"metadata": {"name": "any"}, "spec": {"hard": {"limits.memory": text}}}
            made = await client.create(QUOTAS, quota, "default", dryRun="All")
            answered[text] = made["spec"]["hard"]["limits.memory"]
    assert answered == CANONICAL


@given(texts)
def test_the_canonical_form_is_the_same_quantity_and_its_own(text: str) -> None:
    found = Quantity.parse(text)
    again = Quantity.parse(str(found))
    assert again == found
    assert str(again) == str(found)


@given(texts, texts)
def test_sums_are_exact_and_keep_the_order(left: str, right: str) -> None:
    a, b = Quantity.parse(left), Quantity.parse(right)
    assert (a + b).value == a.value + b.value
    assert (a < b) == (a.value < b.value)
    assert (a + Quantity.parse("1")) > a


def test_equal_quantities_may_be_written_differently() -> None:
    assert Quantity.parse("1k") == Quantity.parse("1000")
    assert Quantity.parse("1Ki") == Quantity.parse("1024")
    assert len({Quantity.parse("1k"), Quantity.parse("1000")}) == 1
    assert Quantity.parse("1").value == Decimal(1)


@pytest.mark.parametrize("text", ["", "ten", "1 ", "1kk", "1e", "k", "1e999999999", "1.2.3", "١"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(QuantityError, match="is no quantity"):
        Quantity.parse(text)

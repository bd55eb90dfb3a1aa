import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.connector import naming
from fairlead.connector.naming import Identity
from tests.connector.objects import names


@pytest.mark.requirement("connector:identity-formula")
@pytest.mark.parametrize(
    ("name", "namespace", "cluster", "stored"),
    [
        ("my-bucket", "test", "00000000-0000-0000-0000-000000000000", "claim-c603e518969b413e"),
        ("my-cluster", "default", "my-appcluster", "claim-423fc5bf705e462b"),
        ("bar-jam", "testing-1", "cluster-a", "claim-abab9e83004deb18"),
        ("example", "default", "my-appcluster", "claim-2438393df9008f64"),
    ],
)
def test_the_published_vectors(name: str, namespace: str, cluster: str, stored: str) -> None:
    assert Identity(cluster, namespace, name).backend() == stored


@pytest.mark.requirement("connector:identity-formula")
def test_composites_differ_only_in_their_prefix() -> None:
    assert Identity("my-appcluster", "default", "my-cluster").backend("nxr-") == "nxr-423fc5bf705e462b"


@pytest.mark.requirement("connector:identity-labels")
def test_two_identities_of_one_hash_differ_in_their_labels() -> None:
    one, other = Identity("my-appcluster", "c", "a-x-b"), Identity("my-appcluster", "b-x-c", "a")
    assert one.digest == other.digest == "b22fddc254e15fee"
    assert one.labels != other.labels


@pytest.mark.requirement("connector:identity-labels")
def test_the_label_keys_are_a_storage_format() -> None:
    assert Identity("c", "ns", "n").labels == {
        "mcp-connector.upbound.io/app-cluster": "c",
        "mcp-connector.upbound.io/app-namespace": "ns",
        "mcp-connector.upbound.io/app-resource-name": "n",
    }


@pytest.mark.requirement("connector:name-limits")
@given(names.filter(lambda name: len(name) <= naming.MAX_NAME))
def test_a_good_name_is_a_label_value(name: str) -> None:
    assert naming.name_faults(name) == []
    assert naming.is_label_value(name)


@pytest.mark.requirement("connector:name-limits")
@pytest.mark.parametrize("name", ["", "A", "a_b", "-a", "a-", "a..b", ".a", "a\n", "ä", "a" * 64])
def test_a_bad_name_is_refused(name: str) -> None:
    assert naming.name_faults(name)


@pytest.mark.requirement("connector:name-limits")
def test_sixty_three_characters_are_the_most() -> None:
    assert naming.name_faults("a" * 63) == []
    assert naming.name_faults("a" * 64) == ["must be no more than 63 characters"]


@pytest.mark.requirement("connector:generate-name")
@given(st.from_regex(r"[a-z]{1,80}-", fullmatch=True))
def test_a_generated_name_fits_and_starts_as_asked(base: str) -> None:
    made = naming.generate(base)
    assert made.startswith(base[:58])
    assert len(made) == len(base[:58]) + 5
    assert naming.name_faults(made) == []

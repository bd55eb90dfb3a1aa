from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.aggregation import rotating
from fairlead.aggregation.rotating import Material, chains, next_step
from fairlead.serving.certificates import Authority, CertificateError

DNS = "connector.kube-system.svc"
NOW = datetime.now(UTC)
MATERIAL = Material.create(DNS)


@pytest.mark.requirement("connector:shared-certificate")
def test_what_is_stored_is_read_back() -> None:
    assert Material.parse(MATERIAL.data) == MATERIAL
    rotated = MATERIAL.with_authority()
    assert Material.parse(rotated.data) == rotated


@pytest.mark.requirement("connector:shared-certificate")
@pytest.mark.parametrize("key", ["tls.crt", "tls.key", "ca.crt", "ca.key"])
def test_a_secret_that_is_broken_is_refused_without_its_content(key: str) -> None:
    for broken in ("", "%", "AAAA"):
        data = {**MATERIAL.data, key: broken}
        if key.endswith(".key") and broken == "AAAA":
            continue  # whether a key fits is for the TLS layer to say
        with pytest.raises(CertificateError) as caught:
            Material.parse(data)
        assert MATERIAL.data["tls.key"][:40] not in str(caught.value)


@pytest.mark.requirement("connector:shared-certificate")
def test_a_leaf_of_a_foreign_authority_is_refused() -> None:
    with pytest.raises(CertificateError, match="chain"):
        Material.parse({**MATERIAL.data, "ca.crt": Material.create(DNS).data["ca.crt"]})


@pytest.mark.requirement("connector:rotation-order")
def test_nothing_is_due() -> None:
    assert next_step(MATERIAL, DNS, NOW, announced=True) is None


@pytest.mark.requirement("connector:rotation-order")
def test_a_leaf_is_renewed_before_it_expires_and_for_another_name() -> None:
    late = NOW + timedelta(days=365) - rotating.LEAF_MARGIN
    for step in (next_step(MATERIAL, DNS, late, announced=False), next_step(MATERIAL, "other", NOW, announced=False)):
        assert step is not None
        assert step.authority == MATERIAL.authority
        assert step.leaf != MATERIAL.leaf


@pytest.mark.requirement("connector:rotation-order")
def test_the_whole_rotation() -> None:
    began = next_step(MATERIAL, DNS, NOW, announced=True, asked=True)
    assert began is not None
    assert began.leaf == MATERIAL.leaf, "nobody trusts the new authority yet"
    assert began.bundle == began.authority.certificate + MATERIAL.bundle
    assert next_step(began, DNS, NOW, announced=False, asked=True) is None, "not before it is published"
    switched = next_step(began, DNS, NOW, announced=True)
    assert switched is not None
    assert chains(switched.leaf.certificate, switched.authority.certificate)
    assert switched.bundle == began.bundle
    assert next_step(switched, DNS, NOW, announced=True) is None, "a replica may still serve the old leaf"
    ended = next_step(switched, DNS, NOW + timedelta(hours=2), announced=True)
    assert ended == replace(switched, former=b"")


@pytest.mark.requirement("connector:rotation-order")
def test_an_authority_is_exchanged_while_its_leaves_still_have_time() -> None:
    authority = Authority.create("short", validity=timedelta(days=380))
    material = Material(authority.pair, b"", authority.issue_server([DNS]))
    step = next_step(material, DNS, NOW, announced=True)
    assert step is not None
    assert step.authority != material.authority


@pytest.mark.requirement("connector:rotation-order")
@given(st.lists(st.tuples(st.integers(0, 400), st.booleans(), st.booleans()), max_size=12))
def test_the_served_leaf_chains_to_what_is_published_at_every_moment(steps: list[tuple[int, bool, bool]]) -> None:
    material, now, published = MATERIAL, NOW, MATERIAL.bundle
    for days, publishes, asked in steps:
        now += timedelta(days=days)
        if publishes:
            published = material.bundle
        found = next_step(material, DNS, now, announced=published == material.bundle, asked=asked)
        if found is None:
            continue
        served, material = material.leaf, found
        # Replicas may serve the former leaf or the new one, API servers trust the former bundle or the new one.
        for leaf in (served, material.leaf):
            assert chains(leaf.certificate, material.bundle) or not chains(leaf.certificate, published)
        if material.former:
            assert chains(material.leaf.certificate, published) or chains(served.certificate, material.bundle)

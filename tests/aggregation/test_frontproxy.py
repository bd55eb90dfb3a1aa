from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.aggregation.frontproxy import FrontProxyTrust, TrustError
from fairlead.machinery.messages import Headers
from fairlead.machinery.principals import Principal
from fairlead.serving.certificates import Authority
from tests.aggregation.trusts import ClusterTrust, request

CLUSTER = ClusterTrust()
TRUST = FrontProxyTrust.parse(CLUSTER.data())
ALICE = ("X-Remote-User", "alice")


@pytest.mark.requirement("aggregation:trust-is-parsed")
class TestParsing:
    def test_everything_is_read(self) -> None:
        assert TRUST.allowed_names == {"front-proxy-client"}
        assert TRUST.username_headers == ("x-remote-user",)
        assert TRUST.uid_headers == ("x-remote-uid",)
        assert TRUST.group_headers == ("x-remote-group",)
        assert TRUST.extra_prefixes == ("x-remote-extra-",)
        assert TRUST.client_authorities == CLUSTER.proxies.certificate + CLUSTER.users.certificate

    def test_absent_and_empty_keys_believe_nobody(self) -> None:
        for data in ({}, dict.fromkeys(CLUSTER.data(), "")):
            trust = FrontProxyTrust.parse(data)
            assert trust.authenticate(request(CLUSTER.proxy(), ALICE)) is None
            assert trust.authenticate_user(request(CLUSTER.users.issue_client("alice"))) is None
            assert trust.client_authorities.strip() == b""

    @pytest.mark.parametrize("text", ["X-Remote-User", '{"a": 1}', "[1]", '"X"'])
    def test_a_malformed_key_is_named(self, text: str) -> None:
        with pytest.raises(TrustError, match="requestheader-username-headers is not a JSON list of strings"):
            FrontProxyTrust.parse({**CLUSTER.data(), "requestheader-username-headers": text})

    def test_a_broken_bundle_is_named(self) -> None:
        with pytest.raises(TrustError, match="requestheader-client-ca-file is not a PEM certificate"):
            FrontProxyTrust.parse({**CLUSTER.data(), "requestheader-client-ca-file": "nonsense"})


@pytest.mark.requirement("aggregation:front-proxy-alone")
class TestPeer:
    def test_the_front_proxy_is_believed(self) -> None:
        assert TRUST.authenticate(request(CLUSTER.proxy(), ALICE)) == Principal("alice")

    def test_headers_without_a_certificate_say_nothing(self) -> None:
        assert TRUST.authenticate(request(None, ALICE)) is None

    def test_a_users_certificate_with_the_proxys_name_is_no_proxy(self) -> None:
        impostor = CLUSTER.users.issue_client("front-proxy-client")
        assert TRUST.authenticate(request(impostor, ALICE)) is None

    def test_a_certificate_of_a_ca_with_the_same_name_is_no_proxy(self) -> None:
        impostor = Authority.create("front-proxy-ca").issue_client("front-proxy-client")
        assert TRUST.authenticate(request(impostor, ALICE)) is None

    def test_another_name_is_no_proxy(self) -> None:
        assert TRUST.authenticate(request(CLUSTER.proxy("somebody"), ALICE)) is None

    def test_an_empty_list_allows_any_name(self) -> None:
        trust = FrontProxyTrust.parse(CLUSTER.data(allowed=[]))
        assert trust.authenticate(request(CLUSTER.proxy("somebody"), ALICE)) == Principal("alice")

    def test_an_expired_certificate_is_no_proxy(self) -> None:
        peer = request(CLUSTER.proxy(), ALICE)
        now = datetime.now(UTC)
        assert TRUST.authenticate(peer, now + timedelta(days=364)) == Principal("alice")
        assert TRUST.authenticate(peer, now + timedelta(days=366)) is None
        assert TRUST.authenticate(peer, now - timedelta(hours=1)) is None

    def test_old_and_new_authority_count_while_both_are_published(self) -> None:
        new = Authority.create("front-proxy-ca")
        both = (CLUSTER.proxies.certificate + new.certificate).decode()
        trust = FrontProxyTrust.parse({**CLUSTER.data(), "requestheader-client-ca-file": both})
        for authority in (CLUSTER.proxies, new):
            peer = authority.issue_client("front-proxy-client")
            assert trust.authenticate(request(peer, ALICE)) == Principal("alice")


@pytest.mark.requirement("aggregation:identity-headers")
class TestHeaders:
    def test_all_parts(self) -> None:
        found = TRUST.authenticate(
            request(
                CLUSTER.proxy(),
                ALICE,
                ("X-Remote-Uid", "7"),
                ("X-Remote-Group", "a,b"),
                ("X-Remote-Group", ""),
                ("X-Remote-Group", "c"),
                ("X-Remote-Extra-Acme.com%2FFoo", "one"),
                ("X-Remote-Extra-acme.com%2ffoo", "two"),
                ("X-Remote-Extra-Bad%zz", "kept"),
            )
        )
        assert found == Principal("alice", "7", ("a,b", "c"), (("acme.com/foo", ("one", "two")), ("bad%zz", ("kept",))))

    def test_no_user_is_nobody(self) -> None:
        assert TRUST.authenticate(request(CLUSTER.proxy(), ("X-Remote-Group", "a"))) is None
        assert TRUST.authenticate(request(CLUSTER.proxy(), ("X-Remote-User", ""))) is None

    def test_the_first_user_header_that_is_not_empty_wins(self) -> None:
        data = {**CLUSTER.data(), "requestheader-username-headers": '["X-First", "X-Remote-User"]'}
        trust = FrontProxyTrust.parse(data)
        assert trust.authenticate(request(CLUSTER.proxy(), ALICE, ("X-First", ""))) == Principal("alice")
        assert trust.authenticate(request(CLUSTER.proxy(), ALICE, ("X-First", "bob"))) == Principal("bob")

    def test_the_uid_counts_only_where_its_header_is_named(self) -> None:
        trust = FrontProxyTrust.parse(CLUSTER.data(uid=False))
        assert trust.authenticate(request(CLUSTER.proxy(), ALICE, ("X-Remote-Uid", "7"))) == Principal("alice")

    @given(st.dictionaries(st.text(min_size=1).map(str.lower), st.lists(st.text(), min_size=1, max_size=3), max_size=3))
    def test_any_extra_key_comes_back(self, extra: dict[str, list[str]]) -> None:
        peer = CLUSTER.proxy()
        lines = [(f"x-remote-extra-{quote(key, safe='')}", value) for key, values in extra.items() for value in values]
        found = TRUST.authenticate(request(peer, ALICE, *lines))
        assert found is not None
        assert {key: list(values) for key, values in found.extra} == extra


@pytest.mark.requirement("aggregation:identity-is-stripped")
def test_nothing_that_says_who_asks_is_left() -> None:
    data = {**CLUSTER.data(), "requestheader-username-headers": '["X-Who"]'}
    lines = [ALICE, ("X-Who", "a"), ("X-Remote-Uid", "1"), ("X-Remote-Group", "g"), ("X-Remote-Extra-K", "v")]
    headers = Headers([("Accept", "*/*"), *lines, ("Authorization", "Bearer x"), ("Audit-Id", "1")])
    assert FrontProxyTrust.parse(data).strip(headers) == Headers([("Accept", "*/*"), ("Audit-Id", "1")])


@pytest.mark.requirement("aggregation:certificate-users")
class TestUsers:
    def test_common_name_and_organizations(self) -> None:
        found = TRUST.authenticate_user(request(CLUSTER.users.issue_client("alice", ["devs", "ops"])))
        assert found is not None
        assert (found.name, found.groups) == ("alice", ("devs", "ops"))
        ((key, (value,)),) = found.extra
        assert key == "authentication.kubernetes.io/credential-id"
        assert value.startswith("X509SHA256=")

    def test_the_front_proxy_is_no_user(self) -> None:
        assert TRUST.authenticate_user(request(CLUSTER.proxy())) is None
        assert TRUST.authenticate_user(request(None)) is None

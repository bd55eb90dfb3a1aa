import gc

import pytest

from fairlead.aggregation.authorizing import Decision
from fairlead.embedded.authenticating import Tokens, impersonated, questions, requested, strip
from fairlead.machinery import statuses
from fairlead.machinery.messages import Headers
from fairlead.machinery.paths import RequestInfo
from fairlead.machinery.principals import Principal

pytestmark = pytest.mark.anyio

CALLER = Principal("admin")


def anything(principal: Principal, info: RequestInfo) -> Decision:
    return Decision(True)


@pytest.mark.requirement("embedded:tokens")
async def test_tokens_are_known_by_hash() -> None:
    token = "".join(["pl4y", "ground"])
    tokens = Tokens({token: CALLER})
    assert await tokens.identify(token) == CALLER
    assert await tokens.identify("other") is None
    gc.collect()
    assert token not in repr(tokens.__dict__)
    assert token.encode() not in b"".join(tokens._known)


@pytest.mark.requirement("embedded:impersonation")
class TestImpersonation:
    def act(self, *lines: tuple[str, str]) -> Principal:
        return impersonated(CALLER, Headers(lines), anything)

    def test_without_headers_the_caller_is_itself(self) -> None:
        assert self.act(("Accept", "*/*")) == CALLER

    def test_all_parts(self) -> None:
        found = self.act(
            ("Impersonate-User", "bob"),
            ("Impersonate-Uid", "7"),
            ("Impersonate-Group", "g"),
            ("Impersonate-Extra-Acme.com%2Ffoo", "v1"),
            ("Impersonate-Extra-Acme.com%2Ffoo", "v2"),
        )
        assert found == Principal("bob", "7", ("g", "system:authenticated"), (("acme.com/foo", ("v1", "v2")),))

    @pytest.mark.parametrize(
        ("name", "groups", "expected"),
        [
            ("bob", (), ("system:authenticated",)),
            ("bob", ("system:authenticated",), ("system:authenticated",)),
            ("system:anonymous", (), ("system:unauthenticated",)),
            (
                "system:serviceaccount:ns:sa",
                (),
                ("system:serviceaccounts", "system:serviceaccounts:ns", "system:authenticated"),
            ),
            ("system:serviceaccount:ns:sa", ("g",), ("g", "system:authenticated")),
            ("system:serviceaccount:ns:sa:x", (), ("system:authenticated",)),
        ],
    )
    def test_default_groups(self, name: str, groups: tuple[str, ...], expected: tuple[str, ...]) -> None:
        found = self.act(("Impersonate-User", name), *(("Impersonate-Group", each) for each in groups))
        assert found.groups == expected

    def test_every_part_must_be_allowed(self) -> None:
        wanted = Principal("bob", "7", ("g",), (("k", ("v",)),))
        asked = [(each.group, each.plural, each.subresource, each.name) for each in questions(wanted)]
        assert asked == [
            ("", "users", "", "bob"),
            ("", "groups", "", "g"),
            ("authentication.k8s.io", "userextras", "k", "v"),
            ("authentication.k8s.io", "uids", "", "7"),
        ]
        assert {each.verb for each in questions(wanted)} == {"impersonate"}

    def test_a_service_account_is_asked_for_as_one(self) -> None:
        (asked,) = questions(Principal("system:serviceaccount:ns:sa"))
        assert (asked.plural, asked.namespace, asked.name) == ("serviceaccounts", "ns", "sa")

    def test_one_refusal_is_enough(self) -> None:
        headers = Headers([("Impersonate-User", "bob"), ("Impersonate-Group", "system:masters")])
        with pytest.raises(statuses.Forbidden) as caught:
            impersonated(CALLER, headers, lambda _, info: Decision(info.plural == "users", "never"))
        assert caught.value.message == (
            'groups "system:masters" is forbidden: User "admin" cannot impersonate resource "groups" '
            'in API group "" at the cluster scope: never'
        )

    @pytest.mark.parametrize(
        ("line", "shown"),
        [
            (
                ("Impersonate-Group", "bob"),
                'Name:"", UID:"", Groups:[]string{"bob"}, Extra:map[string][]string(nil)',
            ),
            (
                ("Impersonate-Extra-K", "v"),
                'Name:"", UID:"", Groups:[]string(nil), Extra:map[string][]string{"k":[]string{"v"}}',
            ),
            (("Impersonate-Uid", "7"), 'Name:"", UID:"7", Groups:[]string(nil), Extra:map[string][]string(nil)'),
        ],
    )
    def test_no_user_is_a_bad_request(self, line: tuple[str, str], shown: str) -> None:
        """The first sentence is what a kube-apiserver 1.36 answered."""
        with pytest.raises(statuses.BadRequest) as caught:
            requested(Headers([line]))
        expected = f"requested &user.DefaultInfo{{{shown}}} without impersonating a user name"
        assert caught.value.message == expected

    def test_the_headers_do_not_travel_on(self) -> None:
        lines = [("Impersonate-User", "bob"), ("Impersonate-Extra-K", "v"), ("Accept", "*/*")]
        assert strip(Headers(lines)) == Headers([("Accept", "*/*")])

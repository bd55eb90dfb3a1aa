"""Acting as somebody else (`kubectl --as`), and the tokens of the playground.

Who the caller is, `aggregation.authenticating` finds out: certificates, front proxy and tokens count the same for every
server that stands behind a Kubernetes API. Only a server that issues identities itself also knows tokens by heart and
lets its callers impersonate; the rules of that are here.

Source: `pkg/endpoints/filters/impersonation.go` of k8s.io/apiserver. The constrained impersonation of 1.36 (verbs such
as `impersonate:user-info`) is not offered; `impersonate` is.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from urllib.parse import unquote

from fairlead.aggregation.authorizing import Decision, refusal
from fairlead.embedded.authorizing import SERVICE_ACCOUNT
from fairlead.machinery import statuses
from fairlead.machinery.messages import Headers
from fairlead.machinery.paths import RequestInfo
from fairlead.machinery.principals import ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, Principal

_USER, _UID, _GROUP, _EXTRA = "impersonate-user", "impersonate-uid", "impersonate-group", "impersonate-extra-"


class Tokens:
    """Bearer tokens by their hash, so that none lies about in memory or in a traceback."""

    def __init__(self, tokens: Mapping[str, Principal]) -> None:
        self._known = {_digest(token): principal for token, principal in tokens.items()}

    async def identify(self, token: str) -> Principal | None:
        return self._known.get(_digest(token))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def requested(headers: Headers) -> Principal | None:
    """Whom the headers ask to be, without default groups. Raises `statuses.BadRequest` where no user is named."""
    extra: dict[str, list[str]] = {}
    for name, value in headers.lines:
        if name.startswith(_EXTRA):
            extra.setdefault(unquote(name.removeprefix(_EXTRA)), []).append(value)
    wanted = Principal(
        headers.get(_USER),
        headers.get(_UID),
        tuple(headers.all(_GROUP)),
        tuple(sorted((key, tuple(values)) for key, values in extra.items())),
    )
    if wanted.name:
        return wanted
    if wanted == Principal(""):
        return None
    raise statuses.BadRequest(f"requested {_written_in_go(wanted)} without impersonating a user name")


def questions(wanted: Principal) -> list[RequestInfo]:
    """What the caller must be allowed to do, all of it, before it may act as `wanted`."""
    account = _service_account(wanted.name)
    if account is not None:
        asked = [_question("", "serviceaccounts", account[1], namespace=account[0])]
    else:
        asked = [_question("", "users", wanted.name)]
    asked += [_question("", "groups", group) for group in wanted.groups]
    for key, values in wanted.extra:
        asked += [_question("authentication.k8s.io", "userextras", value, subresource=key) for value in values]
    if wanted.uid:
        asked.append(_question("authentication.k8s.io", "uids", wanted.uid))
    return asked


def impersonated(
    caller: Principal, headers: Headers, decide: Callable[[Principal, RequestInfo], Decision]
) -> Principal:
    """Whom a request counts for. Raises `statuses.Forbidden` and `statuses.BadRequest`."""
    wanted = requested(headers)
    if wanted is None:
        return caller
    for question in questions(wanted):
        decision = decide(caller, question)
        if not decision.allowed:
            raise refusal(caller, question, decision.reason)
    return with_default_groups(wanted)


def with_default_groups(wanted: Principal) -> Principal:
    groups = list(wanted.groups)
    account = _service_account(wanted.name)
    if not groups and account is not None:
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{account[0]}"]
    if AUTHENTICATED not in groups and UNAUTHENTICATED not in groups:
        groups.append(UNAUTHENTICATED if wanted.name == ANONYMOUS else AUTHENTICATED)
    return Principal(wanted.name, wanted.uid, tuple(groups), wanted.extra)


def strip(headers: Headers) -> Headers:
    """Without what asks for impersonation: it has been granted, and no server behind may grant it again."""
    return Headers(line for line in headers.lines if not line[0].startswith("impersonate-"))


def _question(group: str, plural: str, name: str, *, namespace: str = "", subresource: str = "") -> RequestInfo:
    return RequestInfo("impersonate", "", True, group, "v1", namespace, plural, name, subresource)


def _service_account(name: str) -> tuple[str, str] | None:
    """Namespace and name of a service account's user name."""
    namespace, colon, account = name.removeprefix(SERVICE_ACCOUNT).partition(":")
    if not name.startswith(SERVICE_ACCOUNT) or not (namespace and colon and account) or ":" in account:
        return None
    return namespace, account


def _written_in_go(principal: Principal) -> str:
    """The real message prints a Go value."""
    groups = f"[]string{{{_quoted(principal.groups)}}}" if principal.groups else "[]string(nil)"
    pairs = ", ".join(f"{json.dumps(key)}:[]string{{{_quoted(values)}}}" for key, values in principal.extra)
    extra = f"map[string][]string{{{pairs}}}" if pairs else "map[string][]string(nil)"
    name, uid = json.dumps(principal.name), json.dumps(principal.uid)
    return f"&user.DefaultInfo{{Name:{name}, UID:{uid}, Groups:{groups}, Extra:{extra}}}"


def _quoted(values: tuple[str, ...]) -> str:
    return ", ".join(json.dumps(value) for value in values)

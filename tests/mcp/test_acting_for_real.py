"""As whom an API server itself says that a caller has come, and what it says where it does not let them."""

from collections.abc import Callable
from typing import Any

import anyio
import jwt
import pytest

from fairlead.client.api import Client
from fairlead.machinery import statuses
from fairlead.machinery.paths import Resource
from fairlead.mcp.callers import Caller
from fairlead.mcp.entering.admitting import named
from fairlead.mcp.named.identities import OIDC
from fairlead.mcp.named.servers import Target
from fairlead.mcp.reaching.acting import ActingError
from fairlead.mcp.reaching.targets import Targets
from tests.clusters import ApiServer
from tests.identity.provider import Provider

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("mcp-identity:acting")]

_RBAC = "rbac.authorization.k8s.io"
ROLES = Resource(_RBAC, "v1", "clusterroles", namespaced=False)
BINDINGS = Resource(_RBAC, "v1", "clusterrolebindings", namespaced=False)
NODES = Resource("", "v1", "nodes", namespaced=False)
DEADLINE = 60


def caller(whole: OIDC, **claims: Any) -> Caller:
    provider = Provider(whole.issuer)
    token = provider.token("alice", **claims)
    return named(whole, jwt.decode(token, options={"verify_signature": False}), token)


async def who(client: Client) -> dict[str, Any]:
    kind = {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"}
    found = await client.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", kind)
    return dict(found["status"]["userInfo"])


async def allow(client: Client, name: str, user: str) -> None:
    rules = [
        {"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"], "resourceNames": ["oidc:alice"]},
        {"apiGroups": [""], "resources": ["groups"], "verbs": ["impersonate"], "resourceNames": ["oidc:developers"]},
    ]
    head = {"apiVersion": f"{_RBAC}/v1", "metadata": {"name": name}}
    await client.create(ROLES, {**head, "kind": "ClusterRole", "rules": rules})
    reference = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": name}
    subject = {"apiGroup": _RBAC, "kind": "User", "name": user}
    await client.create(BINDINGS, {**head, "kind": "ClusterRoleBinding", "roleRef": reference, "subjects": [subject]})


async def test_impersonated(api_server: ApiServer, unique: Callable[[str], str]) -> None:
    """With the rights that the documentation shows, and without them; never for more groups than are bound."""
    us = unique("fairlead-mcp")
    target = Target("here", kubeconfig=str(api_server.access(us, ()).kubeconfig))
    whole = OIDC("https://idp.example", ("mcp",), "impersonate", username_prefix="oidc:", groups_prefix="oidc:")
    alice = caller(whole, groups=["developers"])
    async with Targets((target,), identity=whole) as targets, api_server.cluster.open() as admin:
        client = targets.target("", alice).client
        with pytest.raises(ActingError, match="lacks the verb impersonate"):
            await who(client)
        await allow(admin, us, us)
        with anyio.fail_after(DEADLINE):
            while True:
                try:
                    found = await who(client)
                    break
                except ActingError:
                    await anyio.sleep(0.05)
        assert found["username"] == "oidc:alice"
        assert set(found["groups"]) == {"oidc:developers", "system:authenticated"}
        with pytest.raises(statuses.Forbidden, match='User "oidc:alice" cannot list'):
            await client.list(NODES)
        with pytest.raises(ActingError, match="one of your groups"):
            await who(targets.target("", caller(whole, groups=["developers", "admins"])).client)


async def test_a_token_that_the_cluster_does_not_trust(api_server: ApiServer) -> None:
    """The kubeconfig's own credentials are of no help to it."""
    whole = OIDC("https://idp.example", ("mcp",), "pass-on")
    target = Target("here", kubeconfig=str(api_server.cluster.kubeconfig))
    async with Targets((target,), identity=whole) as targets:
        with pytest.raises(ActingError, match="the cluster does not accept your token"):
            await who(targets.target("", caller(whole)).client)

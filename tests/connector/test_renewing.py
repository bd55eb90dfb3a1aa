"""Renewal against real API servers: only they know what a token is worth."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from fairlead.client.api import Client
from fairlead.client.connection import Connection
from fairlead.client.credentials import Bearer, Fixed
from fairlead.client.kubeconfig import ConnectionSettings
from fairlead.client.reviews import who_am_i
from fairlead.connector import kubeconfigsecrets, renewing
from fairlead.connector.renewing import SECRETS, SERVICE_ACCOUNTS, SHARE_OF_LIFE, TokenRenewal
from fairlead.connector.settings import SecretName, SettingsError
from fairlead.machinery import encoding, statuses
from fairlead.machinery.paths import Resource
from testenv.servers import RealCluster
from tests.connector.test_kubeconfigsecrets import decoded, secret

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("connector:token-renewal")]
LIFE = 600
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles")
BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings")


def as_bearer(cluster: RealCluster, token: str) -> Client:
    authority = cluster.credentials.client_ca.read_bytes()
    return Client(Connection(ConnectionSettings(cluster.url, Fixed(Bearer(f"Bearer {token}")), authority)))


async def prepared(app: Client, control_plane: Client, name: str) -> str:
    """A ServiceAccount that may renew its own token, and a Secret with one; answers the token."""
    await control_plane.create(SERVICE_ACCOUNTS, {"metadata": {"name": name, "namespace": "default"}})
    rules = [{"apiGroups": [""], "resources": ["serviceaccounts/token"], "resourceNames": [name], "verbs": ["create"]}]
    await control_plane.create(ROLES, {"metadata": {"name": name, "namespace": "default"}, "rules": rules})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    subjects = [{"kind": "ServiceAccount", "name": name, "namespace": "default"}]
    bound = {"metadata": {"name": name, "namespace": "default"}, "roleRef": reference, "subjects": subjects}
    await control_plane.create(BINDINGS, bound)
    token = await renewing.token_of(control_plane, "default", name, LIFE)
    text = encoding.to_yaml(kubeconfigsecrets.kubeconfig("one", "https://one", None, {"token": token})).encode()
    made = secret(text)
    made["metadata"] = {"name": name, "namespace": "default"}
    await app.create(SECRETS, made)
    return token


def held(found: dict[str, Any]) -> str:
    return str(decoded(found)["users"][0]["user"]["token"])


async def test_a_token_is_renewed_with_itself_when_it_is_time(
    real_app: RealCluster, real_control_plane: RealCluster, unique: Callable[[str], str]
) -> None:
    name = unique("renewed")
    async with real_app.cluster.open() as app, real_control_plane.cluster.open() as admin:
        token = await prepared(app, admin, name)
        async with as_bearer(real_control_plane, token) as control_plane:
            now = time.time()
            early = TokenRenewal(app, control_plane, SecretName("default", name), lambda: now)
            assert 0 < await early.look() <= SHARE_OF_LIFE * LIFE
            assert held(await app.get(SECRETS, name, "default")) == token
            late = TokenRenewal(app, control_plane, SecretName("default", name), lambda: now + SHARE_OF_LIFE * LIFE + 1)
            assert await late.look() == 0
        renewed = held(await app.get(SECRETS, name, "default"))
        assert renewed != token
        async with as_bearer(real_control_plane, renewed) as control_plane:
            assert (await who_am_i(control_plane)).name == f"system:serviceaccount:default:{name}"
            assert await renewing.token_of(control_plane, "default", name, LIFE)


async def test_a_secret_that_changed_meanwhile_is_left_alone(
    real_app: RealCluster, real_control_plane: RealCluster, unique: Callable[[str], str]
) -> None:
    name = unique("renewed")
    async with real_app.cluster.open() as app, real_control_plane.cluster.open() as control_plane:
        token = await prepared(app, control_plane, name)

        class Meddled(Client):
            async def post(self, path: str, body: Any) -> Any:
                await app.patch(SECRETS, name, {"metadata": {"labels": {"touched": "yes"}}}, "default")
                return await super().post(path, body)

        late = TokenRenewal(
            app, Meddled(control_plane.connection), SecretName("default", name), lambda: time.time() + LIFE
        )
        with pytest.raises(statuses.Conflict):
            await late.look()
        assert held(await app.get(SECRETS, name, "default")) == token


@pytest.mark.parametrize("text", ["secret", "a/b/c", "/", "UP/s", "a/"])
def test_how_a_secret_is_named(text: str) -> None:
    with pytest.raises(SettingsError, match="is no Secret: it is written as NAMESPACE/NAME"):
        SecretName.parse(text)
    assert str(SecretName.parse("kube-system/s")) == "kube-system/s"

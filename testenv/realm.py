"""A realm of Keycloak for MCP servers, made by its administration's REST API; docs/mcp-keycloak.md has the same steps.

Keycloak has no resource indicators: a token is for whom a mapper says. The mappers are in the scopes that our server
asks agents for, and not in scopes that everybody has by default, because an agent that registers and names scopes, as
the official SDK does, gets these and no others. The server is a client too, under the name of its audience, because
Keycloak lets only those exchange a token whom it is for. What it gets in exchange is for `kubernetes` and nobody else.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from testenv.keycloak import Keycloak

SERVER = "fairlead"
"""The client that our server is, and the audience of the tokens that it takes."""
SERVER_SECRET = "a-secret-of-the-tests"  # noqa: S105 - of a provider that lives as long as a test run
CLUSTER = "kubernetes"
SCOPES = ("mcp:read", "mcp:write", "mcp:admin")
CODE = {"directAccessGrantsEnabled": False, "standardFlowEnabled": True, "publicClient": True}
_REGISTRATION = "org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy"


@dataclass(frozen=True)
class Realm:
    keycloak: Keycloak
    name: str = "agents"
    ids: dict[str, str] = field(default_factory=dict)
    """Of client scopes, by their names."""

    @property
    def issuer(self) -> str:
        return self.keycloak.issuer(self.name)

    def admin(self, method: str, path: str, document: Any = None) -> Any:
        return self.keycloak.admin(method, f"/{self.name}{path}", document)

    def create(self) -> None:
        """Scopes, our server and the cluster as clients; nobody may register yet, as Keycloak has it by default."""
        self.keycloak.admin("POST", "", {"realm": self.name, "enabled": True})
        for each in SCOPES:
            self.scope(each, audience(SERVER), GROUPS, USERNAME)
            self.admin("PUT", f"/default-optional-client-scopes/{self.ids[each]}")
        self.scope("for-the-cluster", audience(CLUSTER), GROUPS)
        self.client({"clientId": CLUSTER, **CODE, "standardFlowEnabled": False})
        exchanging = {"clientId": SERVER, "publicClient": False, "secret": SERVER_SECRET, "standardFlowEnabled": False}
        made = self.client(exchanging | {"attributes": {"standard.token.exchange.enabled": "true"}})
        self.admin("PUT", f"/clients/{made}/default-client-scopes/{self.ids['for-the-cluster']}")

    def scope(self, name: str, *mappers: Mapping[str, Any]) -> None:
        attributes = {"include.in.token.scope": "true", "display.on.consent.screen": "true"}
        document = {"name": name, "protocol": "openid-connect", "attributes": attributes}
        self.ids[name] = self.admin("POST", "/client-scopes", document)
        for each in mappers:
            self.admin("POST", f"/client-scopes/{self.ids[name]}/protocol-mappers/models", each)

    def client(self, document: Mapping[str, Any]) -> str:
        made: str = self.admin("POST", "/clients", document)
        return made

    def user(self, name: str, password: str, groups: Iterable[str] = ()) -> None:
        """With all that a profile wants, so that nobody is asked for more at the login."""
        person = {"username": name, "enabled": True, "email": f"{name}@example.org", "emailVerified": True}
        person |= {"firstName": name, "lastName": name, "requiredActions": []}
        credentials = [{"type": "password", "value": password, "temporary": False}]
        self.admin("POST", "/users", person | {"credentials": credentials, "groups": list(groups)})

    def group(self, name: str) -> None:
        self.admin("POST", "/groups", {"name": name})

    @contextmanager
    def also(self, scope: str, mapper: Mapping[str, Any]) -> Iterator[None]:
        """With one more mapper meanwhile."""
        made = self.admin("POST", f"{self._mappers(scope)}/models", mapper)
        try:
            yield
        finally:
            self.admin("DELETE", f"{self._mappers(scope)}/models/{made}")

    @contextmanager
    def without(self, scope: str, mapper: Mapping[str, Any]) -> Iterator[None]:
        found = self.admin("GET", f"{self._mappers(scope)}/models")
        (known,) = (each["id"] for each in found if each["name"] == mapper["name"])
        self.admin("DELETE", f"{self._mappers(scope)}/models/{known}")
        try:
            yield
        finally:
            self.admin("POST", f"{self._mappers(scope)}/models", mapper)

    def _mappers(self, scope: str) -> str:
        return f"/client-scopes/{self.ids[scope]}/protocol-mappers"

    @contextmanager
    def changed(self, client_id: str, **settings: Any) -> Iterator[None]:
        (before,) = self.admin("GET", f"/clients?clientId={quote(client_id)}")
        path = f"/clients/{before['id']}"
        self.admin("PUT", path, before | settings)
        try:
            yield
        finally:
            self.admin("PUT", path, before)

    def grant(self, client_id: str, scope: str) -> None:
        """Lets a client that there is already ask for it."""
        (client,) = self.admin("GET", f"/clients?clientId={quote(client_id)}")
        self.admin("PUT", f"/clients/{client['id']}/optional-client-scopes/{self.ids[scope]}")

    def trust_hosts(self, *hosts: str, senders: bool = True) -> None:
        """Whose clients may register without a token; `senders` are held to come from there too."""
        self._registration_policy("trusted-hosts", {
            "trusted-hosts": list(hosts),
            "host-sending-registration-request-must-match": [str(senders).lower()],
            "client-uris-must-match": ["true"],
        })  # fmt: skip

    def let_ask_for(self, *scopes: str) -> None:
        """Scopes that who registers may name."""
        config = {"allow-default-scopes": ["true"], "allowed-client-scopes": list(scopes)}
        self._registration_policy("allowed-client-templates", config)

    def _registration_policy(self, provider: str, config: Mapping[str, list[str]]) -> None:
        for each in self.admin("GET", f"/components?type={_REGISTRATION}"):
            if each["providerId"] == provider and each["subType"] == "anonymous":
                self.admin("PUT", f"/components/{each['id']}", each | {"config": config})

    def trust_documents(self, *hosts: str) -> None:
        """Clients whose id is the address of a document there need not register (`--features=cimd`)."""
        allowed = {"cimd-allow-permitted-domains": list(hosts)}
        executors = [{"executor": "client-id-metadata-document", "configuration": allowed}]
        self.admin("PUT", "/client-policies/profiles", {"profiles": [{"name": "documents", "executors": executors}]})
        addressed = {"client-id-uri-scheme": ["https"], "client-id-uri-allow-permitted-domains": list(hosts)}
        conditions = [{"condition": "client-id-uri", "configuration": addressed}]
        policy = {"name": "documents", "enabled": True, "profiles": ["documents"], "conditions": conditions}
        self.admin("PUT", "/client-policies/policies", {"policies": [policy]})


def _mapper(kind: str, name: str, **config: str) -> dict[str, Any]:
    config |= {"access.token.claim": "true", "id.token.claim": "false"}
    return {"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config}


def audience(client: str) -> dict[str, Any]:
    return _mapper("oidc-audience-mapper", f"for {client}", **{"included.client.audience": client})


GROUPS = _mapper("oidc-group-membership-mapper", "groups", **{"claim.name": "groups", "full.path": "false"})
USERNAME = _mapper(
    "oidc-usermodel-attribute-mapper",
    "username",
    **{"user.attribute": "username", "claim.name": "preferred_username", "jsonType.label": "String"},
)

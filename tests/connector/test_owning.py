"""Who owns the APIServices, asked of an API server that knows one ClusterRole."""

from typing import TYPE_CHECKING, Any, cast

import pytest

from fairlead.aggregation import registering
from fairlead.aggregation.registering import APISERVICES, Backend
from fairlead.connector import publishing
from fairlead.connector.owning import CLUSTER_ROLES, Owner, OwnerError
from fairlead.connector.publishing import Registrar
from fairlead.machinery import statuses
from fairlead.machinery.paths import Resource
from tests.connector.fakes import CATALOG
from tests.connector.test_publishing import SOURCES

if TYPE_CHECKING:
    from fairlead.client.api import Client

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("connector:owned-apiservices")]
Object = dict[str, Any]
NAME = "fairlead-connector.kube-system.one"


class Listed:
    def __init__(self, items: list[Object]) -> None:
        self.items = items


class Server:
    def __init__(self) -> None:
        self.role: Object | None = {"metadata": {"name": NAME, "uid": "one"}}
        self.api_services: dict[str, Object] = {}

    async def get(self, resource: Resource, name: str) -> Object:
        assert (resource, name) == (CLUSTER_ROLES, NAME)
        if self.role is None:
            raise statuses.NotFound("gone")
        return self.role

    async def list(self, resource: Resource) -> Listed:
        assert resource == APISERVICES
        return Listed(list(self.api_services.values()))

    async def create(self, _: Resource, item: Object) -> None:
        item["metadata"]["resourceVersion"] = "1"
        self.api_services[item["metadata"]["name"]] = item

    async def patch(self, _: Resource, name: str, change: Object) -> None:
        self.api_services[name]["metadata"] |= change["metadata"]


@pytest.fixture
def server() -> Server:
    return Server()


def registrar(server: Server, name: str = NAME) -> Registrar:
    client = cast("Client", server)
    owner = Owner(client, name)
    return Registrar(client, lambda: Backend("kube-system", "one", 443, b"PEM", owner.references), owner.look)


def owners(server: Server) -> list[Any]:
    return [each["metadata"].get("ownerReferences") for each in server.api_services.values()]


async def test_they_are_owned_by_the_cluster_role_with_no_claim_to_block_its_deletion(server: Server) -> None:
    await registrar(server).register(CATALOG, SOURCES)
    reference = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "name": NAME, "uid": "one"}
    assert owners(server) == [[reference]]


async def test_an_owner_that_was_made_anew_is_taken(server: Server) -> None:
    known = registrar(server)
    await known.register(CATALOG, SOURCES)
    server.role = {"metadata": {"name": NAME, "uid": "two"}}
    await known.register(CATALOG, SOURCES)
    assert [each[0]["uid"] for each in owners(server)] == ["two"]


@pytest.mark.parametrize("role", [None, {"metadata": {"uid": "one", "deletionTimestamp": "2026-01-01T00:00:00Z"}}])
async def test_nothing_is_registered_for_an_owner_that_goes(server: Server, role: Object | None) -> None:
    server.role = role
    with pytest.raises(OwnerError, match=NAME):
        await registrar(server).register(CATALOG, SOURCES)
    assert server.api_services == {}


async def test_without_one_the_owners_that_others_gave_stay(server: Server) -> None:
    known = registrar(server, "")
    await known.register(CATALOG, SOURCES)
    assert owners(server) == [None]
    for each in server.api_services.values():
        each["metadata"]["ownerReferences"] = [{"uid": "theirs"}]
    await known.register(CATALOG, SOURCES)
    assert owners(server) == [[{"uid": "theirs"}]]
    goal = publishing.desired(CATALOG, SOURCES, Backend("kube-system", "one", 443, b"PEM"))
    assert all(registering.difference(server.api_services[each["metadata"]["name"]], each) == {} for each in goal)

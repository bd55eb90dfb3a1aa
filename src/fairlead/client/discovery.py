"""What a server serves: the aggregated document where it has one, the legacy ones otherwise.

A group whose extension server is down stays in the answer as stale (`APIVersion.fresh`), because "not there" and "not
known just now" are different answers and deletion has been done on the first.
"""

import asyncio

from fairlead.client.api import Client, decoded
from fairlead.machinery import discovery, statuses
from fairlead.machinery.discovery import APIGroup, APIVersion
from fairlead.machinery.messages import Headers
from fairlead.machinery.paths import GroupVersion

_ACCEPT = ",".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" for version in ("v2", "v2beta1")
)


async def discover(client: Client) -> list[APIGroup]:
    """Every group, the core group first. Raises what `Client` raises where the server itself does not answer."""
    core, named = await asyncio.gather(
        _aggregated(client, "/api"), _aggregated(client, "/apis"), return_exceptions=True
    )
    if isinstance(core, BaseException):  # only now, so that the other does not outlive the client
        raise core
    if isinstance(named, BaseException):
        raise named
    if core is None or named is None:
        return await _legacy(client)
    return [*core, *named]


async def _aggregated(client: Client, path: str) -> list[APIGroup] | None:
    """None where the server answers in the old form, which it may do with 200 or 406."""
    headers = Headers([("accept", f"{_ACCEPT},application/json")])
    answer = await client.connection.request("GET", path, headers=headers)
    if answer.status == 406 or not discovery.content_type_is_aggregated(answer.headers.get("content-type")):
        if answer.status not in (200, 406):
            decoded(answer)
        return None
    return discovery.read_aggregated(decoded(answer))


async def _legacy(client: Client) -> list[APIGroup]:
    versions = (await client.read("/api")).get("versions") or []
    core = APIGroup("", tuple(APIVersion(each) for each in versions))
    groups = [core, *discovery.read_groups(await client.read("/apis"))]
    return list(await asyncio.gather(*(_filled(client, group) for group in groups)))


async def _filled(client: Client, group: APIGroup) -> APIGroup:
    found = await asyncio.gather(*(_resources(client, group.group_version(each)) for each in group.versions))
    return APIGroup(group.name, tuple(found))


async def _resources(client: Client, group_version: GroupVersion) -> APIVersion:
    try:
        document = await client.read(group_version.path)
    except (statuses.ServiceUnavailable, statuses.NotFound, statuses.InternalError, statuses.Timeout):
        return APIVersion(group_version.version, fresh=False)
    return APIVersion(group_version.version, discovery.read_resource_list(document))

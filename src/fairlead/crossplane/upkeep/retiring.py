"""An XRD's claims, gone before it, or before the package that has brought it.

Crossplane deletes both by itself once the XRD is deleted, but by two controllers that do not wait for each other. The
one for composites takes away their kind as soon as the last is gone; the one for claims then asks for a kind that is
not served any more, and neither the claim nor the XRD ever goes (seen on 2.3.4, now and then, on a busy machine).
Claims that are gone before cannot be caught in between.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.crossplane import packages, references, sweeping
from fairlead.crossplane.judging import judge
from fairlead.crossplane.upkeep.removing import some
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.resources import deleting
from fairlead.resources.gathering import together
from fairlead.resources.kinds import Kind, UnknownKindError
from fairlead.resources.reading import Reader

Object = Mapping[str, Any]
SECONDS = 20.0
"""Within the time that a call has by default; whoever has claims that take longer calls once more."""
_PAUSE = 0.3


class ClaimsLeftError(FairleadError):
    """Its claims are not gone, so the XRD or its package was not deleted."""


async def claims(reader: Reader, xrd: Object, what: str = "the XRD") -> None:
    """Deletes them and returns when they are gone; `what` is to go after them.

    Raises `ClaimsLeftError`, and what `Reader` and `Client` raise.
    """
    if not offers(xrd):
        return
    spec = xrd["spec"]
    try:
        await _gone(reader, await reader.kind(f"{spec['claimNames']['plural']}.{spec['group']}"), what)
    except UnknownKindError:
        return  # a kind that is not served has no objects


def offers(xrd: Object) -> bool:
    """Whether it offers claims."""
    return bool((xrd["spec"].get("claimNames") or {}).get("plural"))


async def definitions(reader: Reader, package: Object) -> list[Object]:
    """The XRDs that go with a package. Raises what `Reader` raises."""
    every = await reader.every(packages.XRD, "apiextensions.crossplane.io/v1")
    return [each for each in every if packages.is_owned(each["metadata"], package)]


async def packaged_claims(reader: Reader, package: Object) -> None:
    """Those of all its XRDs, at once, but for those that are in use, and stay. Raises as `claims`."""
    found = [each for each in await definitions(reader, package) if not deleting.is_used(each)]
    await together(*(claims(reader, each, f"the {package['kind']}") for each in found))


async def _gone(reader: Reader, kind: Kind, what: str) -> None:
    turn = asyncio.Semaphore(sweeping.AT_ONCE)

    async def delete(claim: Object) -> None:
        async with turn:
            await _deleted(reader, kind, claim, what)

    await together(*(delete(each) for each in await _there(reader, kind)))
    if left := await _left(reader, kind):
        states = [f"{references.of(each)}: {judge(each, kind.api.categories).state.value}" for each in left]
        said = f"{what} is not deleted yet: its claims go first, and {len(left)} are still there"
        first = left[0]["metadata"]
        call = f"explain_deletion kind={kind.resource.qualified} name={first['name']} namespace={first['namespace']}"
        raise ClaimsLeftError(said, "; ".join(some(states)), f"{call} says why; do this once more when they are gone")


async def _there(reader: Reader, kind: Kind) -> Sequence[Object]:
    return await reader.every(kind.resource.qualified, "")


async def _deleted(reader: Reader, kind: Kind, claim: Object, what: str) -> None:
    metadata = claim["metadata"]
    options = {"preconditions": {"uid": metadata["uid"]}}
    try:
        await reader.client.delete(kind.resource, metadata["name"], metadata["namespace"], options=options)
    except statuses.NotFound:
        return
    except statuses.Conflict as error:
        said = f"{references.of(claim)} cannot go, so {what} was not deleted"
        raise ClaimsLeftError(said, error.message, "end its usages first") from error


async def _left(reader: Reader, kind: Kind) -> Sequence[Object]:
    """As soon as there is none, or after so many seconds."""
    found: Sequence[Object] = ()
    try:
        async with asyncio.timeout(SECONDS):
            while True:
                if not (found := await _there(reader, kind)):
                    break
                await asyncio.sleep(_PAUSE)
    except TimeoutError:
        pass
    return found

"""A revision made ready to let go of what it has brought, before its package moves on.

What Crossplane has only just made stands in a revision's status without its kind. A revision that is switched off like
that fails to release it for ever, and the new one waits for it for ever ("already controlled by"): seen on Crossplane
2.3.4 at times, in upgrades soon after an install on a busy machine. Asked to look at the revision once more, it writes
the kinds down; afterwards it is too late, and only going back and forth helps.
"""

import asyncio
from typing import Any
from uuid import uuid4

from fairlead.client.api import Patch
from fairlead.crossplane.packaging import upgrades
from fairlead.crossplane.upkeep.reconciling import REQUESTED
from fairlead.machinery.errors import FairleadError
from fairlead.resources.planning import MANAGER
from fairlead.resources.reading import Reader

Object = dict[str, Any]
_SECONDS = 15.0
_PAUSE = 0.3


class NotReadyError(FairleadError):
    """Crossplane has not done what it was asked to; the package was not touched."""


async def made_ready(reader: Reader, revision: Object) -> None:
    """Raises `NotReadyError`, and what `Reader` raises."""
    kind, name = await reader.kind(revision["kind"], revision["apiVersion"]), revision["metadata"]["name"]
    asked = {"metadata": {"annotations": {REQUESTED: uuid4().hex}}}
    await reader.client.patch(kind.resource, name, asked, None, kind=Patch.MERGE, fieldManager=MANAGER)
    try:
        async with asyncio.timeout(_SECONDS):
            while True:
                if not upgrades.unnamed(await reader.one(kind, name)):
                    return
                await asyncio.sleep(_PAUSE)
    except TimeoutError as error:
        why = "Crossplane has not looked at it again; its package was not changed"
        raise NotReadyError(f"{name} could not let go of what it brought", why, "try again") from error

"""Whether all that is to be done may be done, asked before anything is."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from fairlead.client import reviews
from fairlead.client.api import Client
from fairlead.machinery.paths import Resource


@dataclass(frozen=True)
class Step:
    verb: str
    resource: Resource
    namespace: str | None = None
    name: str = ""
    subresource: str = ""

    def __str__(self) -> str:
        what = f"{self.resource.qualified}/{self.subresource}" if self.subresource else self.resource.qualified
        return f"{self.verb} {what} in {self.namespace}" if self.namespace else f"{self.verb} {what}"


async def refused(client: Client, steps: Iterable[Step]) -> list[Step]:
    """Those that the server would not let us do. Raises what the client raises."""
    asked = list(dict.fromkeys(steps))
    answers = await asyncio.gather(*(_may(client, each) for each in asked))
    return [step for step, allowed in zip(asked, answers, strict=True) if not allowed]


async def _may(client: Client, step: Step) -> bool:
    answer = await reviews.may_i(client, step.verb, step.resource, step.namespace, step.name, step.subresource)
    return answer.allowed

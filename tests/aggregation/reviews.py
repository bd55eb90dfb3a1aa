"""An API server's reviews, answered by a function, and a clock that moves when told."""

from collections.abc import Callable
from typing import Any

Object = dict[str, Any]


class Backend:
    def __init__(self, answer: Callable[[Object], Object]) -> None:
        self._answer = answer
        self.asked: list[Object] = []

    async def create(self, body: Object) -> Object:
        self.asked.append(body)
        return {**body, "status": self._answer(body["spec"])}


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

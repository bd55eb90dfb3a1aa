"""Telling clients that lists are others than before, each era in its way, so that none goes on by an old one.

Clients of 2025 are told on the stream that they hold open, those of 2026 where they have asked to listen. It is a hint:
whoever hears nothing is refused what is gone all the same.
"""

from typing import TYPE_CHECKING
from weakref import WeakSet

from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    PromptsListChanged,
    ResourcesListChanged,
    ServerEvent,
    ToolsListChanged,
)

if TYPE_CHECKING:
    from mcp.server.connection import Connection

_EVENTS: tuple[ServerEvent, ...] = (ToolsListChanged(), PromptsListChanged(), ResourcesListChanged())
_READY = "notifications/initialized"


class Announcer:
    def __init__(self) -> None:
        self.bus = InMemorySubscriptionBus()
        self._connections: WeakSet[Connection] = WeakSet()

    def met(self, context: ServerRequestContext) -> None:
        """Remembers the connection of a legacy client that has just become ready, for as long as it is there.

        The library has no public way to it.
        """
        if context.method == _READY:
            self._connections.add(context.session._connection)

    async def lists_changed(self) -> None:
        for event in _EVENTS:
            await self.bus.publish(event)
        for each in list(self._connections):
            await each.send_tool_list_changed()
            await each.send_prompt_list_changed()
            await each.send_resource_list_changed()

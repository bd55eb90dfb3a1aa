"""What holds around every call, whatever it is of: an allowance, a place, a deadline, and a line in the audit log.

Whatever goes wrong inside becomes a `ToolError` that says what to do, without what only the operator may know. The time
in which a person is asked is not the call's: the deadline stands still meanwhile, bounded by how long a question lives.
"""

import asyncio
import json
import logging
import time
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from fairlead.machinery import redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing, observing
from fairlead.mcp.calling import Call, LinesError, Stage, Use
from fairlead.mcp.conversing import CannotAskError, Conversation, InputRequiredError, Level, Nobody, Question, Reply
from fairlead.mcp.deciding import auditing, masking
from fairlead.mcp.deciding.auditing import ToolAudit
from fairlead.mcp.deciding.handles import SECONDS
from fairlead.mcp.deciding.reassuring import reassured
from fairlead.mcp.deciding.sharing import Shared
from fairlead.mcp.named.servers import NamedServer
from fairlead.mcp.tools import Clusters, ToolClass, ToolError

MOST_AT_ONCE = 32
_AT = {
    Stage.PLANNING: "looking",
    Stage.ASKING: "somebody is asked",
    Stage.SENT: "the change was sent, and what comes of it is waited for",
}
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class _Refused(ToolError):
    """Before the call began."""


@dataclass
class Conduct:
    server: NamedServer
    clusters: Clusters
    audit: ToolAudit = field(default_factory=ToolAudit)
    shared: Shared = field(default_factory=Shared)
    clock: Callable[[], float] = time.monotonic
    busy: Counter[str] = field(default_factory=Counter)
    """Calls that run now, by principal."""

    async def of(
        self, use: Use, run: Callable[[Call], Awaitable[_T]], talk: Conversation | None, size: Callable[[_T], int]
    ) -> _T:
        """Raises `ToolError` for whatever went wrong, and writes it down."""
        began = self.clock()
        try:
            await self._take(use, talk)
            async with self._place(use), asyncio.timeout(self.server.timeout_seconds) as deadline:
                patient = _Patient(talk or Nobody(), use, deadline)
                with (
                    use.runs(),
                    observing.calling(self.shared.meter, self.server.name),
                    reassured(patient.talk, patient.at),
                ):
                    found = await run(Call(use.caller, self.clusters, patient, self.clusters.reads_only, patient.left))
            use.result, use.size = "ok", size(found)
            return found
        except InputRequiredError:
            use.result = "asked"
            raise
        except (CannotAskError, LinesError):
            raise
        except _Refused:
            use.result = "limited"
            raise
        except TimeoutError as error:
            use.result = "timeout"
            how_far = self._said("; ".join(getattr(error.__cause__, "__notes__", ())))
            raise ToolError(self._late(use), how_far) from error
        except asyncio.CancelledError:
            use.result = "cancelled"
            raise
        except FairleadError as error:
            raise ToolError(self._said(str(error)), "", Stage.SENT.value if _unsure(use, error) else "") from error
        except Exception as error:
            _log.error("%s failed in a way that it should not: %s", use.name, redacting.text(traceback.format_exc()))
            what = f"{use.name} failed inside: this is a fault of the server, see its log; {use.stage.value}"
            raise ToolError(what) from error
        finally:
            use.seconds = self.clock() - began
            self.record(use, "result")

    async def _take(self, use: Use, talk: Conversation | None) -> None:
        counted = ToolClass.READ if talk is not None and talk.continues else use.counted
        counted = ToolClass.WRITE if counted is ToolClass.EXEC else counted
        allowance = int(getattr(self.server.limits, counted.value))
        key = (use.caller.key, self.server.name, counted.value)
        wait = await self.shared.limiter.take(key, allowance)
        if wait:
            raise _Refused(f"too many {counted.value} calls: the next is possible in {int(wait) + 1} s")

    @asynccontextmanager
    async def _place(self, use: Use) -> AsyncIterator[None]:
        key = use.caller.key
        if self.busy[key] >= MOST_AT_ONCE:
            raise _Refused(f"{MOST_AT_ONCE} calls of yours run already: wait for one to end")
        self.busy[key] += 1
        try:
            yield
        finally:
            self.busy[key] -= 1
            if not self.busy[key]:
                del self.busy[key]

    def _late(self, use: Use) -> str:
        if use.stage is Stage.ASKING:
            return f"{use.name} was not done: {use.stage.value}"
        what = "has no result after" if use.stage is Stage.SENT else "was not done within"
        next_step = "; ask for less" if use.stage is Stage.PLANNING else ""
        return f"{use.name} {what} {self.server.timeout_seconds} s: {use.stage.value}{next_step}"

    def _said(self, text: str) -> str:
        text = redacting.text(fencing.plain(text))
        return masking.internals(text) if self.server.production else text

    def record(self, use: Use, stage: str, decision: str = "allow") -> bool:
        """Whether it stands in the log, or need not. A result is counted, too."""
        if stage == "result":
            known = use.name if decision == "allow" else ""
            observing.called(self.shared.meter, self.server.name, known, use.result, use.seconds)
        if not self.audit:
            return True
        given = json.dumps(use.given, sort_keys=True, default=str).encode()
        digest = self.shared.seals.digest("audit", given) if use.given else ""
        return self.audit.write(auditing.line(use, self.server.name, stage, decision, digest))


def _unsure(use: Use, error: BaseException | None) -> bool:
    """Whether a change may have been done all the same: it was sent, and its answer lost."""
    seen: list[BaseException] = []
    while use.stage is Stage.SENT and error is not None and error not in seen:
        if getattr(error, "sent", False):
            return True
        seen.append(error)
        error = error.__cause__
    return False


class _Patient:
    """A conversation in which the call's deadline waits for the answer."""

    def __init__(self, talk: Conversation, use: Use, deadline: asyncio.Timeout) -> None:
        self.talk = talk
        self._use = use
        self._deadline = deadline
        self._tells = False
        self.continues = talk.continues

    @property
    def capabilities(self) -> frozenset[str]:
        return self.talk.capabilities

    @property
    def round(self) -> str:
        return self.talk.round

    def left(self) -> float:
        """Seconds."""
        now = asyncio.get_running_loop().time()
        return (self._deadline.when() or now) - now

    def at(self) -> str:
        """What the call is at; nothing where its tool tells that by itself, since progress counts in one measure."""
        return "" if self._tells else _AT[self._use.stage]

    async def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        self._tells = True
        await self.talk.progress(done, total, message)

    async def log(self, level: Level, text: str) -> None:
        await self.talk.log(level, text)

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, Reply]:
        loop = asyncio.get_running_loop()
        left = self.left()
        before, self._use.stage = self._use.stage, Stage.ASKING
        self._deadline.reschedule(loop.time() + SECONDS)
        try:
            return await self.talk.ask(questions)
        finally:
            if not self._deadline.expired():
                self._deadline.reschedule(loop.time() + left)
                self._use.stage = before

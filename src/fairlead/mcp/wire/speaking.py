"""Our values in the protocol's words, and a conversation in either era's way."""

import base64
import json
import secrets
from collections.abc import Mapping
from functools import cached_property
from typing import Any, get_args

import mcp.types as types
from mcp import MCPError
from mcp.server.context import ServerRequestContext
from mcp.shared.message import ServerMessageMetadata

from fairlead.mcp import conversing
from fairlead.mcp.contents import Content, Document, Picture, Text
from fairlead.mcp.conversing import CannotAskError, Conversation, Elicit, InputRequiredError, Question, Reply, Sample

MODERN = "2026-07-28"
_UNKNOWN_RESOURCE = -32002
_INVALID_PARAMS = -32602
_LEVELS: tuple[conversing.Level, ...] = get_args(conversing.Level)
_LEVEL = "fairlead.level"
_CAPABILITIES = ("elicitation", "sampling", "roots")

Context = ServerRequestContext[Any]


def is_modern(context: Context) -> bool:
    return context.protocol_version >= MODERN  # revisions are dates


def unknown_resource(context: Context) -> int:
    """Its own code until 2025-11-25, an invalid parameter since."""
    return _INVALID_PARAMS if is_modern(context) else _UNKNOWN_RESOURCE


def block(content: Content) -> Any:
    if isinstance(content, Text):
        return types.TextContent(type="text", text=content.text)
    if isinstance(content, Document):
        return types.EmbeddedResource(type="resource", resource=contents(content))
    data = base64.b64encode(content.data).decode()
    kind: type[Any] = types.ImageContent if isinstance(content, Picture) else types.AudioContent
    return kind(type="image" if isinstance(content, Picture) else "audio", data=data, mime_type=content.media_type)


def contents(document: Document) -> types.TextResourceContents | types.BlobResourceContents:
    if isinstance(document.content, str):
        return types.TextResourceContents(uri=document.uri, mime_type=document.media_type, text=document.content)
    blob = base64.b64encode(document.content).decode()
    return types.BlobResourceContents(uri=document.uri, mime_type=document.media_type, blob=blob)


def request(question: Question) -> Any:
    if isinstance(question, Elicit):
        form = types.ElicitRequestFormParams(message=question.message, requested_schema=dict(question.schema))
        return types.ElicitRequest(params=form)
    if isinstance(question, Sample):
        message = types.SamplingMessage(role="user", content=types.TextContent(type="text", text=question.text))
        return types.CreateMessageRequest(
            params=types.CreateMessageRequestParams(messages=[message], max_tokens=question.max_tokens)
        )
    return types.ListRootsRequest()


def required(asked: InputRequiredError) -> types.InputRequiredResult:
    """With the call's name and the answers of earlier rounds as state, which the SDK seals."""
    return types.InputRequiredResult(
        result_type="input_required",
        input_requests={key: request(each) for key, each in asked.questions.items()},
        request_state=json.dumps({"round": asked.round, "asked": sorted(asked.questions), "replies": asked.replies}),
    )


def cannot_ask(error: CannotAskError) -> MCPError:
    """What the protocol wants to hear since 2026-07-28; before, it is an answer of the tool."""
    lacking: dict[str, Any] = {each: {} for each in error.lacking}
    return MCPError(types.MISSING_REQUIRED_CLIENT_CAPABILITY, str(error), {"requiredCapabilities": lacking})


def set_level(context: Context, level: conversing.Level) -> None:
    """For what is logged on this connection from now on; one without sessions forgets it with the request."""
    _connection(context)[_LEVEL] = level


def _connection(context: Context) -> dict[str, Any]:
    """What is kept with a legacy connection; the library has a place for it and no public way there."""
    found: dict[str, Any] = context.session._connection.state
    return found


def conversation(context: Context, parameters: types.InputResponseRequestParams) -> Conversation:
    return _InRounds(context, parameters) if is_modern(context) else _OnTheWay(context)


class _Speaking:
    continues = False

    def __init__(self, context: Context) -> None:
        self._context = context

    @cached_property
    def round(self) -> str:
        return secrets.token_hex(8)

    @property
    def capabilities(self) -> frozenset[str]:
        declared = self._context.session.client_capabilities
        if declared is None or not (is_modern(self._context) or self._context.session.can_send_request):
            return frozenset()
        found = {each for each in _CAPABILITIES if getattr(declared, each) is not None}
        asks = declared.elicitation
        if asks is not None and asks.url is not None and asks.form is None:
            found.discard("elicitation")  # of addresses alone, and ours are forms
        return frozenset(found)

    async def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        await self._context.session.report_progress(done, total, message or None)

    async def log(self, level: conversing.Level, text: str) -> None:
        """Nothing since 2026-07-28, which has given up logs for clients."""


class _OnTheWay(_Speaking):
    """The legacy era: each question is a request of ours on the connection of the call."""

    async def log(self, level: conversing.Level, text: str) -> None:
        if _LEVELS.index(level) < _LEVELS.index(_connection(self._context).get(_LEVEL, _LEVELS[0])):
            return
        said = types.LoggingMessageNotificationParams(level=level, data=text)
        notification = types.LoggingMessageNotification(params=said)
        await self._context.session.send_notification(notification, related_request_id=self._context.request_id)

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, Reply]:
        conversing.check(questions, self.capabilities)
        return {key: await self._one(each) for key, each in questions.items()}

    async def _one(self, question: Question) -> Reply:
        results: dict[type[Any], type[Any]] = {Elicit: types.ElicitResult, Sample: types.CreateMessageResult}
        kind = results.get(type(question), types.ListRootsResult)
        metadata = ServerMessageMetadata(related_request_id=self._context.request_id)
        try:
            found = await self._context.session.send_request(request(question), kind, metadata=metadata)
        except MCPError as error:  # said that it can be asked, and cannot
            raise CannotAskError([question.capability]) from error
        return dict(found.model_dump(by_alias=True, mode="json", exclude_none=True))


class _InRounds(_Speaking):
    """Since 2026-07-28: what is not answered yet ends the call, and comes back with it."""

    def __init__(self, context: Context, parameters: types.InputResponseRequestParams) -> None:
        super().__init__(context)
        state: dict[str, Any] = json.loads(parameters.request_state) if parameters.request_state else {}
        self.continues = bool(state)
        if "round" in state:
            self.round = state["round"]
        earlier: dict[str, Reply] = state.get("replies", {})
        given = parameters.input_responses or {}
        self._replies = earlier | {
            key: dict(each.model_dump(by_alias=True, mode="json", exclude_none=True))
            for key, each in given.items()
            if key in state.get("asked", ())
        }
        self._asked: set[str] = set(earlier)

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, Reply]:
        open_questions = {key: each for key, each in questions.items() if key not in self._replies}
        self._asked |= questions.keys()
        if open_questions:
            conversing.check(open_questions, self.capabilities)
            known = {key: each for key, each in self._replies.items() if key in self._asked}
            raise InputRequiredError(open_questions, known, self.round)
        return {key: self._replies[key] for key in questions}

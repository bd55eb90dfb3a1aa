"""Our tools under the parameter names of kubernetes-mcp-server, for models and scripts that know those.

The tools have its names anyway. Here each parameter that it has too is called as there, takes whatever it takes there
and means the same; what only we have keeps its name. The other product looks for one object in the namespace of the
kubeconfig's context where none is given, so that is filled in. What our tools say of a parameter outside of the
cluster's data is renamed with it: a hint that names what the schema lacks would lead nowhere.

Source: `tools/list` of kubernetes-mcp-server 0.0.67, which tests/mcp/dropin/test_naming.py asks again.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from fairlead.mcp.contents import Prompt
from fairlead.mcp.tools import Answer, Parameter, Plan, Planning, Run, Tool, ToolError, Toolset

_FENCED = re.compile(r"(<data-([0-9a-f]{8}) [^>\n]*>\n.*?\n</data-\2>)", re.DOTALL)
_COMMON = {"api_version": "apiVersion", "label_selector": "labelSelector", "field_selector": "fieldSelector"}
_T = TypeVar("_T")
_ALL = Parameter("all_namespaces", "False: those of `namespace`.", type="boolean", default=True)


@dataclass(frozen=True)
class Form:
    """How one tool differs from the rule."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Ours to theirs, beside the common ones; to itself for one that is not renamed."""
    optional: frozenset[str] = frozenset()
    """Needed with us, and not there."""
    zero: Mapping[str, str] = field(default_factory=dict)
    """What 0 stands for there: `default` or `all`."""
    own_namespace: bool = False
    """Whether the context's namespace is meant where none is given."""
    more: tuple[Parameter, ...] = ()


_ONE = Form(optional=frozenset({"namespace"}), own_namespace=True)
_TOP = Form(names={"label_selector": "label_selector"})
FORMS: Mapping[str, Form] = {
    "nodes_log": Form(names={"tail": "tailLines"}, zero={"tail": "all"}),
    "nodes_top": _TOP,
    "pods_delete": _ONE,
    "pods_exec": _ONE,
    "pods_get": _ONE,
    "pods_log": replace(_ONE, zero={"tail": "default"}),
    "pods_run": replace(_ONE, optional=frozenset({"name", "namespace"})),
    "pods_top": replace(_TOP, more=(_ALL,)),
    "resources_create_or_update": _ONE,
    "resources_delete": replace(_ONE, names={"grace_seconds": "gracePeriodSeconds"}),
    "resources_get": _ONE,
    "resources_scale": replace(_ONE, names={"replicas": "scale"}, optional=frozenset({"namespace", "replicas"})),
}


@dataclass(frozen=True)
class Dressing:
    """What a `config.toml` says about the looks of tools; called with a toolset of ours."""

    list_output: str = ""
    texts: tuple[tuple[str, str], ...] = ()
    """Descriptions by tool, in place of ours."""
    prompts: tuple[Prompt, ...] = ()
    host: str = ""
    """The toolset that the prompts come with."""
    written: str = ""
    """The prompts as they are written: functions cannot tell that another text has come."""

    def __call__(self, toolset: Toolset) -> Toolset:
        more = self.prompts if toolset.name == self.host else ()
        tools = tuple(self._tool(each) for each in toolset.tools)
        return replace(toolset, tools=tools, prompts=(*toolset.prompts, *more))

    def _tool(self, tool: Tool) -> Tool:
        found = renamed(tool)
        parameters = tuple(self._parameter(each) for each in found.parameters)
        return replace(found, description=dict(self.texts).get(tool.name) or tool.description, parameters=parameters)

    def _parameter(self, parameter: Parameter) -> Parameter:
        lists = parameter.name == "output" and self.list_output in parameter.choices and "table" in parameter.choices
        return replace(parameter, default=self.list_output) if lists else parameter


def renamed(tool: Tool) -> Tool:
    form = FORMS.get(tool.name, Form())
    names = {each.name: (_COMMON | dict(form.names)).get(each.name, each.name) for each in tool.parameters}
    dress = _Renaming(tool, form, names)
    return replace(
        tool,
        parameters=(*(dress.parameter(each) for each in tool.parameters), *form.more),
        run=None if tool.run is None else dress.run(tool.run),
        plan=None if tool.plan is None else dress.plan(tool.plan),
    )


class _Renaming:
    def __init__(self, tool: Tool, form: Form, names: Mapping[str, str]) -> None:
        self._form = form
        self._ours = {theirs: ours for ours, theirs in names.items()}
        self._parameters = {each.name: each for each in tool.parameters}
        self._say = _speaking({ours: theirs for ours, theirs in names.items() if ours != theirs})

    def parameter(self, parameter: Parameter) -> Parameter:
        form, theirs = self._form, {ours: theirs for theirs, ours in self._ours.items()}[parameter.name]
        optional = parameter.name in form.optional
        found = replace(parameter, name=theirs, required=parameter.required and not optional)
        return replace(found, minimum=0, maximum=None) if parameter.name in form.zero else found

    def run(self, run: Run) -> Run:
        async def renamed(call: Any, given: Mapping[str, Any]) -> Answer:
            answer = await self._telling(run(call, self._arguments(call, given)))
            return replace(answer, text=self._say(answer.text))

        return renamed

    def plan(self, plan: Planning) -> Planning:
        async def renamed(call: Any, given: Mapping[str, Any]) -> Plan:
            return await self._telling(plan(call, self._arguments(call, given)))

        return renamed

    async def _telling(self, running: Awaitable[_T]) -> _T:
        try:
            return await running
        except ToolError as error:
            if type(error) is not ToolError:
                raise
            raise ToolError(self._say(error.what), self._say(error.why), self._say(error.remedy)) from error

    def _arguments(self, call: Any, given: Mapping[str, Any]) -> dict[str, Any]:
        found = {self._ours[name]: value for name, value in given.items() if name in self._ours}
        for name, zero in self._form.zero.items():
            found |= self._bounded(name, found.pop(name, None), zero)
        if not found.get("namespace") and self._is_own(given):
            found["namespace"] = call.target(found.get("context", "")).client.connection.settings.namespace
        return found

    def _is_own(self, given: Mapping[str, Any]) -> bool:
        if _ALL in self._form.more:
            return not given.get(_ALL.name, True) or bool(given.get("name"))
        return self._form.own_namespace

    def _bounded(self, name: str, value: int | None, zero: str) -> dict[str, int]:
        """Within what ours takes: more than it ever answers is as good as all."""
        parameter = self._parameters[name]
        if value is None or (value == 0 and zero == "default"):
            return {} if parameter.default is None else {name: parameter.default}
        most = parameter.maximum or value
        return {name: most if value == 0 else min(value, most)}


def _speaking(names: Mapping[str, str]) -> Callable[[str], str]:
    """Renames in what we say ourselves, never inside the marks around a cluster's text."""
    if not names:
        return lambda text: text
    words = re.compile(rf"\b({'|'.join(map(re.escape, sorted(names, key=len, reverse=True)))})\b")

    def say(text: str) -> str:
        parts = _FENCED.split(text)
        # Of three each: ours, a fenced block, and the fence's own mark.
        return "".join(
            words.sub(lambda found: names[found[0]], part) if index % 3 == 0 else part
            for index, part in enumerate(parts)
            if index % 3 != 2
        )

    return say

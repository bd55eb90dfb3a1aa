"""The configuration as a model may see it: put together from what is known to be no secret.

The other product shows the kubeconfig itself, tokens included (kubernetes-mcp-server#1415): an agent that could only
read took the token and wrote. Taking secrets out of a file needs to know each place that may hold one, exec plugins
and their arguments included. So nothing is taken out here; what is shown is built from the few fields that may be.
"""

from collections.abc import Mapping
from typing import Any

from fairlead.client.credentials import Fixed, TokenFile
from fairlead.client.faults import without_secrets
from fairlead.client.kubeconfig import ConnectionSettings
from fairlead.machinery import encoding
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Tool
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT

_MINIFIED = Parameter("minified", "False: all clusters.", type="boolean", default=True)


async def configuration_contexts_list(call: Call, arguments: Mapping[str, Any]) -> Answer:
    return Answer("\n".join(call.names))


async def configuration_view(call: Call, arguments: Mapping[str, Any]) -> Answer:
    asked = arguments.get("context", "") or call.names[0]
    names = [asked] if arguments["minified"] else call.names
    contexts: list[dict[str, Any]] = []
    clusters: list[dict[str, Any]] = []
    users: list[dict[str, Any]] = []
    failed: list[str] = []
    for name in names:
        try:
            settings = call.target(name).client.connection.settings
        except FairleadError as error:
            if len(names) == 1:
                raise
            failed.append(f"{name} cannot be used: {error}")
            continue
        contexts.append({"name": name, "context": {"cluster": name, "user": name, "namespace": settings.namespace}})
        clusters.append({"name": name, "cluster": _cluster(settings)})
        users.append({"name": name, "user": _user(settings)})
    shown = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": asked,
        "contexts": contexts,
        "clusters": clusters,
        "users": users,
    }
    return Answer("\n".join([encoding.to_yaml(shown).rstrip(), *failed]))


def _cluster(settings: ConnectionSettings) -> dict[str, Any]:
    authority = settings.authority
    found = {
        "server": without_secrets(settings.server),
        "certificate-authority-data": f"<{len(authority)} bytes>" if authority else "",
        "insecure-skip-tls-verify": settings.insecure,
        "tls-server-name": settings.tls_server_name,
        "proxy-url": without_secrets(settings.proxy) if settings.proxy else "",
    }
    return {key: value for key, value in found.items() if value}


def _user(settings: ConnectionSettings) -> dict[str, Any]:
    """How, never with what."""
    found: dict[str, Any] = {"authentication": _authentication(settings)}
    if settings.impersonate is not None:
        found["as"] = settings.impersonate.name
    return found


def _authentication(settings: ConnectionSettings) -> str:
    source = settings.source
    if isinstance(source, TokenFile):
        return "token from a file"
    if not isinstance(source, Fixed):
        return "credentials that are renewed"
    ways = ["client certificate"] if source.bearer.certificate else []
    ways += ["token or password"] if source.bearer.header else []
    return " and ".join(ways) or "none"


TOOLS = (
    Tool(
        "configuration_contexts_list",
        "List clusters",
        "The clusters of this server, for `context`; the first is the default.",
        configuration_contexts_list,
        open_world=False,
    ),
    Tool(
        "configuration_view",
        "View the configuration",
        "How the clusters of this server are reached, as a kubeconfig without anything secret.",
        configuration_view,
        (_MINIFIED, CONTEXT),
        open_world=False,
    ),
)

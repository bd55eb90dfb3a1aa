"""What the server says of us: who we are, and what we may."""

from dataclasses import dataclass
from typing import Any

from fairlead.client.api import Client
from fairlead.machinery.paths import Resource
from fairlead.machinery.principals import Principal

_ACCESS = Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews", namespaced=False)
_SUBJECT = Resource("authentication.k8s.io", "v1", "selfsubjectreviews", namespaced=False)


@dataclass(frozen=True)
class Access:
    allowed: bool
    reason: str = ""


async def who_am_i(client: Client) -> Principal:
    """SelfSubjectReview: the principal as the server sees it, impersonation included."""
    body = {"apiVersion": str(_SUBJECT.group_version), "kind": "SelfSubjectReview"}
    answer = await client.create(_SUBJECT, body)
    return Principal.from_user_info(answer["status"]["userInfo"])


async def may_i(
    client: Client, verb: str, resource: Resource, namespace: str | None = None, name: str = "", subresource: str = ""
) -> Access:
    """SelfSubjectAccessReview; a `namespace` of None asks for all of them (or for a cluster-scoped resource)."""
    attributes: dict[str, Any] = {"verb": verb, "group": resource.group, "version": resource.version}
    attributes |= {"resource": resource.plural, "namespace": namespace, "name": name, "subresource": subresource}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
    }
    status = (await client.create(_ACCESS, body))["status"]
    return Access(bool(status.get("allowed")), str(status.get("reason") or ""))

"""Policies that do not hold for claims, as `doctor` gets to know them."""

from collections.abc import Callable
from typing import Any

import pytest

from fairlead.connector import running
from fairlead.connector.installing.gathering import gather
from fairlead.connector.installing.installed import Installed
from fairlead.connector.policies import BINDINGS, POLICIES
from tests.clusters import Pair
from tests.connector.test_running import eventually, offer, world

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("connector:doctor-policies")]
Object = dict[str, Any]


async def test_a_bound_policy_that_names_what_is_served_is_told(real_pair: Pair, unique: Callable[[str], str]) -> None:
    name, group = unique("policy"), f"{unique('limited')}.example.org"
    rule = {"apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["*"]}
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": "true"}]}
    bound = {"policyName": name, "validationActions": ["Deny"]}
    async with world(real_pair, unique) as found, running.serve(found.settings):
        await offer(found.control_plane, group)
        await eventually(lambda: found.api_service(group))
        await found.app.create(POLICIES[0], {"metadata": {"name": name}, "spec": spec})
        await found.app.create(BINDINGS[0], {"metadata": {"name": name}, "spec": bound})
        try:

            async def told() -> None:
                facts = await gather(found.app, Installed(found.settings.service), None)
                policy = f"ValidatingAdmissionPolicy {name} (databases.{group})"
                assert policy in facts.unenforced_policies

            await eventually(told)
        finally:
            await found.app.delete(BINDINGS[0], name)
            await found.app.delete(POLICIES[0], name)

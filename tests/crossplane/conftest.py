"""Where the control plane that these tests share has its own, and the agent that most of them are."""

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import pytest

from tests.crossplane.older import older as older
from tests.crossplane.older import older_plane as older_plane
from tests.crossplane.older import older_server as older_server
from tests.crossplane.planes import NAMESPACE as NAMESPACE
from tests.e2e.manifests import GROUP as GROUP

if TYPE_CHECKING:
    from fairlead.resources.reading import Reader
    from testenv.servers import RealCluster
    from tests.crossplane.agents import Hand
    from tests.crossplane.wards import Ward
    from tests.e2e.hands import Kubectl


@pytest.fixture
async def agent(plane: "Kubectl", plane_server: "RealCluster") -> AsyncIterator["Hand"]:
    from tests.crossplane.agents import hand

    async with hand(plane_server.cluster.kubeconfig, "crossplane", "crossplane-resources") as found:
        yield found


@pytest.fixture
def ward(plane: "Kubectl", reader: "Reader", unique: Callable[[str], str]) -> "Ward":
    from tests.crossplane.wards import Ward

    return Ward(plane, reader, unique)

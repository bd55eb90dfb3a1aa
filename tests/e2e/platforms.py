"""A whole platform of real servers: real Crossplane in the control plane, the connector, an app cluster.

Apart from `claims`, because Crossplane wants a control plane of its own: elsewhere tests play Crossplane's part by
hand, and the two would fight over the same objects.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fairlead.client.targets import Cluster
from fairlead.machinery.paths import Resource
from testenv import building
from testenv.crossplane import RealCrossplane, composition
from testenv.servers import RealCluster
from tests.clusters import running
from tests.e2e import manifests, world
from tests.e2e.hands import Kubectl
from tests.e2e.world import CLAIMS

XDATABASES = Resource(manifests.GROUP, "v1alpha1", "xdatabases", namespaced=False)


@dataclass(frozen=True)
class Platform:
    app: Kubectl
    control_plane: Kubectl
    app_cluster: Cluster
    control_plane_server: RealCluster


@contextmanager
def started(directory: Path) -> Iterator[Platform]:
    """Offers claims (databases) and namespaced composites (caches); yields when the app cluster has both."""
    with ExitStack() as stack:
        app, control_plane = (stack.enter_context(running(name, directory / name)) for name in ("app", "control-plane"))
        stack.enter_context(RealCrossplane(control_plane, directory / "crossplane"))
        there, here = by_kubectl(control_plane), by_kubectl(app)
        there.create(manifests.namespace(CLAIMS))
        there.apply(manifests.xrd())
        there.apply(composition("XDatabase", f"{manifests.GROUP}/v1alpha1"))
        there.apply(manifests.namespaced_xrd())
        there.apply(composition("Cache", f"{manifests.GROUP}/v1alpha1"))
        port = world.free_port()
        here.create(manifests.service("kube-system", "fairlead-connector", port))
        more = ("--sync-secrets", "--mirror-events")
        stack.enter_context(world.connector(app.cluster, control_plane.cluster, port, *more))
        world.eventually(lambda: here.names(manifests.DATABASES) + here.names(manifests.CACHES))
        yield Platform(here, there, app.cluster, control_plane)


def by_kubectl(server: RealCluster) -> Kubectl:
    program = building.binary("kubectl")
    assert program is not None
    return Kubectl(server.cluster, program)

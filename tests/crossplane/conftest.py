"""Where the control plane that these tests share has its own."""

from tests.crossplane.older import older as older
from tests.crossplane.older import older_plane as older_plane
from tests.crossplane.older import older_server as older_server
from tests.crossplane.planes import NAMESPACE as NAMESPACE
from tests.e2e.manifests import GROUP as GROUP

"""Where the control plane that these tests share has its own."""

from tests.crossplane.planes import NAMESPACE as NAMESPACE
from tests.e2e.manifests import GROUP as GROUP

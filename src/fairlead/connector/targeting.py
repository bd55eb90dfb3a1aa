"""Where the two clusters of a connector are, and as whom it asks them.

The app cluster is the one of a kubeconfig, or in a Pod that of its service account; the control plane is named by a
kubeconfig, mounted or not, or lives in a Space.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from fairlead.client import kubeconfig, rotating
from fairlead.client.kubeconfig import SERVICE_ACCOUNT, ConnectionSettings
from fairlead.connector.settings import Settings, SettingsError


def app_cluster(
    path: Path | None, environment: Mapping[str, str] = os.environ, folder: Path = SERVICE_ACCOUNT
) -> ConnectionSettings:
    """As client-go: what a kubeconfig says, and in a Pod without one its service account. Raises `KubeconfigError`."""
    usual = environment.get("KUBECONFIG") or (Path.home() / ".kube" / "config").exists()
    if path is None and not usual and environment.get("KUBERNETES_SERVICE_HOST"):
        return kubeconfig.in_cluster(folder, environment)
    return kubeconfig.load(path)


def control_plane(settings: Settings) -> ConnectionSettings:
    """Raises `FairleadError`; the settings are checked."""
    if settings.control_plane_kubeconfig is not None:
        return rotating.load(settings.control_plane_kubeconfig)
    if settings.space is None:
        raise SettingsError("no control plane is given")
    return settings.space.connection()

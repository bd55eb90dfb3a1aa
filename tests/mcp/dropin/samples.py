"""What people have in their config.toml: the seed's settings, and others that its product documents."""

from pathlib import Path

from fairlead.machinery import encoding
from fairlead.mcp.dropin import reading
from fairlead.mcp.dropin.reading import DropIn, Flags
from fairlead.mcp.named import catalog

# seeds/kcp-mcp-server.md: base kubeconfig without credentials, OIDC settings, toolsets, tools to disable.
SEED = """\
cluster_provider_strategy = "kubeconfig"
kubeconfig = "{kubeconfig}"
require_oauth = true
authorization_url = "https://auth.example.com"
oauth_audience = "platform-mesh"
toolsets = ["core"]
disabled_tools = ["pods_list", "pods_get", "pods_delete", "pods_log", "pods_exec", "pods_run", "nodes_top", "nodes_log"]
"""
BASE = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "kcp", "cluster": {"server": "https://api.your-kcp.example.com:6443"}}],
    "contexts": [{"name": "kcp", "context": {"cluster": "kcp"}}],
    "current-context": "kcp",
}


def base(folder: Path, *more: str) -> Path:
    """A kubeconfig; `more` are names of other contexts before the current one."""
    path = folder / "kubeconfig"
    contexts = [{"name": each, "context": {"cluster": "kcp"}} for each in more]
    path.write_bytes(encoding.to_json({**BASE, "contexts": [*contexts, *BASE["contexts"]]}))
    return path


def load(folder: Path, text: str = "", flags: Flags | None = None) -> DropIn:
    """With a kubeconfig where the text names none."""
    kubeconfig = base(folder) if not (folder / "kubeconfig").exists() else folder / "kubeconfig"
    said = "" if "kubeconfig" in text.partition("[")[0] else f'kubeconfig = "{kubeconfig}"\n'
    config = folder / "config.toml"
    config.write_text(said + text.replace("{kubeconfig}", str(kubeconfig)), encoding="utf-8")
    return reading.load(config, None, flags or Flags(), catalog.toolsets())

"""What can be built, as data: each server is a target of its own, since their Kubernetes versions must not meet."""

from dataclasses import dataclass

KUBERNETES = "v1.36.3"
CROSSPLANE = "v2.3.4"
CROSSPLANE_1 = "v1.20.11"
PROVIDER = "github.com/crossplane-contrib/provider-kubernetes"
KEYCLOAK = "26.7.0"
KEYCLOAK_ADMIN = "admin"
"""Name and password both: whoever reaches a test's loopback port may as well read its memory."""
PEER = "kubernetes-mcp-server-linux-amd64"
"""The Go program of kubernetes-mcp-server; its package for npm has only a launcher, which costs a Node."""


@dataclass(frozen=True)
class Target:
    name: str
    """Also the folder of its module under `testenv/modules`, and of its result in the cache."""
    packages: tuple[str, ...]
    """Go packages; each becomes a program of the last part of its path, or of the name after `=`."""
    minutes: float
    """A cold build on two cores, sources included."""
    disk: str
    """What stays, and what is needed meanwhile."""
    flags: tuple[str, ...] = ()
    """More for `-ldflags`."""
    copies: tuple[tuple[str, str], ...] = ()
    """(module@version, folder in it): taken from the module's sources instead of built."""
    npm: tuple[str, ...] = ()
    """Programs of npm packages, which the module's `package-lock.json` pins; installed instead of built."""
    npm_bin: str = "node_modules/.bin"
    """Where these programs are, in its result."""
    maven: str = ""
    """`group:artifact:version:zip`, unpacked instead of built, without the folder that is around it all."""
    sha256: str = ""
    """Of what Maven brings."""
    scripts: tuple[str, ...] = ()
    """Programs of what was unpacked, in its folder `bin`."""
    prepared: tuple[tuple[str, ...], ...] = ()
    """Commands that run in it then, so that each start need not do their work again."""

    @property
    def programs(self) -> tuple[str, ...]:
        return (*(each.rpartition("=")[2].rpartition("/")[2] for each in self.packages), *self.npm, *self.scripts)

    @property
    def bin(self) -> str:
        """The folder of its programs in its result."""
        return self.npm_bin if self.npm else "bin"


def version_flags(version: str) -> tuple[str, ...]:
    """Without them `kubectl version` says v0.0.0."""
    major, minor, _ = version.removeprefix("v").split(".")
    package = "k8s.io/component-base/version"
    return tuple(
        f"-X {package}.{name}={value}"
        for name, value in (("gitVersion", version), ("gitMajor", major), ("gitMinor", minor))
    )


def _kubectl(version: str) -> Target:
    name = f"kubectl-{version.removeprefix('v').rpartition('.')[0]}"
    return Target(name, (f".={name}",), 2, "75 MB (1.5 GB meanwhile)", version_flags(version))


TARGETS = {
    target.name: target
    for target in (
        Target(
            "kube",
            (
                "k8s.io/kubernetes/cmd/kube-apiserver",
                "k8s.io/kubernetes/cmd/kube-controller-manager",
                "k8s.io/kubernetes/cmd/kubectl",
                "./etcd",
            ),
            6,
            "310 MB (4 GB meanwhile)",
            version_flags(KUBERNETES),
        ),
        _kubectl("v1.32.9"),
        _kubectl("v1.34.2"),
        Target("crossplane", ("github.com/crossplane/crossplane/v2/cmd/crossplane",), 4, "72 MB (3 GB meanwhile)"),
        Target(
            "crossplane-crds",
            (),
            0.5,
            "1 MB (50 MB of sources)",
            copies=((f"github.com/crossplane/crossplane/v2@{CROSSPLANE}", "cluster/crds"),),
        ),
        Target(
            "crossplane-webhooks",
            (),
            0.1,
            "1 kB (50 MB of sources)",
            copies=((f"github.com/crossplane/crossplane/v2@{CROSSPLANE}", "cluster/webhookconfigurations"),),
        ),
        Target(
            "provider-kubernetes",
            (f"{PROVIDER}/cmd/provider=provider-kubernetes",),
            2,
            "56 MB (2 GB meanwhile)",
            copies=((f"{PROVIDER}@v1.2.0", "package"),),
        ),
        Target(
            "crossplane-1",
            ("github.com/crossplane/crossplane/cmd/crossplane=crossplane-1",),
            2,
            "70 MB (3 GB meanwhile)",
        ),
        Target(
            "crossplane-1-crds",
            (),
            0.5,
            "1 MB (20 MB of sources)",
            copies=((f"github.com/crossplane/crossplane@{CROSSPLANE_1}", "cluster/crds"),),
        ),
        Target(
            "crossplane-1-webhooks",
            (),
            0.1,
            "2 kB (20 MB of sources)",
            copies=((f"github.com/crossplane/crossplane@{CROSSPLANE_1}", "cluster/webhookconfigurations"),),
        ),
        Target("helm", ("helm.sh/helm/v4/cmd/helm",), 4, "86 MB (2 GB meanwhile)"),
        Target("helm-3", ("helm.sh/helm/v3/cmd/helm=helm-3",), 3, "58 MB (2 GB meanwhile)"),
        Target("informer", (".=informer",), 3, "26 MB (1 GB meanwhile)"),
        Target("kubelet-double", (".=kubelet-double",), 1, "8 MB (200 MB meanwhile)"),
        Target(
            "keycloak",
            (),
            3,
            "190 MB (400 MB meanwhile)",
            maven=f"org.keycloak:keycloak-quarkus-dist:{KEYCLOAK}:zip",
            sha256="e63bd0167199c0092b8a4d22cc137e6b7a70e0089070f6f7799b1be504b69a8a",
            scripts=("kc.sh",),
            prepared=(
                ("bin/kc.sh", "build", "--db=dev-file", "--features=cimd", "--health-enabled=false"),
                # Makes the tables too, which is half of a first start.
                (
                    *("bin/kc.sh", "bootstrap-admin", "user", "--optimized", "--no-prompt"),
                    *("--username", KEYCLOAK_ADMIN, "--password:env", "KEYCLOAK_ADMIN"),
                ),
            ),
        ),
        Target("mcp-clients", (), 1, "900 MB", npm=("claude", "codex", "gemini")),
        Target("mcp-suites", (), 1, "450 MB", npm=("conformance", "mcp-inspector", "node")),
        Target("peer", (), 0.2, "80 MB", npm=(PEER,), npm_bin=f"node_modules/{PEER}/bin"),
    )
}

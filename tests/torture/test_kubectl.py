"""kubectl, in three versions: each command shows through the connector what it shows when the CRD is stored locally."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.differential import kind
from tests.e2e import manifests
from tests.e2e.hands import Kubectl
from tests.torture import stages
from tests.torture.stages import Stage, eventually
from tests.torture.terminals import Terminals, editor

pytestmark = pytest.mark.requirement("torture:kubectl")
VERSIONS = {"1.32": "kubectl-1.32", "1.34": "kubectl-1.34", "1.36": "kubectl"}
WIDGETS = f"widgets.{kind.GROUP}"
Object = dict[str, Any]


@pytest.fixture(scope="module")
def servers(stage: Stage) -> Iterator[tuple[Kubectl, Kubectl]]:
    """The local one and the app cluster, both with their schemas published."""
    with stages.local(stage) as hands:
        both = stages.kubectl(hands.cluster), stage.kubectl()
        for each in both:
            for word in ("widgets", "databases"):
                eventually(lambda each=each, word=word: each.run("explain", word))  # type: ignore[misc] # bound now
        yield both


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return VERSIONS[request.param]


@pytest.fixture
def terminals(servers: tuple[Kubectl, Kubectl], version: str) -> Terminals:
    local, through = (each.as_program(stages.program(version)) for each in servers)
    return Terminals(local, through)


@pytest.fixture
def space(terminals: Terminals, unique: Callable[[str], str]) -> str:
    """A namespace of the same name in both."""
    name = unique("kubectl")
    terminals.same("create", "namespace", name)
    return name


def widget(name: str, namespace: str, labels: Mapping[str, str] | None = None, /, **spec: Any) -> Object:
    made = kind.widget(name, namespace, **spec)
    return {**made, "metadata": {**made["metadata"], "labels": labels}} if labels else made


def applied(terminals: Terminals, *objects: Object) -> None:
    for each in objects:
        terminals.same("apply", "-f", "-", file=each)


def test_get(terminals: Terminals, space: str) -> None:
    applied(
        terminals,
        widget("beta", space, {"tier": "web"}, size="large", replicas=2),
        widget("alpha", space, {"tier": "db"}, replicas=9, writeConnectionSecretToRef={"name": "keys"}),
        widget("gamma", space),
        manifests.claim("orders", space, tags=["a"]),
    )
    for what in ("widgets", "databases", "widgets,databases", WIDGETS, f"widgets.v1.{kind.GROUP}", "da", "claim"):
        terminals.same("get", what, "-n", space)
        terminals.same("get", what, "-n", space, "-o", "wide")
    for output in (
        "yaml",
        "json",
        "name",
        "jsonpath={.items[*].metadata.name}",
        "custom-columns=N:.metadata.name,S:.spec",
    ):
        terminals.same("get", "widgets", "-n", space, "-o", output)
        terminals.same("get", "database", "orders", "-n", space, "-o", output.replace("items[*].", ""))
    for more in (
        "--sort-by=.spec.replicas",
        "--sort-by=.metadata.name",
        "--show-labels",
        "--no-headers",
        "--show-kind",
    ):
        terminals.same("get", "widgets", "-n", space, more)
    for selected in ("-l=tier", "-l=tier!=web", "-l=tier in (web,db)", "-l=!tier"):
        terminals.same("get", "widgets", "-n", space, selected)
    for selected in ("metadata.name=beta", "spec.size=large", "metadata.namespace=elsewhere", "spec.note=no"):
        terminals.same("get", "widgets", "-n", space, f"--field-selector={selected}", code=selected == "spec.note=no")
    terminals.same("get", "widgets", "-n", space, "-L", "tier", "--label-columns", "team")
    terminals.same("get", "widgets", "-n", space, "--server-print=false")
    terminals.same("get", "widget/beta", "database/orders", "-n", space, "-o", "name")
    terminals.same("get", "widget", "missing", "-n", space, code=1)
    terminals.same("get", "widget", "missing", "-n", space, "--ignore-not-found")


def test_get_in_chunks_and_in_all_namespaces(terminals: Terminals, space: str) -> None:
    applied(terminals, *(widget(f"chunk-{number}", space) for number in range(3)), widget("only", "default"))
    for more in (["-n", space], ["-A"], ["-A", "-o", "wide"], ["-A", "--sort-by=.metadata.name"]):
        terminals.same("get", "widgets", "--chunk-size=1", *more, ordered=False)
    terminals.same("get", "widgets", "-A")
    terminals.same("get", "databases", "-A", "-o", "name")
    terminals.same("delete", "widget", "only")


def test_watch(terminals: Terminals, space: str) -> None:
    applied(terminals, widget("first", space))
    with terminals.watching("get", "widgets", "-n", space, "-w", "-o", "wide", "--output-watch-events") as both:
        for each in both:
            each.until("ADDED", "first", "small")
        applied(terminals, widget("second", space, replicas=3), widget("first", space, size="large"))
        terminals.same("delete", "widget", "second", "-n", space)
        for each in both:
            each.until("DELETED", "second")
    assert both[0].seen == both[1].seen
    with terminals.watching("get", "widgets", "-n", space, "--watch-only", "-o", "name") as both:
        applied(terminals, widget("third", space))
        terminals.same("annotate", "widget", "--all", "-n", space, "touched=yes")
        for each in both:
            each.until("first")
            each.until("third")


def test_describe(terminals: Terminals, space: str) -> None:
    applied(terminals, widget("one", space, {"a": "b"}, ports=[{"port": 80}]), manifests.claim("orders", space))
    terminals.same("describe", "widgets", "-n", space)
    terminals.same("describe", "database/orders", "-n", space)
    terminals.same("describe", "widget", "missing", "-n", space, code=1)


def test_apply_client_side(terminals: Terminals, space: str) -> None:
    first = widget("one", space, {"a": "b"}, tags=["x"], note="first")
    assert "created" in terminals.same("apply", "-f", "-", file=first)
    assert "unchanged" in terminals.same("apply", "-f", "-", file=first)
    assert "configured" in terminals.same("apply", "-f", "-", file=widget("one", space, tags=["x", "y"]))
    terminals.same("apply", "-f", "-", "--dry-run=server", "-o", "yaml", file=widget("one", space, size="large"))
    terminals.same("apply", "view-last-applied", "widget/one", "-n", space)
    edited = editor("small", "large")
    terminals.same("apply", "edit-last-applied", "widget/one", "-n", space, env=edited)
    terminals.same("get", "widget", "one", "-n", space, "-o", "yaml")
    wrongs: list[dict[str, Any]] = [{"size": "huge"}, {"replicas": "many"}, {"unheard": "of"}]
    for wrong in wrongs:
        terminals.same("apply", "-f", "-", file=widget("one", space, **wrong), code=1)
    terminals.same("apply", "-f", "-", "--validate=ignore", file=widget("one", space, unheard="of"))
    terminals.same("apply", "-f", "-", "--validate=warn", file=widget("one", space, unheard="of again"))
    terminals.same("apply", "-f", "-", file=widget("one", "nowhere"), code=1)


def test_apply_server_side(terminals: Terminals, space: str) -> None:
    server_side = ("apply", "--server-side", "-f", "-")
    terminals.same(*server_side, file=widget("one", space, note="mine"))
    terminals.same(*server_side, "--field-manager=other", file=widget("one", space, tags=["x"]))
    refused = widget("one", space, size="large")
    terminals.same(*server_side, "--field-manager=third", file=refused, code=1)
    terminals.same(*server_side, "--field-manager=third", "--force-conflicts", file=refused)
    terminals.same(*server_side, "--field-manager=third", "--dry-run=server", "-o", "json", file=refused)
    terminals.same("get", "widget", "one", "-n", space, "-o", "yaml")
    managers(terminals, space)


def test_apply_moves_from_client_side_to_server_side(terminals: Terminals, space: str) -> None:
    applied(terminals, widget("one", space, note="before", tags=["x"]))
    terminals.same("apply", "--server-side", "-f", "-", file=widget("one", space, note="after"))
    terminals.same("get", "widget", "one", "-n", space, "-o", "yaml")
    managers(terminals, space)


def managers(terminals: Terminals, space: str) -> None:
    """Who owns what: all of `managedFields`, without the times."""
    path = "jsonpath={range .metadata.managedFields[*]}{.manager} {.operation} {.fieldsV1}{'\\n'}{end}"
    terminals.same("get", "widget", "one", "-n", space, "-o", path, ordered=False)


def test_create_and_replace(terminals: Terminals, space: str) -> None:
    made = widget("one", space, note="first")
    terminals.same("create", "-f", "-", "--dry-run=server", "-o", "yaml", file=made)
    terminals.same("create", "-f", "-", file=made)
    terminals.same("create", "-f", "-", file=made, code=1)
    terminals.same("replace", "-f", "-", file=widget("one", space, size="large"))
    terminals.same("replace", "--force", "-f", "-", file=widget("one", space, note="anew"))
    terminals.same("replace", "-f", "-", file=widget("missing", space), code=1)
    terminals.same("create", "-f", "-", file=widget("Bad_Name", space), code=1)
    terminals.same("get", "widgets", "-n", space, "-o", "yaml")


def test_edit(terminals: Terminals, space: str) -> None:
    applied(terminals, widget("one", space), manifests.claim("orders", space))
    for what in ("widget/one", "database/orders"):
        terminals.same("edit", what, "-n", space, env=editor("small", "large"))
        terminals.same("edit", what, "-n", space, env=editor("not to be found", ""))
        terminals.same("get", what, "-n", space, "-o", "yaml")
    terminals.same("edit", "widget/one", "-n", space, "--subresource=status", env=editor("nothing", ""))


def test_patch(terminals: Terminals, space: str) -> None:
    applied(terminals, widget("one", space, tags=["x"]))
    patch = ("patch", "widget", "one", "-n", space)
    terminals.same(*patch, "--type=merge", "-p", '{"spec":{"note":"merged","tags":null}}')
    terminals.same(*patch, "--type=json", "-p", '[{"op":"add","path":"/spec/steps","value":["a"]}]')
    terminals.same(*patch, "--type=json", "-p", '[{"op":"test","path":"/spec/size","value":"large"}]', code=1)
    terminals.same(*patch, "--type=strategic", "-p", '{"spec":{"note":"no"}}', code=1)
    terminals.same(*patch, "-p", '{"spec":{"note":"no"}}', code=1)
    terminals.same(*patch, "--type=merge", "-p", '{"spec":{"size":"huge"}}', code=1)
    terminals.same(*patch, "--type=merge", "-p", '{"spec":{"note":"merged"}}')
    terminals.same(*patch, "--type=merge", "--subresource=status", "-p", '{"status":{"phase":"Ready"}}', "-o", "yaml")
    terminals.same("patch", "widget", "missing", "-n", space, "--type=merge", "-p", "{}", code=1)


def test_label_and_annotate(terminals: Terminals, space: str) -> None:
    applied(terminals, widget("one", space, {"a": "b"}), widget("two", space))
    for verb in ("label", "annotate"):
        terminals.same(verb, "widget", "one", "-n", space, "x=y")
        terminals.same(verb, "widget", "one", "-n", space, "x=z", code=1)
        terminals.same(verb, "widget", "one", "-n", space, "x=z", "--overwrite")
        terminals.same(verb, "widgets", "--all", "-n", space, "every=one")
        terminals.same(verb, "widgets", "-l", "a=b", "-n", space, "a-", "chosen=yes")
        terminals.same(verb, "widget", "one", "-n", space, "--list", ordered=False)
        terminals.same(verb, "widget", "one", "-n", space, "x-")
    terminals.same("label", "widget", "one", "-n", space, "x=not/valid", code=1)
    terminals.same("get", "widgets", "-n", space, "-o", "yaml")


def test_scale(terminals: Terminals, space: str) -> None:
    applied(terminals, widget("one", space, replicas=2))
    terminals.same("scale", "widget/one", "-n", space, "--replicas=5")
    terminals.same("scale", "widget/one", "-n", space, "--current-replicas=5", "--replicas=3")
    terminals.same("scale", "widget/one", "-n", space, "--current-replicas=5", "--replicas=4", code=1)
    terminals.same("get", "widget/one", "-n", space, "--subresource=scale", "-o", "yaml")
    terminals.same("get", "widget/one", "-n", space, "-o", "jsonpath={.spec.replicas}")
    applied(terminals, manifests.claim("orders", space))
    terminals.same("scale", "database/orders", "-n", space, "--replicas=2", code=1)


def test_wait(terminals: Terminals, space: str) -> None:
    applied(terminals, widget("one", space), widget("two", space))
    wait = ("wait", "-n", space, "--timeout=60s")
    ready = '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}'
    with terminals.while_waiting(*wait, "--for=condition=Ready", "widget/one"):
        terminals.same("patch", "widget", "one", "-n", space, "--type=merge", "--subresource=status", "-p", ready)
    with terminals.while_waiting(*wait, "--for=jsonpath={.spec.size}=large", "widget/one"):
        applied(terminals, widget("one", space, size="large"))
    with terminals.while_waiting(*wait, "--for=delete", "widgets", "--all"):
        terminals.same("delete", "widgets", "--all", "-n", space)
    with terminals.while_waiting(*wait, "--for=create", "widget/three", begun="widgets/three"):
        applied(terminals, widget("three", space))
    terminals.same("wait", "-n", space, "--timeout=1s", "--for=condition=Ready", "widget/three", code=1)


@pytest.mark.parametrize("cascade", ["background", "foreground", "orphan"])
def test_delete_with_each_cascade(terminals: Terminals, space: str, cascade: str) -> None:
    for hands in (terminals.local, terminals.through):
        hands.apply(manifests.claim("orders", space))
        uid = hands.get(manifests.DATABASES, "orders", space)["metadata"]["uid"]
        owner = {"apiVersion": f"{manifests.GROUP}/v1alpha1", "kind": "Database", "name": "orders", "uid": uid}
        metadata = {"name": "owned", "namespace": space, "ownerReferences": [{**owner, "blockOwnerDeletion": True}]}
        hands.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    terminals.same("delete", "database", "orders", "-n", space, f"--cascade={cascade}")
    terminals.same("get", "databases", "-n", space)
    left = ("get", "configmap", "owned", "-n", space, "-o", "jsonpath={.metadata.ownerReferences}")
    eventually(lambda: terminals.same(*left, code=int(cascade != "orphan")))


def test_delete(terminals: Terminals, space: str) -> None:
    applied(terminals, *(widget(name, space, {"tier": name}) for name in ("one", "two", "three", "four")))
    terminals.same("delete", "widget", "one", "-n", space, "--dry-run=server")
    terminals.same("delete", "widget", "one", "-n", space)
    terminals.same("delete", "widget", "one", "-n", space, code=1)
    terminals.same("delete", "widget", "one", "-n", space, "--ignore-not-found")
    terminals.same("delete", "widgets", "-l", "tier=two", "-n", space, "--wait=false")
    terminals.same("delete", "widget/three", "-n", space, "--now")
    terminals.same("delete", "widgets", "--all", "-n", space)
    terminals.same("get", "widgets", "-n", space)


def test_diff(terminals: Terminals, space: str) -> None:
    applied(terminals, widget("one", space))
    terminals.same("diff", "-f", "-", file=widget("one", space))
    terminals.same("diff", "-f", "-", file=widget("one", space, size="large", tags=["x"]), code=1)
    terminals.same("diff", "--server-side", "-f", "-", file=widget("new", space), code=1)
    terminals.same("diff", "-f", "-", file=widget("new", space), code=1)


def test_explain_and_api_resources(terminals: Terminals) -> None:
    for word in ("widgets", "databases", "widgets.spec.ports", "databases.spec.size", f"widgets.{kind.GROUP}"):
        terminals.same("explain", word)
        terminals.same("explain", word, "--recursive")
        terminals.same("explain", word, "--output=plaintext-openapiv2")
    terminals.same("explain", "widgets.spec.unheard", code=1)
    for group in (kind.GROUP, manifests.GROUP):
        for more in ([], ["-o", "wide"], ["--namespaced=true", "--no-headers"], ["--verbs=list", "-o", "name"]):
            terminals.same("api-resources", f"--api-group={group}", *more)
    assert f"{manifests.GROUP}/v1alpha1" in terminals.through.run("api-versions")

"""The builder, with a small program in the place of Go that writes down how it was called."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from testenv import building
from testenv.building import BuildError
from testenv.targets import TARGETS, Target, version_flags

FAKE_GO = f"""#!{sys.executable} -S
import json, os, pathlib, sys
arguments = sys.argv[1:]
here = pathlib.Path(__file__).parent
with (here / "calls").open("a") as calls:
    calls.write(json.dumps([os.getcwd(), os.environ.get("GOCACHE"), arguments]) + "\\n")
if (here / "fail").exists():
    sys.exit((here / "fail").read_text())
if arguments[0] == "build":
    made = pathlib.Path(arguments[arguments.index("-o") + 1])
    made.parent.mkdir(parents=True, exist_ok=True)
    made.write_text("program")
    made.chmod(0o755)
    pathlib.Path(os.environ["GOCACHE"]).mkdir(exist_ok=True)
else:
    source = here / "source" / "cluster" / "crds"
    source.mkdir(parents=True, exist_ok=True)
    (source / "xrds.yaml").write_text("kind: CustomResourceDefinition")
    source.chmod(0o555)
    print(json.dumps({{"Dir": str(here / "source")}}))
"""


class Go:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        program = folder / "go"
        program.write_text(FAKE_GO, encoding="utf-8")
        program.chmod(0o755)

    @property
    def calls(self) -> list[tuple[str, str, list[str]]]:
        path = self.folder / "calls"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []

    def fails(self, told: str) -> None:
        (self.folder / "fail").write_text(told, encoding="utf-8")

    def mends(self) -> None:
        (self.folder / "fail").unlink()


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Go:
    made = Go(tmp_path / "go")
    monkeypatch.setenv("PATH", str(made.folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return made


FAKE_MAVEN = f"""#!{sys.executable} -S
import pathlib, sys, zipfile
said = dict(each.split("=", 1) for each in sys.argv if each.startswith("-D"))
with zipfile.ZipFile(pathlib.Path(said["-DoutputDirectory"]) / "provider-1.zip", "w") as archive:
    archive.writestr("provider-1/bin/kc.sh", "#!/bin/sh\\necho $1 >> prepared\\n")
"""


@pytest.fixture
def maven(go: Go) -> Path:
    for name, content in (("mvn", FAKE_MAVEN), ("java", "")):
        (go.folder / name).write_text(content, encoding="utf-8")
        (go.folder / name).chmod(0o755)
    return go.folder


@pytest.fixture
def assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Makes a folder with some programs and names it in the environment."""

    def make(*names: str, mode: int = 0o755) -> Path:
        folder = tmp_path / "assets"
        folder.mkdir()
        for name in names:
            (folder / name).touch()
            (folder / name).chmod(mode)
        monkeypatch.setenv("KUBEBUILDER_ASSETS", str(folder))
        return folder

    return make


@pytest.mark.requirement("testenv:announces-cost")
class TestAnnouncing:
    def test_the_sum_and_each_target_are_told(self) -> None:
        first, *each = building.announcement([TARGETS["kube"], TARGETS["kubectl-1.32"]])
        assert first.endswith("about 8 min on two cores")
        assert each == ["  kube: 6 min, 310 MB (4 GB meanwhile)", "  kubectl-1.32: 2 min, 75 MB (1.5 GB meanwhile)"]

    def test_it_comes_before_the_first_build(self, go: Go, capsys: pytest.CaptureFixture[str]) -> None:
        go.fails("no network")
        assert building.main(["kube"]) == 1
        lines = capsys.readouterr().out.splitlines()
        assert "about 6 min" in lines[0]
        assert lines.index("testenv:   kube: 6 min, 310 MB (4 GB meanwhile)") < lines.index(
            "testenv: kube: kube-apiserver …"
        )


@pytest.mark.requirement("testenv:builds-once")
class TestBuilding:
    def test_programs_are_built_in_their_own_module_and_found(self, go: Go) -> None:
        building.build(["kube"])
        assert [(Path(where).name, arguments[-1]) for where, _, arguments in go.calls] == [
            ("kube", package) for package in TARGETS["kube"].packages
        ]
        for name in ("kube-apiserver", "kube-controller-manager", "kubectl", "etcd"):
            found = building.binary(name)
            assert found == building.cache() / "kube" / "bin" / name
            assert os.access(found, os.X_OK)

    def test_the_version_is_linked_in(self, go: Go) -> None:
        building.build(["kubectl-1.34"])
        ((_, _, arguments),) = go.calls
        flags = arguments[arguments.index("-ldflags") + 1]
        assert "-X k8s.io/component-base/version.gitVersion=v1.34.2" in flags
        assert "-X k8s.io/component-base/version.gitMinor=34" in flags
        assert building.binary("kubectl-1.34") is not None

    def test_the_build_cache_is_dropped(self, go: Go) -> None:
        building.build(["kube"])
        assert [cache for _, cache, _ in go.calls if Path(cache).exists()] == []

    def test_copied_folders_are_found_and_can_be_removed(self, go: Go) -> None:
        building.build(["crossplane-crds"])
        found = building.folder("crossplane-crds")
        assert found is not None
        assert [each.name for each in found.iterdir()] == ["xrds.yaml"]
        assert found.stat().st_mode & 0o200, "the module cache is read-only, and its copy must not be"
        assert go.calls[0][2] == ["mod", "download", "-json", "github.com/crossplane/crossplane/v2@v2.3.4"]

    def test_what_is_built_is_not_built_again(self, go: Go, capsys: pytest.CaptureFixture[str]) -> None:
        building.build(["kubectl-1.32", "crossplane-crds"])
        before = go.calls
        building.build(["kubectl-1.32", "crossplane-crds"])
        assert go.calls == before
        assert capsys.readouterr().out.splitlines()[-1].startswith("testenv: everything is built already")

    def test_another_flag_means_another_build(self, go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
        building.build(["kubectl-1.32"])
        changed = Target("kubectl-1.32", (".=kubectl-1.32",), 1, "", version_flags("v1.32.10"))
        monkeypatch.setitem(TARGETS, "kubectl-1.32", changed)
        assert building.binary("kubectl-1.32") is None
        building.build(["kubectl-1.32"])
        assert len(go.calls) == 2
        assert building.binary("kubectl-1.32") is not None

    def test_changed_sources_mean_another_build(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(building, "MODULES", tmp_path)
        source = tmp_path / "kubectl-1.32" / "go.mod"
        source.parent.mkdir()
        source.write_text("module a", encoding="utf-8")
        before = building.fingerprint(TARGETS["kubectl-1.32"])
        assert building.fingerprint(TARGETS["kubectl-1.32"]) == before
        source.write_text("module b", encoding="utf-8")
        assert building.fingerprint(TARGETS["kubectl-1.32"]) != before
        (source.parent / "go.sum").touch()
        source.write_text("module a", encoding="utf-8")
        assert building.fingerprint(TARGETS["kubectl-1.32"]) != before

    def test_what_maven_brings_is_unpacked_and_prepared(self, maven: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        given = TARGETS["keycloak"]
        monkeypatch.setattr(building, "_is_what_it_was", lambda archive, target: True)
        building.build(["keycloak"])
        assert building.binary("kc.sh") == building.cache() / "keycloak" / "bin" / "kc.sh"
        prepared = (building.place(given) / "prepared").read_text(encoding="utf-8")
        assert prepared.split() == ["build", "bootstrap-admin"]

    def test_what_maven_brings_has_to_be_what_it_was(self, maven: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert building.main(["keycloak"]) == 1
        assert "SHA-256" in capsys.readouterr().err
        assert building.binary("kc.sh") is None

    def test_every_target_with_programs_has_its_module(self) -> None:
        for target in TARGETS.values():
            pinned = building.MODULES / target.name / "go.sum"
            assert pinned.is_file() == bool(target.packages), target.name

    def test_no_program_is_built_by_two_targets(self) -> None:
        programs = [name for target in TARGETS.values() for name in target.programs]
        assert len(programs) == len(set(programs))


@pytest.mark.requirement("testenv:never-half-built")
class TestFailing:
    def test_a_failed_build_leaves_nothing(self, go: Go) -> None:
        go.fails("cannot find module")
        with pytest.raises(BuildError, match=r"`go build … \.` failed: cannot find module"):
            building.build(["kubectl-1.32"])
        assert building.missing(["kubectl-1.32"]) == ["kubectl-1.32"]
        assert [each.name for each in building.cache().iterdir()] == ["lock"]

    def test_a_failed_rebuild_keeps_the_programs_that_were_there(self, go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
        building.build(["kubectl-1.32"])
        before = TARGETS["kubectl-1.32"]
        monkeypatch.setitem(TARGETS, "kubectl-1.32", Target(before.name, before.packages, 1, "", ("-X a=b",)))
        go.fails("no network")
        with pytest.raises(BuildError):
            building.build(["kubectl-1.32"])
        monkeypatch.setitem(TARGETS, "kubectl-1.32", before)
        assert building.binary("kubectl-1.32") is not None

    def test_what_a_killed_build_left_is_swept_away(self, go: Go) -> None:
        building.build(["kubectl-1.32"])
        left = building.cache() / ".kube-x1" / "bin"
        left.mkdir(parents=True)
        building.build(["kubectl-1.34"])
        assert sorted(each.name for each in building.cache().iterdir()) == ["kubectl-1.32", "kubectl-1.34", "lock"]

    def test_a_build_after_a_failed_one_is_whole(self, go: Go) -> None:
        go.fails("no network")
        with pytest.raises(BuildError):
            building.build(["kubectl-1.32"])
        go.mends()
        building.build(["kubectl-1.32"])
        assert building.missing(["kubectl-1.32"]) == []

    @pytest.mark.parametrize("stamp", ["", "{", "{}", "[]", '{"fingerprint": "other"}'])
    def test_a_folder_without_our_stamp_is_not_a_build(self, go: Go, stamp: str) -> None:
        building.build(["kubectl-1.32"])
        (building.cache() / "kubectl-1.32" / "stamp.json").write_text(stamp, encoding="utf-8")
        assert building.binary("kubectl-1.32") is None


@pytest.mark.requirement("testenv:missing-go")
def test_without_go_one_line_names_the_package(
    go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert building.main(["all"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "install the package golang-go" in told.err


@pytest.mark.requirement("testenv:one-line-errors")
class TestErrors:
    def test_an_unknown_target(self, go: Go, capsys: pytest.CaptureFixture[str]) -> None:
        assert building.main(["kcp"]) == 1
        assert capsys.readouterr().err.startswith("testenv: no target 'kcp'; there are all, kube, ")

    def test_a_failed_build_ends_with_what_go_said(self, go: Go, capsys: pytest.CaptureFixture[str]) -> None:
        go.fails("verifying module:\n\tchecksum mismatch")
        assert building.main(["kubectl-1.32"]) == 1
        assert capsys.readouterr().err == "testenv: `go build … .` failed: verifying module: checksum mismatch\n"

    def test_a_cache_that_cannot_be_made(
        self, go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        assert building.main(["all"]) == 1
        assert "cannot be written: Not a directory; set XDG_CACHE_HOME" in capsys.readouterr().err


@pytest.mark.requirement("testenv:kubebuilder-assets")
class TestAssets:
    def test_what_they_have_is_used_and_the_rest_comes_from_the_cache(
        self, go: Go, assets: Callable[..., Path]
    ) -> None:
        building.build(["kube"])
        folder = assets("kube-apiserver", "etcd", "kubectl")
        assert building.binary("etcd") == folder / "etcd"
        assert building.binary("kube-controller-manager") == building.cache() / "kube/bin/kube-controller-manager"

    def test_what_they_lack_is_built(self, go: Go, assets: Callable[..., Path]) -> None:
        assets("kube-apiserver", "etcd", "kubectl")
        assert building.missing(["kube"]) == ["kube-controller-manager"]
        building.build(["kube"])
        assert building.missing(["kube"]) == []

    def test_nothing_is_built_when_they_have_all(self, go: Go, assets: Callable[..., Path]) -> None:
        assets(*TARGETS["kube"].programs)
        building.build(["kube"])
        assert go.calls == []

    def test_what_cannot_be_executed_does_not_count(self, go: Go, assets: Callable[..., Path]) -> None:
        assets("etcd", mode=0o644)
        assert building.binary("etcd") is None


@pytest.mark.requirement("testenv:standard-library")
def test_the_builder_runs_with_a_bare_python(go: Go) -> None:
    command = [sys.executable, "-I", "-S", str(Path(building.__file__)), "crossplane-crds"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert building.folder("crossplane-crds") is not None


@pytest.mark.requirement("testenv:builds-take-turns")
def test_a_second_build_waits_and_builds_nothing_again(go: Go) -> None:
    command = [sys.executable, "-I", "-S", str(Path(building.__file__)), "kubectl-1.32"]
    # Holding the lock as a build does.
    with building._alone():
        second = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert second.stdout is not None
        assert second.stdout.readline() == "testenv: another build is under way; waiting for it\n"
        building._build(TARGETS["kubectl-1.32"], go.folder)
    with second:
        assert "everything is built already" in second.stdout.read()
    assert second.returncode == 0
    assert len(go.calls) == 1

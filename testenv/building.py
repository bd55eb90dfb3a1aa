"""`make testenv`: builds the real servers from Go modules, once, into a cache folder outside the tree.

Only the standard library is used, so that a bare Python can run it. A build goes into a folder of its own that takes
its name when it is whole, and a stamp of everything that went into it decides whether it must be made again; so an
interrupted build is never mistaken for one. `KUBEBUILDER_ASSETS`, the custom of Go projects, is honoured: a program
that this folder holds is used from there.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from testenv.targets import KEYCLOAK_ADMIN, TARGETS, Target

MODULES = Path(__file__).resolve().parent / "modules"


class BuildError(Exception):
    """One line: what is missing or failed, and what to do."""


def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "fairlead" / "testenv"


def place(target: Target) -> Path:
    return cache() / target.name


def binary(name: str) -> Path | None:
    """The program by that name, from `KUBEBUILDER_ASSETS` or else from the cache; None where neither has it."""
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        found = Path(assets) / name
        if found.is_file() and os.access(found, os.X_OK):
            return found
    target = next((each for each in TARGETS.values() if name in each.programs), None)
    if target is None or not is_built(target):
        return None
    return place(target) / target.bin / name


def folder(name: str) -> Path | None:
    """What a target copied, such as `crossplane-crds`; None where it has not."""
    return place(TARGETS[name]) / "files" if is_built(TARGETS[name]) else None


def missing(targets: Sequence[str] = tuple(TARGETS)) -> list[str]:
    """The programs and folders that the tests on real servers need and this machine lacks."""
    lacking = [each for name in targets for each in TARGETS[name].programs if binary(each) is None]
    return lacking + [name for name in targets if TARGETS[name].copies and folder(name) is None]


def fingerprint(target: Target) -> str:
    """Of everything that a build depends on; another one means that it must be made again."""
    made_of = (target.packages, target.flags, target.copies, *target.npm, *_unpacked(target))
    digest = hashlib.sha256(repr(made_of).encode())
    for path in sorted((MODULES / target.name).rglob("*")) if target.packages or target.npm else ():
        if path.is_file():
            digest.update(f"{path.relative_to(MODULES)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _unpacked(target: Target) -> tuple[object, ...]:
    return (target.maven, target.sha256, target.prepared) if target.maven else ()


def is_built(target: Target) -> bool:
    try:
        stamp = json.loads((place(target) / "stamp.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(stamp, dict) and stamp.get("fingerprint") == fingerprint(target)


def announcement(targets: Sequence[Target]) -> list[str]:
    """What a person should know before waiting."""
    minutes = sum(each.minutes for each in targets)
    lines = [f"building {len(targets)} of {len(TARGETS)} targets into {cache()}: about {minutes:.0f} min on two cores"]
    return lines + [f"  {each.name}: {each.minutes:g} min, {each.disk}" for each in targets]


def build(names: Sequence[str]) -> None:
    """Raises `BuildError`."""
    with _alone():
        waiting = [TARGETS[name] for name in names if not _is_provided(TARGETS[name])]
        if not waiting:
            say(f"everything is built already: {', '.join(names)}")
            return
        _needs(waiting)
        _sweep()
        for line in announcement(waiting):
            say(line)
        with tempfile.TemporaryDirectory(prefix=".go-", dir=cache()) as scratch:
            for target in waiting:
                _build(target, Path(scratch))


def _sweep() -> None:
    """What a killed build left behind is gigabytes, and only we, who hold the lock, know that it is nobody's."""
    for left in cache().glob(".*"):
        shutil.rmtree(left, ignore_errors=True)


def _is_provided(target: Target) -> bool:
    """Built, or nothing of it is missing because `KUBEBUILDER_ASSETS` has it."""
    return is_built(target) or (bool(target.programs) and all(binary(each) for each in target.programs))


def _build(target: Target, scratch: Path) -> None:
    started = time.monotonic()
    made = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=cache()))
    try:
        for package in target.packages:
            _compile(target, package, made / "bin", scratch)
        for module, folder_ in target.copies:
            _copy(module, folder_, made / "files")
        if target.npm:
            _install(target, made)
        if target.maven:
            _unpack(target, made, scratch)
        stamp = {"fingerprint": fingerprint(target), "seconds": round(time.monotonic() - started)}
        (made / "stamp.json").write_text(json.dumps(stamp), encoding="utf-8")
        shutil.rmtree(place(target), ignore_errors=True)
        made.chmod(0o755)
        made.rename(place(target))
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    say(f"{target.name}: built in {time.monotonic() - started:.0f} s")


def _compile(target: Target, package: str, into: Path, scratch: Path) -> None:
    path, _, name = package.partition("=")
    name = name or path.rpartition("/")[2]
    say(f"{target.name}: {name} …")
    flags = " ".join(("-s", "-w", *target.flags))
    command = ["go", "build", "-trimpath", "-ldflags", flags, "-o", str(into / name), path]
    # The build cache is gigabytes that nobody needs again; the module sources stay where Go keeps them.
    _run(command, MODULES / target.name, {"GOCACHE": str(scratch / "go-build"), "GOFLAGS": "-mod=readonly"})


def _copy(module: str, folder_: str, into: Path) -> None:
    say(f"{module}: {folder_} …")
    with tempfile.TemporaryDirectory() as empty:
        told = json.loads(_run(["go", "mod", "download", "-json", module], Path(empty), {}))
    shutil.copytree(Path(told["Dir"]) / folder_, into, dirs_exist_ok=True)
    for path in (into, *into.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _install(target: Target, into: Path) -> None:
    say(f"{target.name}: {', '.join(target.npm)} …")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(MODULES / target.name / name, into)
    _run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], into, {})


def _unpack(target: Target, into: Path, scratch: Path) -> None:
    say(f"{target.name}: {target.maven} …")
    _run(["mvn", "-B", "-q", "dependency:copy", f"-Dartifact={target.maven}", f"-DoutputDirectory={scratch}"], into, {})
    archive = next(scratch.glob("*.zip"))
    if not _is_what_it_was(archive, target):
        raise BuildError(f"{target.maven} is not what it was: its SHA-256 is another")
    shutil.unpack_archive(archive, scratch / "unpacked")
    archive.unlink()
    (whole,) = (scratch / "unpacked").iterdir()
    shutil.copytree(whole, into, dirs_exist_ok=True)
    for name in target.scripts:
        (into / "bin" / name).chmod(0o755)  # archives of this kind do not say so
    for command in target.prepared:
        say(f"{target.name}: {' '.join(command[:2])} …")
        _run(list(command), into, {"KEYCLOAK_ADMIN": KEYCLOAK_ADMIN})


def _is_what_it_was(archive: Path, target: Target) -> bool:
    return hashlib.sha256(archive.read_bytes()).hexdigest() == target.sha256


def _run(command: list[str], where: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=where, env=os.environ | environment, capture_output=True, text=True, check=False)
    if done.returncode:
        told = " ".join((done.stderr.strip() or done.stdout.strip())[-500:].split())
        raise BuildError(f"`{' '.join(command[:2])} … {command[-1]}` failed: {told}")
    return done.stdout


def _needs(targets: Sequence[Target]) -> None:
    if any(each.packages or each.copies for each in targets) and shutil.which("go") is None:
        raise BuildError("Go is missing; install the package golang-go (1.26 or newer), then run `make testenv` again")
    if any(each.maven for each in targets) and not (shutil.which("java") and shutil.which("mvn")):
        raise BuildError("Java or Maven is missing; install default-jre-headless and maven, then `make testenv`")
    if any(each.npm for each in targets) and shutil.which("npm") is None:
        raise BuildError("npm is missing; install the package npm, then run `make testenv` again")


@contextmanager
def _alone() -> Iterator[None]:
    """Two builds of the same target would undo each other."""
    try:
        cache().mkdir(parents=True, exist_ok=True)
        lock = (cache() / "lock").open("w", encoding="utf-8")
    except OSError as error:
        raise BuildError(
            f"{cache()} cannot be written: {error.strerror}; set XDG_CACHE_HOME to another folder"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another build is under way; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def say(line: str) -> None:
    print(f"testenv: {line}", flush=True)


def main(arguments: Sequence[str]) -> int:
    names = list(TARGETS) if list(arguments) in ([], ["all"]) else list(arguments)
    unknown = [each for each in names if each not in TARGETS]
    try:
        if unknown:
            raise BuildError(f"no target {unknown[0]!r}; there are all, {', '.join(TARGETS)}")
        build(names)
    except BuildError as error:
        print(f"testenv: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

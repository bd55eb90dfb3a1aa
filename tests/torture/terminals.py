"""One kubectl command at two terminals: before a local API and before the connector's. Both must show the same.

Compared is all that a person sees: exit status, standard output, standard error. What two servers can never agree on
(uids, versions, times, ages, and so column widths) is replaced by a word.
"""

import difflib
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Any, cast

from tests.e2e.hands import Kubectl, Watched
from tests.torture.stages import SECONDS

_WORDS = [
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "(uid)"),
    (re.compile(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "(time)"),
    (re.compile(r'(resourceVersion"?: ?"?|Resource Version: +)\d+'), r"\1(version)"),
    (re.compile(r"(?<=\s)(\d+[smhd])+(?=\s|$)"), "(age)"),
    (re.compile(r"\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \+0000"), "(time)"),
    (re.compile(r"\b(LIVE|MERGED)-\d+"), r"\1"),
    (re.compile(r"/tmp/\S+"), "(file)"),
    (re.compile(r'(patch: Invalid value: ").*(": )'), r"\1{...}\2"),  # the object is not repeated: it is the stored one
    (re.compile(r"(?<=\S)[ \t]{2,}"), " "),
]


@dataclass(frozen=True)
class Shown:
    code: int
    out: str
    error: str


def normal(text: str) -> str:
    for pattern, word in _WORDS:
        text = pattern.sub(word, text)
    return "\n".join(line.rstrip() for line in text.splitlines())


def shown(hands: Kubectl, arguments: Sequence[str], text: str | None, environment: Mapping[str, str]) -> Shown:
    done = subprocess.run(
        [*hands.command, *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env={**hands.environment(), **environment},
    )
    return Shown(done.returncode, done.stdout, done.stderr)


def editor(old: str, new: str) -> dict[str, str]:
    """An environment in which `edit` replaces one text by the other."""
    script = f"import sys,pathlib;p=pathlib.Path(sys.argv[-1]);p.write_text(p.read_text().replace({old!r},{new!r}))"
    return {"KUBE_EDITOR": f'"{sys.executable}" -c "{script}"'}


@dataclass(frozen=True)
class Terminals:
    local: Kubectl
    through: Kubectl

    def each(self, arguments: Sequence[str], text: str | None, environment: Mapping[str, str]) -> tuple[Shown, Shown]:
        with ThreadPoolExecutor(2) as pool:
            both = [pool.submit(shown, each, arguments, text, environment) for each in (self.local, self.through)]
            return both[0].result(), both[1].result()

    def same(
        self,
        *arguments: str,
        file: Any = None,
        code: int = 0,
        ordered: bool = True,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """What both say; `file` is what is piped in, `code` the exit status that is meant.

        Without `ordered` the lines may come in any order (see `docs/connector.md`, what differs).
        """
        text = None if file is None else json.dumps(file)
        local, through = self.each(arguments, text, env or {})
        assert local.code == code, f"{arguments} with a local API: {local}"
        one, other = (_lines(each, ordered=ordered) for each in (local, through))
        assert one == other, f"{arguments}\n" + "\n".join(
            difflib.unified_diff(one, other, "local", "connector", "", "")
        )
        return through.out

    @contextmanager
    def watching(self, *arguments: str) -> Iterator[tuple[Watched, Watched]]:
        """A `get -w` of each, while the block acts."""
        with ExitStack() as stack:
            one, other = (stack.enter_context(_following(each, arguments)) for each in (self.local, self.through))
            yield one, other

    @contextmanager
    def while_waiting(self, *arguments: str, begun: str = "watch=true") -> Iterator[None]:
        """Both run beside the block, which begins when both have sent a request with `begun` in its URL."""
        with ExitStack() as stack:
            both = [stack.enter_context(_waiting(each, arguments, begun)) for each in (self.local, self.through)]
            yield
            local, through = (_ended(each) for each in both)
        assert local == through, f"{arguments}: {local} with a local API, {through} with the connector"
        assert local[1] == 0, f"{arguments} with a local API: {local}"


def _lines(answer: Shown, *, ordered: bool) -> list[str]:
    parts = [normal(answer.out).splitlines(), ["--"], normal(answer.error).splitlines(), [f"exit {answer.code}"]]
    return [line for each in parts for line in (each if ordered else sorted(filter(None, each)))]


@contextmanager
def _waiting(hands: Kubectl, arguments: Sequence[str], begun: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [*hands.command, *arguments, "-v=6"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=hands.environment(),
    )
    stderr = cast("IO[str]", process.stderr)
    try:
        assert any(begun in line for line in stderr), "it ended before it began to wait"
        drained = threading.Thread(target=stderr.read, daemon=True)
        drained.start()
        yield process
        drained.join()
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            cast("IO[str]", pipe).close()


def _ended(process: "subprocess.Popen[str]") -> tuple[str, int]:
    return cast("IO[str]", process.stdout).read(), process.wait(SECONDS)


@contextmanager
def _following(hands: Kubectl, arguments: Sequence[str]) -> Iterator[Watched]:
    process = subprocess.Popen(
        [*hands.command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=hands.environment(),
    )
    watched = Watched()
    stdout = process.stdout
    assert stdout is not None

    def read() -> None:
        for line in stdout:
            watched.lines.put(normal(line))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield watched
    finally:
        process.terminate()
        process.wait()
        reader.join()
        stdout.close()

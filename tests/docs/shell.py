"""The commands of a documentation page, read from it and typed into one shell, as a reader would.

A block is marked by a comment before it, which no reader sees:

    <!-- run -->                                       each command ends well and prints what is shown
    <!-- run, and it is refused -->                     it ends with an error and prints what is shown
    <!-- run in the background until: WORDS -->         it stays; the next block waits for a line with these words
    <!-- file: NAME -->                                 not a command: the block is this file
    <!-- run the table -->                              each row is a promise, a command, and words that it prints
    <!-- not run: REASON -->                            it needs what is not here

`<!-- continues: PAGE -->` at the top of a page says that it is typed after that page, in the same shell. Digits and
hashes differ from run to run, so each stands for any; `…` stands for words that are left out, or as a line for lines.
"""

import os
import re
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue

DOCS = Path(__file__).parents[2] / "docs"
DEADLINE = 60.0
PORT = "8443"
_BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>[^\n]*?) -->\n)?^```(?P<language>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)
_TABLE = re.compile(r"^<!-- (?P<mark>run the table) -->\n(?P<body>(?:\|[^\n]*\n)+)", re.MULTILINE)
_ROW = re.compile(r"^\| [^|]* \| `([^`]+)` \| `([^`]*)` \|$", re.MULTILINE)
_HASHED = re.compile(r"\b(claim|nxr)-[0-9a-f]{16}\b")
_END = "fairlead-docs-end-of-command"


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    mark: str
    language: str
    body: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def steps(self) -> list[tuple[str, str]]:
        """Each `$ command` with the output that is shown below it."""
        if self.language == "table":
            return _ROW.findall(self.body)
        found = re.split(r"^\$ (.+)\n", self.body, flags=re.MULTILINE)
        return list(zip(found[1::2], found[2::2], strict=True))


def pages() -> list[str]:
    return sorted(str(each.relative_to(DOCS)) for each in DOCS.rglob("*.md"))


def blocks(page: str) -> list[Block]:
    text = (DOCS / page).read_text(encoding="utf-8")
    found = [*_BLOCK.finditer(text), *_TABLE.finditer(text)]
    return [
        Block(
            page,
            text[: each.start()].count("\n") + 1,
            each["mark"] or "",
            each.groupdict().get("language", "table"),
            each["body"],
        )
        for each in sorted(found, key=re.Match.start)
    ]


def continued(page: str) -> str:
    """The page that this one continues; empty for one that begins by itself."""
    found = re.match(r"<!-- continues: (\S+) -->", (DOCS / page).read_text(encoding="utf-8"))
    return found[1] if found else ""


def story(page: str) -> list[Block]:
    """Its blocks, and those of all that continue it."""
    return [each for one in [page, *filter(lambda other: continued(other) == page, pages())] for each in blocks(one)]


def normal(text: str) -> str:
    text = _HASHED.sub(r"\1-HASH", text)
    text = re.sub(r"\d+", "0", text)
    return "\n".join(re.sub(r" +", " ", line).rstrip() for line in text.strip().split("\n"))


def matches(shown: str, printed: str) -> bool:
    lines = normal(shown).split("\n")
    parts = [r"(?:\n.*)*" if line == "…" else "\n" + ".*".join(map(re.escape, line.split("…"))) for line in lines]
    return re.fullmatch("".join(parts), "\n" + normal(printed)) is not None


class StoryError(AssertionError):
    """A command did not do what the page says."""


@dataclass
class Shell:
    """One bash in `directory`; what runs in the background ends with it."""

    directory: Path
    path: list[Path]
    port: int

    def __enter__(self) -> "Shell":
        (self.directory / "charts").symlink_to(DOCS.parent / "charts")  # as in a checkout of the repository
        search = os.pathsep.join([*map(str, self.path), os.environ["PATH"]])
        ours = {"PATH": search, "HOME": str(self.directory), "TERM": "dumb", "COLUMNS": "200"}
        self._environment = {**os.environ, **ours}
        self._background: list[subprocess.Popen[str]] = []
        self._bash = self._start("bash --norc --noprofile")
        self._lines = _pumped(self._bash)
        self._type("shopt -s expand_aliases")
        return self

    def __exit__(self, *_: object) -> None:
        for process in [self._bash, *reversed(self._background)]:
            process.terminate()
            process.wait(DEADLINE)
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def tell(self, block: Block) -> None:
        """Raises `StoryError`."""
        if block.mark.startswith("file: "):
            (self.directory / block.mark.removeprefix("file: ")).write_text(self._ported(block.body), encoding="utf-8")
        elif block.mark.startswith("run in the background until: "):
            self._in_background(block, block.mark.partition(": ")[2])
        elif block.mark in ("run", "run, and it is refused"):
            for command, shown in block.steps:
                self._run(block, command, shown)
        elif block.mark == "run the table":
            for command, words in block.steps:
                _, printed = self._type(self._ported(command))
                if normal(words) not in normal(printed):
                    raise StoryError(f"{block}: {command} printed:\n{printed}")

    def _run(self, block: Block, command: str, shown: str) -> None:
        code, printed = self._type(self._ported(command))
        if (code == 0) != (block.mark == "run"):
            raise StoryError(f"{block}: {command} ended with {code}:\n{printed}")
        if not matches(shown, printed):
            raise StoryError(f"{block}: {command} printed:\n{printed}")

    def _type(self, command: str) -> tuple[int, str]:
        """Its code, and both of its outputs."""
        assert self._bash.stdin is not None
        self._bash.stdin.write(f"{{ {command}\n}} 2>&1 </dev/null\ncode=$?; echo; echo {_END} $code\n")
        self._bash.stdin.flush()
        printed = list[str]()
        while not (line := self._next(self._lines, command)).startswith(_END):
            printed.append(line)
        return int(line.split()[1]), "".join(printed).removesuffix("\n")

    def _in_background(self, block: Block, words: str) -> None:
        [(command, shown)] = block.steps
        process = self._start(self._ported(command))
        self._background.append(process)
        lines = _pumped(process)
        printed = [""]
        while words not in printed[-1]:
            printed.append(self._next(lines, command, *printed))
        if not matches(shown, printed[-1]):
            raise StoryError(f"{block}: {command} printed:\n{printed[-1]}")

    def _next(self, lines: "Queue[str]", command: str, *printed: str) -> str:
        try:
            line = lines.get(timeout=DEADLINE)
        except Empty:
            raise StoryError(f"no more output of: {command}\n{''.join(printed)}") from None
        if not line:
            raise StoryError(f"ended: {command}\n{''.join(printed)}")
        return line

    def _start(self, command: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            ["/bin/bash", "--norc", "--noprofile", "-c", f"exec {command}"],
            cwd=self.directory,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _ported(self, text: str) -> str:
        """Pages name one port; here it may be taken."""
        return text.replace(PORT, str(self.port))


def _pumped(process: "subprocess.Popen[str]") -> "Queue[str]":
    """Its lines, as they come; an empty one is the end."""
    lines: Queue[str] = Queue()

    def pump() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    threading.Thread(target=pump, daemon=True).start()
    return lines

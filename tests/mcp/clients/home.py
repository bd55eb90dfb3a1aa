"""A client's command line in a home of its own, without a login and without a way out.

Whatever leaves this machine is sent to a port where nobody is.
"""

import os
import subprocess
import sys
from pathlib import Path

from testenv import building

DEADLINE = 240
SERVER = "name: shop\ndescription: The shop's clusters.\n"
FAIRLEAD = [sys.executable, "-m", "fairlead"]


class Client:
    """One client's command line in an empty home, which knows one directory of servers."""

    def __init__(self, directory: Path, nowhere: int) -> None:
        self.home = directory / "home"
        self.work = directory / "work"
        self.servers = directory / "servers"
        for each in (self.home, self.work, self.servers):
            each.mkdir()
        (self.servers / "shop.yaml").write_text(SERVER, encoding="utf-8")
        programs = [building.binary(each) for each in ("claude", "node")]
        folders = [str(each.parent) for each in programs if each is not None]
        proxy = f"http://127.0.0.1:{nowhere}"
        self.environment = {
            "HOME": str(self.home),
            "PATH": os.pathsep.join((*folders, str(Path(sys.executable).parent), os.environ["PATH"])),
            "KUBECONFIG": str(directory / "kubeconfig"),
            **dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), proxy),
            **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost"),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
        }

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.work,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-1000:]}{done.stderr[-1000:]}"
        return done.stdout + done.stderr

    def connect(self, client: str, *more: str) -> None:
        """As a person does: what is printed goes into a shell."""
        printed = self.run(*FAIRLEAD, "mcp", "server", "connect", "shop", "--servers", str(self.servers),
                           "--client", client, *more)  # fmt: skip
        self.run("sh", "-e", "-c", printed)

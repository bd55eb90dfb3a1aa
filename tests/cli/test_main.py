import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fairlead.machinery import encoding
from fairlead.serving import listening
from fairlead.serving.certificates import Authority
from tests.client.test_kubeconfig import data, document, written
from tests.clusters import Pair

DEADLINE = 60.0
ONE_LINE = "cli:one-line-errors"


def fairlead(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fairlead", *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
        env=os.environ | environment,
    )


def serving(app: Path, control_plane: Path | None = None, *more: str) -> list[str]:
    return [
        *("connector", "serve", "--kubeconfig", str(app), "--control-plane-kubeconfig", str(control_plane or app)),
        *(
            "--claim-namespace",
            "claims",
            "--service",
            "kube-system/fairlead",
            "--bind",
            "127.0.0.1",
            "--port",
            "0",
            *more,
        ),
    ]


def complaint(done: subprocess.CompletedProcess[str], code: int = 1) -> str:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("fairlead: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr
    return done.stderr


@pytest.mark.requirement(ONE_LINE)
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["playgrund"], "No such command 'playgrund'. Did you mean 'playground'?; see `fairlead --help`"),
        (["connector", "sreve"], "see `fairlead connector --help`"),
        (["demo", "--twice"], "No such option: --twice"),
        (["connector", "serve"], "Missing option '--claim-namespace'"),
        (["connector", "serve", "--port", "many"], "Invalid value for '--port'"),
    ],
)
def test_a_command_line_that_cannot_be_read(arguments: list[str], line: str) -> None:
    assert line in complaint(fairlead(*arguments), code=2)


@pytest.mark.requirement(ONE_LINE)
def test_kubeconfigs_that_cannot_be_used(tmp_path: Path) -> None:
    lost = tmp_path / "lost"
    assert f"{lost} does not exist; give the path of a kubeconfig file" in complaint(fairlead(*serving(lost)))
    broken = tmp_path / "broken"
    broken.write_text("[", encoding="utf-8")
    assert f"{broken} is no kubeconfig" in complaint(fairlead(*serving(broken)))


@pytest.mark.requirement(ONE_LINE)
def test_an_api_server_that_is_not_there(tmp_path: Path) -> None:
    with listening.bind() as probe:
        port = probe.getsockname()[1]
    gone = written(tmp_path / "config", document({"server": f"https://127.0.0.1:{port}"}))
    line = complaint(fairlead(*serving(gone)))
    assert f"the app cluster cannot be used: cannot reach https://127.0.0.1:{port}: Connection refused" in line


@pytest.mark.requirement(ONE_LINE)
def test_an_api_server_with_another_certificate(tmp_path: Path, embedded_pair: Pair) -> None:
    content = encoding.from_yaml(embedded_pair.app.kubeconfig.read_bytes())
    other = Authority.create("other").certificate.decode()
    content["clusters"][0]["cluster"]["certificate-authority-data"] = data(other)
    line = complaint(fairlead(*serving(written(tmp_path / "config", content))))
    assert "is not trusted" in line
    assert "check the certificate authority" in line


@pytest.mark.requirement(ONE_LINE)
def test_a_port_in_use(tmp_path: Path) -> None:
    any_cluster = written(tmp_path / "config", document({}))
    with listening.bind() as taken:
        port = str(taken.getsockname()[1])
        line = complaint(fairlead(*serving(any_cluster), "--port", port))
    assert f"cannot listen on 127.0.0.1:{port}: the port is in use; choose another port" in line


@pytest.mark.requirement(ONE_LINE)
def test_a_folder_that_cannot_be_written() -> None:
    assert "cannot write /dev/null/app.kubeconfig" in complaint(fairlead("playground", "--dir", "/dev/null"))


@pytest.mark.requirement(ONE_LINE)
@pytest.mark.parametrize(
    ("more", "line"),
    [
        (["--service", "nameless"], "'nameless' is no Service: it is written as NAMESPACE/NAME"),
        (["--claim-namespace", "Not_One"], "'Not_One' is no namespace"),
        (["--cluster-id", "a b"], "'a b' is no cluster id"),
        (["--allow-crd", "things"], "'things' is no CRD: a CRD is named PLURAL.GROUP"),
        (["--allow-api", "things"], "'things' names no API: it is written as PLURAL.GROUP, *.GROUP or *"),
        (["--deny-api", "*.*"], "'*.*' names no API"),
        (["--api-selector", "a in ("], "'a in (' is no label selector"),
        (["--service-port", "0"], "0 is no Service port"),
    ],
)
def test_settings_that_cannot_be_used(tmp_path: Path, more: list[str], line: str) -> None:
    assert line in complaint(fairlead(*serving(tmp_path / "unread"), *more))


@pytest.mark.requirement(ONE_LINE)
def test_a_bug_says_that_it_is_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from fairlead.cli import main

    def broken(*arguments: object, **options: object) -> None:
        raise ValueError("two\nlines")

    monkeypatch.setattr(main, "app", broken)
    monkeypatch.delenv("FAIRLEAD_DEBUG", raising=False)
    assert main.run([]) == 1
    assert capsys.readouterr().err == (
        "fairlead: this is a bug in fairlead: ValueError: two lines; FAIRLEAD_DEBUG=1 shows where\n"
    )


@pytest.mark.requirement("cli:quick-help")
def test_help_imports_nothing_that_does_work() -> None:
    heavy = "aiohttp,cryptography,uvicorn,rich,fairlead.client,fairlead.embedded,fairlead.connector"
    script = (
        "import sys; from fairlead.cli import main; assert main.run(['--help']) == 0; "
        f"sys.exit(','.join(each for each in {heavy!r}.split(',') if each in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.stderr.strip() == ""
    assert "playground" in done.stdout


@pytest.mark.requirement("cli:quick-help")
def test_no_command_is_a_question_for_help() -> None:
    done = fairlead()
    assert done.stdout.startswith("Usage: ")
    assert fairlead("--version").stdout.startswith("fairlead ")


@pytest.mark.requirement("cli:ends-when-asked")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_playground_ends_when_asked_as_soon_as_it_is_ready(tmp_path: Path, number: int) -> None:
    command = [sys.executable, "-m", "fairlead", "playground", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as playground:
        assert playground.stdout is not None
        assert playground.stdout.readline().startswith("playground ready: ")
        playground.send_signal(number)
        _, errors = playground.communicate(timeout=DEADLINE)
    assert (playground.returncode, errors) == (0, "")

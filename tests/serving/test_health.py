import pytest

from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Request, Response
from fairlead.serving.health import Health

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("serving:health")]


async def passes() -> None:
    return


async def fails() -> None:
    raise FairleadError("the control plane is unreachable", "connection refused by 10.1.2.3")


async def ask(health: Health, target: str) -> tuple[int, str]:
    path, _, query = target.partition("?")
    assert health.serves(path)
    response: Response = await health.handle(Request("GET", path, query))
    assert isinstance(response.body, bytes)
    assert response.headers.get("content-type") == "text/plain; charset=utf-8"
    return response.status, response.body.decode()


HEALTHY = Health({"livez": {}, "readyz": {"synced": passes, "certificate": passes}})
AILING = Health({"readyz": {"synced": fails, "certificate": passes}})


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/livez", (200, "ok")),
        ("/livez?verbose", (200, "[+]ping ok\nlivez check passed\n")),
        ("/readyz", (200, "ok")),
        ("/readyz?verbose=", (200, "[+]ping ok\n[+]synced ok\n[+]certificate ok\nreadyz check passed\n")),
        (
            "/readyz?verbose&exclude=synced",
            (200, "[+]ping ok\n[+]synced excluded: ok\n[+]certificate ok\nreadyz check passed\n"),
        ),
        (
            "/livez?verbose&exclude=b&exclude=a",
            (
                200,
                '[+]ping ok\nwarn: some health checks cannot be excluded: no matches for "a","b"\nlivez check passed\n',
            ),
        ),
        ("/readyz/synced", (200, "ok")),
        ("/readyz/ping", (200, "ok")),
        ("/readyz/absent", (404, "404 page not found\n")),
        ("/readyz/", (404, "404 page not found\n")),
    ],
)
async def test_healthy(target: str, expected: tuple[int, str]) -> None:
    assert await ask(HEALTHY, target) == expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (
            "/readyz",
            (500, "[+]ping ok\n[-]synced failed: reason withheld\n[+]certificate ok\nreadyz check failed\n"),
        ),
        ("/readyz?exclude=synced", (200, "ok")),
        ("/readyz/synced", (500, "internal server error: reason withheld\n")),
        ("/readyz/certificate", (200, "ok")),
    ],
)
async def test_ailing(target: str, expected: tuple[int, str], caplog: pytest.LogCaptureFixture) -> None:
    assert await ask(AILING, target) == expected
    assert ("connection refused by 10.1.2.3" in caplog.text) == (expected[0] == 500)


def test_only_its_own_paths_are_served() -> None:
    assert not HEALTHY.serves("/healthz")
    assert not HEALTHY.serves("/livezx")
    assert not HEALTHY.serves("/apis/livez")

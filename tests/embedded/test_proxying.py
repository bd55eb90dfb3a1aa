import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import anyio.abc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.aggregation.frontproxy import FrontProxyTrust
from fairlead.aggregation.registering import APISERVICES, Backend, Registration, desired
from fairlead.client.api import Client
from fairlead.embedded import proxying
from fairlead.embedded.proxying import Backends, Destination, Proxy, Unresolved, resolve, target
from fairlead.machinery.messages import Handler, Headers, Request, Response
from fairlead.machinery.paths import GroupVersion, Resource
from fairlead.machinery.principals import Principal
from fairlead.serving.certificates import Authority
from fairlead.serving.listening import Listening, listen
from fairlead.serving.tls import ServerTLS
from testenv.servers import RealCluster
from tests.aggregation.trusts import ClusterTrust, der

pytestmark = pytest.mark.anyio

ALICE = Principal("alice", "7", ("a,b", "devs"), (("acme.com/Foo", ("one", "two")), ("50%", ("x",))))
TRUST = ClusterTrust()
SERVING = Authority.create("serving-ca")
Object = dict[str, Any]


def api_service(**spec: Any) -> Object:
    service = {"name": "claims-api", "namespace": "claims-system", "port": 8443}
    return {"spec": {"group": "g.example", "version": "v1", "service": service, **spec}}


def service(**spec: Any) -> Object:
    return {"metadata": {"name": "claims-api", "namespace": "claims-system"}, "spec": spec}


def endpoint_slice(*endpoints: Object, port: str = "https", name: str = "claims-api") -> Object:
    labels = {"kubernetes.io/service-name": name}
    return {
        "metadata": {"name": f"{name}-1", "namespace": "claims-system", "labels": labels},
        "ports": [{"name": port, "port": 9443}],
        "endpoints": list(endpoints),
    }


PORTS = [{"name": "https", "port": 8443, "targetPort": 9443}]


@pytest.mark.requirement("embedded:proxy-destination")
class TestDestination:
    def test_an_external_name(self) -> None:
        found = resolve(api_service(caBundle="Q0E="), service(type="ExternalName", externalName="localhost"))
        assert found == Destination("localhost", 8443, "claims-api.claims-system.svc", b"CA")

    def test_the_port_is_443_unless_said(self) -> None:
        plain = api_service(service={"name": "claims-api", "namespace": "claims-system"}, insecureSkipTLSVerify=True)
        found = resolve(plain, service(type="ExternalName", externalName="es.example"))
        assert (found.port, found.ca_bundle, found.insecure) == (443, None, True)

    def test_the_first_ready_endpoint(self) -> None:
        slices = [
            endpoint_slice({"addresses": ["10.0.0.9"]}, name="other"),
            endpoint_slice({"addresses": ["10.0.0.8"]}, port="metrics"),
            endpoint_slice({"addresses": ["10.0.0.1"], "conditions": {"ready": False}}, {"addresses": ["10.0.0.2"]}),
        ]
        found = resolve(api_service(), service(ports=PORTS), slices)
        assert (found.host, found.port) == ("10.0.0.2", 9443)

    @pytest.mark.parametrize(
        ("found", "slices", "reason", "message"),
        [
            (None, [], "ServiceNotFound", 'service/claims-api in "claims-system" is not present'),
            (
                service(ports=[{"port": 80}]),
                [],
                "ServicePortError",
                'service/claims-api in "claims-system" is not listening on port 8443',
            ),
            (
                service(ports=PORTS),
                [],
                "EndpointsNotFound",
                'cannot find endpointslices for service/claims-api in "claims-system"',
            ),
            (
                service(ports=PORTS),
                [endpoint_slice({"addresses": ["10.0.0.1"], "conditions": {"ready": False}})],
                "MissingEndpoints",
                'endpoints for service/claims-api in "claims-system" have no addresses with port name "https"',
            ),
        ],
    )
    def test_what_is_missing(self, found: Object | None, slices: list[Object], reason: str, message: str) -> None:
        """The first three messages are those that a kube-apiserver 1.36 wrote."""
        with pytest.raises(Unresolved) as caught:
            resolve(api_service(), found, slices)
        assert (caught.value.reason, str(caught.value)) == (reason, message)


@pytest.mark.requirement("embedded:proxy-identity")
class TestIdentity:
    def test_only_the_front_proxys_word_counts(self) -> None:
        lines = [
            ("Authorization", "Bearer hush"),
            ("X-Remote-User", "forged"),
            ("X-Remote-Group", "system:masters"),
            ("X-Remote-Extra-Scopes", "all"),
            ("Impersonate-User", "forged"),
            ("Impersonate-Extra-K", "forged"),
            ("Connection", "keep-alive"),
            ("Accept", "application/json"),
            ("Accept", "application/yaml"),
        ]
        sent = proxying.forwarded(Request("GET", "/x", headers=Headers(lines)), Principal("alice", groups=("g",)))
        assert "forged" not in str(sent.headers.lines)
        assert "hush" not in str(sent.headers.lines)
        assert sent.headers.all("accept") == ["application/json", "application/yaml"]
        assert sent.headers.all("x-remote-user") == ["alice"]
        assert sent.headers.all("x-remote-group") == ["g"]
        assert "connection" not in sent.headers

    @given(
        st.builds(
            Principal,
            st.text(min_size=1),
            st.text(),
            st.lists(st.text(min_size=1), max_size=3).map(tuple),
            st.dictionaries(
                st.text(min_size=1).map(str.lower).filter(lambda key: key == key.lower()),
                st.lists(st.text(), min_size=1, max_size=2).map(tuple),
                max_size=2,
            ).map(lambda extra: tuple(sorted(extra.items()))),
        )
    )
    def test_what_is_written_is_what_an_extension_server_reads(self, principal: Principal) -> None:
        request = Request("GET", "/", headers=Headers(proxying.identity(principal)), peer_certificate=PROXY_DER)
        assert FrontProxyTrust.parse(TRUST.data()).authenticate(request) == principal


PROXY = TRUST.proxy()
PROXY_DER = der(PROXY)


@pytest.mark.requirement("embedded:proxy-identity")
@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/apis/g/v1/a", "", ("/apis/g/v1/a", "")),
        ("/apis/g/v1/a/é b%", "b=2&a=1&b=1", ("/apis/g/v1/a/%C3%A9%20b%25", "a=1&b=2&b=1")),
        ("/apis/g/v1/", "labelSelector=a%3Db%2Cc&watch", ("/apis/g/v1/", "labelSelector=a%3Db%2Cc&watch=")),
    ],
)
def test_path_and_query_are_encoded_again(path: str, query: str, expected: tuple[str, str]) -> None:
    assert target(Request("GET", path, query)) == expected


class Behind:
    """A running server behind the proxy, and the way to it."""

    def __init__(self, listening: Listening, backends: Backends) -> None:
        self.backends = backends
        self.destination = Destination("localhost", listening.port, "claims-api.claims-system.svc", SERVING.certificate)

    async def forward(self, request: Request, destination: Destination | None = None) -> Response:
        return await Proxy(self.backends.open).forward(request, ALICE, destination or self.destination)


async def body(response: Response) -> bytes:
    if isinstance(response.body, bytes):
        return response.body
    return b"".join([chunk async for chunk in response.body])


@pytest.fixture
async def behind() -> AsyncIterator[Callable[[Handler], Any]]:
    async with anyio.create_task_group() as tasks:
        stop = anyio.Event()

        async def serve(handler: Handler, *, task_status: anyio.abc.TaskStatus[Behind]) -> None:
            tls = ServerTLS(SERVING.issue_server(["claims-api.claims-system.svc"]), TRUST.proxies.certificate)
            backends = Backends(PROXY)
            async with listen(handler, tls=tls) as listening:
                task_status.started(Behind(listening, backends))
                await stop.wait()
                await backends.close()

        async def start(handler: Handler) -> Behind:
            started: Behind = await tasks.start(serve, handler)
            return started

        yield start
        stop.set()


Start = Callable[[Handler], Any]


@pytest.mark.requirement("embedded:proxy-answers")
class TestForwarding:
    async def test_the_server_behind_believes_the_front_proxy(self, behind: Start) -> None:
        asked: list[Request] = []

        async def handler(request: Request) -> Response:
            asked.append(request)
            return Response(201, Headers([("Warning", '299 - "a"'), ("Warning", '299 - "b"')]), b'{"made":true}')

        with anyio.fail_after(10):
            server: Behind = await behind(handler)
            request = Request("POST", "/apis/g.example/v1/things", "dryRun=All", Headers([("x-a", "b")]), b'{"a":1}')
            answer = await server.forward(request)
            assert (answer.status, await body(answer)) == (201, b'{"made":true}')
        assert answer.headers.all("warning") == ['299 - "a"', '299 - "b"']
        (sent,) = asked
        assert (sent.method, sent.path, sent.query, sent.body) == (
            "POST", "/apis/g.example/v1/things", "dryRun=All", b'{"a":1}',
        )  # fmt: skip
        expected = Principal("alice", "7", ("a,b", "devs"), (("50%", ("x",)), ("acme.com/foo", ("one", "two"))))
        assert FrontProxyTrust.parse(TRUST.data()).authenticate(sent) == expected
        assert sent.headers.get("x-forwarded-uri") == "/apis/g.example/v1/things"

    async def test_a_watch_is_not_held_back_and_ends_with_its_reader(self, behind: Start) -> None:
        closed, feed = asyncio.Event(), asyncio.Queue[bytes]()

        async def events() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield await feed.get()
            finally:
                closed.set()

        async def handler(request: Request) -> Response:
            return Response(200, Headers([("content-type", "application/json")]), events())

        with anyio.fail_after(10):
            server: Behind = await behind(handler)
            answer = await server.forward(Request("GET", "/apis/g.example/v1/things", "watch=1"))
            assert not isinstance(answer.body, bytes)
            for event in (b"one\n", b"two\n"):
                feed.put_nowait(event)
                assert await anext(answer.body) == event
            await answer.body.aclose()  # type: ignore[attr-defined]
            await closed.wait()

    async def test_a_redirect_is_a_502(self, behind: Start) -> None:
        async def handler(request: Request) -> Response:
            return Response(301, Headers([("location", "/elsewhere")]))

        with anyio.fail_after(10):
            server: Behind = await behind(handler)
            answer = await server.forward(Request("GET", "/apis/g.example/v1/things"))
        assert answer.status == 502
        assert answer.body == b"the backend attempted to redirect this request, which is not permitted"

    @pytest.mark.parametrize("status", [304, 404, 503])
    async def test_other_answers_pass(self, behind: Start, status: int) -> None:
        async def handler(request: Request) -> Response:
            return Response(status, Headers([("retry-after", "1"), ("etag", '"x"')]), b"says no")

        with anyio.fail_after(10):
            server: Behind = await behind(handler)
            answer = await server.forward(Request("GET", "/apis/g.example/v1/things"))
            content = await body(answer)
        assert (answer.status, answer.headers.get("retry-after")) == (status, "1")
        assert content == (b"" if status == 304 else b"says no")

    @pytest.mark.parametrize(
        "changed",
        [
            {"port": 1},
            {"server_name": "claims-api.other.svc"},
            {"ca_bundle": Authority.create("serving-ca").certificate},
        ],
    )
    async def test_what_cannot_be_reached_is_a_plain_503(self, behind: Start, changed: dict[str, Any]) -> None:
        async def handler(request: Request) -> Response:
            return Response(200)

        with anyio.fail_after(10):
            server: Behind = await behind(handler)
            destination = Destination(**{**vars(server.destination), **changed})
            answer = await server.forward(Request("GET", "/apis/g.example/v1/things"), destination)
        assert answer.status == 503
        assert answer.headers.get("content-type") == "text/plain; charset=utf-8"
        assert isinstance(answer.body, bytes)
        assert answer.body.startswith(b"error trying to reach service: ")
        assert answer.body.endswith(b"\n")

    async def test_connections_of_what_is_gone_are_closed(self, behind: Start) -> None:
        async def handler(request: Request) -> Response:
            return Response(200, body=b"x")

        with anyio.fail_after(10):
            server: Behind = await behind(handler)
            await body(await server.forward(Request("GET", "/apis")))
            await server.backends.keep([server.destination])
            assert server.destination in server.backends._connections
            await server.backends.keep([])
            assert server.backends._connections == {}

    def test_the_answer_for_what_is_not_available(self) -> None:
        answer = proxying.unavailable()
        assert (answer.status, answer.body) == (503, b"service unavailable\n")
        assert answer.headers.get("x-content-type-options") == "nosniff"


@pytest.mark.requirement("embedded:proxy-identity", "embedded:proxy-answers")
async def test_a_real_aggregator_sends_the_same(
    real_app: RealCluster, unique: Callable[[str], str], behind: Start
) -> None:
    """One request through each, recorded behind them: the same headers, bar those that name a moment or a sender."""
    name = unique("recorded")
    asked: list[Request] = []

    async def handler(request: Request) -> Response:
        if request.path.endswith("/things"):
            asked.append(request)
        return Response(200, Headers([("content-type", "application/json")]), b'{"kind":"ThingList","items":[]}')

    lines = Headers(
        [
            ("accept", "application/json"), ("x-custom", "one"), ("x-custom", "two"), ("user-agent", "test/1"),
            ("x-remote-user", "forged"), ("x-remote-extra-a", "forged"), ("impersonate-user", "bob"),
            ("impersonate-group", "devs"), ("impersonate-extra-acme.com%2ffoo", "v"), ("te", "trailers"),
        ]
    )  # fmt: skip
    path, query = f"/apis/{name}.example.org/v1/things", "limit=5&fieldSelector=metadata.name%3Da&b=%2B"
    bob = Principal("bob", "", ("devs", "system:authenticated"), (("acme.com/foo", ("v",)),))
    with anyio.fail_after(60):
        server: Behind = await behind(handler)
        tls = ServerTLS(SERVING.issue_server([f"{name}.default.svc"]), b"")
        async with real_app.cluster.open() as client:
            authorities = await front_proxy_authority(client)
            tls.exchange(client_authorities=authorities)
            async with listen(handler, tls=tls) as listening:
                await register(client, name, listening.port)
                await allow_everything(client, name, "bob")
                while not asked:
                    await client.connection.request("GET", path, query=query, headers=lines)
        principal_request = Request("GET", path, query, lines)
        await body(await Proxy(server.backends.open).forward(principal_request, bob, server.destination))
    theirs, mine = asked[0], asked[-1]
    assert (mine.method, mine.path, mine.query) == (theirs.method, theirs.path, theirs.query)
    assert comparable(mine) == comparable(theirs)


def comparable(request: Request) -> list[tuple[str, str]]:
    momentary = {"audit-id", "x-forwarded-for", "x-forwarded-host", "host", "traceparent", "accept-encoding"}
    return sorted(line for line in request.headers.lines if line[0] not in momentary)


async def front_proxy_authority(client: Client) -> bytes:
    found = await client.get(Resource("", "v1", "configmaps"), "extension-apiserver-authentication", "kube-system")
    return str(found["data"]["requestheader-client-ca-file"]).encode()


async def register(client: Client, name: str, port: int) -> None:
    spec = {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]}
    await client.create(Resource("", "v1", "services"), {"metadata": {"name": name}, "spec": spec}, "default")
    registration = Registration(GroupVersion(f"{name}.example.org", "v1"))
    backend = Backend("default", name, port, SERVING.certificate)
    await client.create(APISERVICES, desired(registration, backend, {"test": name}))


async def allow_everything(client: Client, name: str, user: str) -> None:
    group = "rbac.authorization.k8s.io"
    roles, bindings = (
        Resource(group, "v1", each, namespaced=False) for each in ("clusterroles", "clusterrolebindings")
    )
    rule = {"apiGroups": [f"{name}.example.org"], "resources": ["*"], "verbs": ["*"]}
    await client.create(roles, {"metadata": {"name": name}, "rules": [rule]})
    reference = {"apiGroup": group, "kind": "ClusterRole", "name": name}
    subject = {"apiGroup": group, "kind": "User", "name": user}
    await client.create(bindings, {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]})

"""GET of collections: pages, snapshots, selectors."""

from urllib.parse import quote

import pytest

from tests.apiserver.asking import Api, Object, configmap, widget

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("embedded:list")]


@pytest.fixture
async def five(api: Api, configmaps: str) -> str:
    for index, name in enumerate("abcde"):
        labels = {"index": str(index), "even": str(index % 2 == 0).lower()}
        await api.ask("POST", configmaps, configmap(name, {"k": "v"}, labels=labels))
    return configmaps


async def names(api: Api, path: str) -> list[str]:
    found = (await api.ask("GET", path)).object
    return [each["metadata"]["name"] for each in found["items"]]


async def test_typed_items_do_not_repeat_their_type(api: Api, five: str) -> None:
    found = (await api.ask("GET", five)).object
    assert (found["kind"], found["apiVersion"]) == ("ConfigMapList", "v1")
    assert "kind" not in found["items"][0]
    assert int(found["metadata"]["resourceVersion"]) >= int(found["items"][-1]["metadata"]["resourceVersion"])


async def test_items_of_custom_resources_do(api: Api, widgets: str) -> None:
    await api.ask("POST", widgets, widget("a", {}))
    found = (await api.ask("GET", widgets)).object
    assert (found["kind"], found["items"][0]["kind"]) == ("WidgetList", "Widget")


async def test_an_empty_list_has_items(api: Api) -> None:
    found = (await api.ask("GET", "/api/v1/namespaces/no-such-one/configmaps")).object
    assert found["items"] == []


async def test_pages_are_one_snapshot(api: Api, five: str) -> None:
    first = (await api.ask("GET", f"{five}?limit=2&labelSelector=index")).object
    assert [each["metadata"]["name"] for each in first["items"]] == ["a", "b"]
    await api.ask("DELETE", f"{five}/d")
    await api.ask("POST", five, configmap("c2", labels={"index": "9"}))
    seen: list[str] = []
    version, token = first["metadata"]["resourceVersion"], first["metadata"]["continue"]
    while token:
        page = (await api.ask("GET", f"{five}?limit=2&labelSelector=index&continue={token}")).object
        assert page["metadata"]["resourceVersion"] == version
        seen += [each["metadata"]["name"] for each in page["items"]]
        token = page["metadata"].get("continue", "")
    assert seen == ["c", "d", "e"]


async def test_remaining_items_are_counted_where_nothing_is_selected(api: Api, five: str) -> None:
    all_of_them = len(await names(api, five))
    counted = (await api.ask("GET", f"{five}?limit=2")).object["metadata"]
    assert counted["remainingItemCount"] == all_of_them - 2
    selected = (await api.ask("GET", f"{five}?limit=2&labelSelector=index")).object["metadata"]
    assert "remainingItemCount" not in selected


async def test_the_past_can_be_listed(api: Api, five: str) -> None:
    version = (await api.ask("GET", five)).object["metadata"]["resourceVersion"]
    await api.ask("DELETE", f"{five}/a")
    past = f"{five}?resourceVersion={version}&resourceVersionMatch=Exact&labelSelector=index"
    assert await names(api, past) == ["a", "b", "c", "d", "e"]
    assert await names(api, f"{five}?labelSelector=index") == ["b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("even=true", ["a", "c", "e"]),
        ("even!=true,index", ["b", "d"]),
        ("index in (0,3)", ["a", "d"]),
        ("index>2", ["d", "e"]),
        ("!nothing,index notin (1,2,3)", ["a", "e"]),
        ("nothing", []),
    ],
)
async def test_label_selectors(api: Api, five: str, selector: str, found: list[str]) -> None:
    within = selector if "index" in selector else f"{selector},index"
    assert await names(api, f"{five}?labelSelector={quote(within)}") == found


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("metadata.name=b", ["b"]),
        ("metadata.name!=b", ["a", "c", "d", "e"]),
        ("metadata.namespace=elsewhere", []),
        ("metadata.name=b,metadata.name=c", []),
    ],
)
async def test_field_selectors(api: Api, five: str, selector: str, found: list[str]) -> None:
    assert await names(api, f"{five}?labelSelector=index&fieldSelector={quote(selector)}") == found


async def test_selectable_fields_of_custom_resources(api: Api, widgets: str) -> None:
    await api.ask("POST", widgets, widget("a", {}))
    await api.ask("POST", widgets, widget("b", {"color": "blue"}))
    assert await names(api, f"{widgets}?fieldSelector=spec.color%3Dblue") == ["b"]


BAD: list[tuple[str, tuple[int, str, str]]] = [
    (
        "labelSelector=a%20b",
        (400, "BadRequest", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
    ),
    (
        "fieldSelector=x%3Dy",
        (400, "BadRequest", '"x" is not a known field selector: only "metadata.name", "metadata.namespace"'),
    ),
    ("limit=x", (400, "BadRequest", 'strconv.ParseInt: parsing "x": invalid syntax')),
    (
        "resourceVersion=abc",
        (
            400,
            "BadRequest",
            'invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": '
            "invalid syntax",
        ),
    ),
    (
        "resourceVersionMatch=Exact",
        (
            422,
            "Invalid",
            'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden '
            "unless resourceVersion is provided",
        ),
    ),
    (
        "resourceVersionMatch=Exact&resourceVersion=0",
        (
            422,
            "Invalid",
            'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is '
            'forbidden for resourceVersion "0"',
        ),
    ),
    (
        "resourceVersionMatch=Foo&resourceVersion=5",
        (
            422,
            "Invalid",
            'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Unsupported value: "Foo": supported values: '
            '"Exact", "NotOlderThan", ""',
        ),
    ),
    (
        "sendInitialEvents=true",
        (
            422,
            "Invalid",
            'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for '
            "list",
        ),
    ),
]


@pytest.mark.parametrize(("query", "refusal"), BAD)
async def test_options_are_checked(api: Api, configmaps: str, query: str, refusal: tuple[int, str, str]) -> None:
    assert (await api.ask("GET", f"{configmaps}?{query}")).refusal == refusal


async def test_unknown_fields_of_other_kinds(api: Api, widgets: str) -> None:
    for path in (widgets, "/api/v1/namespaces", "/api/v1/events", "/api/v1/secrets"):
        answer = await api.ask("GET", f"{path}?fieldSelector=x%3Dy")
        assert answer.refusal == (400, "BadRequest", "field label not supported: x")


async def test_a_broken_token(api: Api, configmaps: str) -> None:
    answer = await api.ask("GET", f"{configmaps}?continue=abc")
    assert (answer.status, answer.object["reason"]) == (400, "BadRequest")
    assert answer.message.startswith("invalid continue token: continue key is not valid: ")


async def test_a_forgotten_token_names_a_way_on(api: Api, configmaps: str) -> None:
    forgotten = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhXHUwMDAwIn0"
    answer = await api.ask("GET", f"{configmaps}?continue={forgotten}&limit=1")
    if answer.status == 410:  # a server that remembers its whole short life can still answer
        assert answer.object["reason"] == "Expired"
        onward: Object = answer.object["metadata"]
        assert (await api.ask("GET", f"{configmaps}?continue={onward['continue']}")).status == 200


async def test_the_future_cannot_be_listed(api: Api, configmaps: str) -> None:
    answer = await api.ask("GET", f"{configmaps}?resourceVersion=999999999")
    assert (answer.status, answer.object["reason"]) == (504, "Timeout")
    assert answer.message.startswith("Timeout: Too large resource version: 999999999, current: ")
    assert answer.object["details"] == {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }

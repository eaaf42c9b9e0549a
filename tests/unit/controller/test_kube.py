"""How we speak to the Kubernetes API, on the wire."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from funcgate.controller.access import Access
from funcgate.controller.bindings import Bindings, NotInstalled, ensure_installed
from funcgate.controller.kube import Conflict, Invalid, Kube, KubeError, Missing, Unavailable
from funcgate.controller.lease import LeaseLost, OpenFence
from funcgate.errors import Unmet
from funcgate.metrics import Metrics
from funcgate.spec import SecretRef
from objects import KEY, a_snapshot, an_object

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Api:
    """An API server that answers what the test says, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.answers: list[tuple[int, Any]] = []
        self.lasts = 0.0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        self.asked.append((request.method, request.path_qs, dict(request.headers), json.loads(text) if text else None))
        await asyncio.sleep(self.lasts)
        status, body = self.answers.pop(0)
        return web.Response(status=status, text=body if isinstance(body, str) else json.dumps(body))


@pytest.fixture
def api() -> Api:
    return Api()


@asynccontextmanager
async def a_kube(api: Api, **access: Any) -> AsyncIterator[Kube]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.answer)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(TestServer(app))
        url = str(server.make_url("")).rstrip("/")
        yield await stack.enter_async_context(Kube(Access(server=url, **access), timeout_seconds=0.5))


@pytest.fixture
async def kube(api: Api) -> AsyncIterator[Kube]:
    async with a_kube(api, fixed_token="hush") as kube:
        yield kube


ANSWERS: list[tuple[int, Any, type[KubeError], str]] = [
    (404, {"reason": "NotFound", "message": "gone"}, Missing, "NotFound (404): GET /x: gone"),
    (409, {"reason": "Conflict", "message": "newer"}, Conflict, "Conflict (409): GET /x: newer"),
    (422, {"reason": "Invalid", "message": "no"}, Invalid, "Invalid (422): GET /x: no"),
    (403, {"reason": "Forbidden", "message": "no"}, KubeError, "Forbidden (403): GET /x: no"),
    (429, "slow down", Unavailable, "Unreadable (429): GET /x: no message"),
    (503, "<html>", Unavailable, "Unreadable (503): GET /x: no message"),
    (200, "[]", KubeError, "Unreadable (200): GET /x: no message"),
    (302, "", KubeError, "Unreadable (302): GET /x: no message"),
]


@pytest.mark.parametrize(("status", "body", "kind", "text"), ANSWERS, ids=[str(each[0]) for each in ANSWERS])
async def test_each_refusal_is_an_error_of_its_kind(
    api: Api, kube: Kube, status: int, body: Any, kind: type[KubeError], text: str
) -> None:
    api.answers = [(status, body)]
    with pytest.raises(KubeError) as raised:
        await kube.get("/x")
    assert (type(raised.value), str(raised.value)) == (kind, text)


async def test_a_server_that_does_not_answer_in_time_is_unavailable(api: Api, kube: Kube) -> None:
    api.lasts, api.answers = 5.0, [(200, {})]
    with pytest.raises(Unavailable):
        await kube.get("/x", timeout_seconds=0.05)


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with Kube(Access(server="http://127.0.0.1:9")) as kube:
        with pytest.raises(Unavailable):
            await kube.get("/x")


async def test_a_token_that_cannot_be_read_is_unavailable(api: Api, tmp_path: Path) -> None:
    async with a_kube(api, token_file=tmp_path / "token") as kube:
        with pytest.raises(Unavailable):
            await kube.get("/x")


async def test_every_request_carries_the_token_as_it_is_then(api: Api, tmp_path: Path) -> None:
    api.answers = [(200, {})] * 2
    async with a_kube(api, token_file=tmp_path / "token") as kube:
        for token in ("first", "second"):
            (tmp_path / "token").write_text(token)
            await kube.get("/x")
    assert [headers["Authorization"] for _, _, headers, _ in api.asked] == ["Bearer first", "Bearer second"]


async def test_metadata_is_listed_page_by_page(api: Api, kube: Kube) -> None:
    api.answers = [
        (200, {"metadata": {"continue": "more"}, "items": [{"metadata": {"name": "a"}}]}),
        (200, {"metadata": {}, "items": [{"metadata": {"name": "b"}}]}),
    ]
    names = [each["name"] async for each in kube.metadata("/x", label_selector="a=b", chunk=1)]
    assert names == ["a", "b"]
    assert [path for _, path, _, _ in api.asked] == [
        "/x?limit=1&labelSelector=a%3Db",
        "/x?limit=1&labelSelector=a%3Db&continue=more",
    ]
    assert "PartialObjectMetadataList" in api.asked[0][2]["Accept"]


def bindings(kube: Kube, fence: Any = None, **options: Any) -> Bindings:
    return Bindings(kube, fence or OpenFence(), Metrics(), **options)


async def test_named_namespaces_are_listed_one_by_one(api: Api, kube: Kube) -> None:
    def page(namespace: str) -> tuple[int, Any]:
        metadata = {"namespace": namespace, "name": "orders", "uid": namespace, "resourceVersion": "1"}
        return 200, {"metadata": {}, "items": [{"metadata": metadata}]}

    api.answers = [page("shop"), page("billing")]
    found = [str(key) async for key, _, _ in bindings(kube, namespaces=["shop", "billing"]).identities()]
    assert found == ["shop/orders", "billing/orders"]
    root = "/apis/funcgate.dev/v1alpha1"
    assert [path.partition("?")[0] for _, path, _, _ in api.asked] == [
        f"{root}/namespaces/shop/functionapibindings",
        f"{root}/namespaces/billing/functionapibindings",
    ]


async def test_a_missing_grant_is_asked_for_in_the_name_of_the_operators_own_namespace(api: Api, kube: Kube) -> None:
    api.answers = [(403, {"reason": "Forbidden"})]
    with pytest.raises(Unmet, match="--serviceaccount=platform:funcgate"):
        await bindings(kube, home="platform").secret("shop", SecretRef(name="probe", key="key"))


async def test_a_status_is_merged_only_into_the_object_that_we_know(api: Api, kube: Kube) -> None:
    api.answers = [(200, an_object(version=2))]
    after = await bindings(kube).write_status(a_snapshot(), {"hostName": "h"})
    method, path, headers, body = api.asked[0]
    assert (method, path) == ("PATCH", "/apis/funcgate.dev/v1alpha1/namespaces/shop/functionapibindings/orders/status")
    assert headers["Content-Type"] == "application/merge-patch+json"
    assert body == {"metadata": {"uid": "uid-orders", "resourceVersion": "1"}, "status": {"hostName": "h"}}
    assert after.version == "2"


async def test_our_finalizer_is_set_beside_others_and_only_on_the_version_that_we_know(api: Api, kube: Kube) -> None:
    api.answers = [(200, an_object(version=2))] * 2
    held = await bindings(kube).add_finalizer(a_snapshot(held=False))
    await bindings(kube).remove_finalizer(held)
    assert {headers["Content-Type"] for _, _, headers, _ in api.asked} == {"application/merge-patch+json"}
    assert [body["metadata"] for *_, body in api.asked] == [
        {"uid": "uid-orders", "resourceVersion": "1", "finalizers": ["funcgate.dev/azure"]},
        {"uid": "uid-orders", "resourceVersion": "2", "finalizers": ["others.example/finalizer"]},
    ]


REFUSALS: list[tuple[str, int, type[KubeError]]] = [
    ("somebody wrote first", 409, Conflict),
    ("the server refuses it, and will the next time", 422, Invalid),
]


@pytest.mark.parametrize(("reason", "status", "kind"), REFUSALS, ids=[each[0] for each in REFUSALS])
async def test_only_a_lost_race_is_a_conflict(
    api: Api, kube: Kube, reason: str, status: int, kind: type[KubeError]
) -> None:
    api.answers = [(status, {"reason": kind.__name__, "message": "said the server"})]
    with pytest.raises(KubeError, match="said the server") as raised:
        await bindings(kube).add_finalizer(a_snapshot(held=False))
    assert type(raised.value) is kind, reason


async def test_letting_go_of_what_is_gone_is_fine(api: Api, kube: Kube) -> None:
    api.answers = [(404, {})]
    await bindings(kube).remove_finalizer(a_snapshot())


async def test_no_write_passes_a_closed_fence(api: Api, kube: Kube) -> None:
    class Closed:
        def check(self) -> None:
            raise LeaseLost("closed")

    fenced = bindings(kube, Closed())
    for write in (fenced.write_status(a_snapshot(), {}), fenced.add_finalizer(a_snapshot())):
        with pytest.raises(LeaseLost):
            await write
    assert api.asked == []


async def test_an_object_that_is_gone_is_none(api: Api, kube: Kube) -> None:
    api.answers = [(404, {}), (200, an_object())]
    assert await bindings(kube).get(KEY) is None
    assert await bindings(kube).get(KEY) == a_snapshot()


async def test_a_namespace_is_asked_for_once_a_minute(api: Api, kube: Kube) -> None:
    api.answers = [(200, {"metadata": {"annotations": {"a": "b"}}})]
    ours = bindings(kube)
    assert [await ours.namespace_annotations("shop") for _ in range(3)] == [{"a": "b"}] * 3
    assert len(api.asked) == 1


async def test_a_cluster_with_our_kind_will_do(api: Api, kube: Kube) -> None:
    api.answers = [(200, {"resources": [{"name": "functionapibindings"}]})]
    await ensure_installed(kube)


@pytest.mark.parametrize("answer", [(404, {}), (200, {"resources": []})])
async def test_a_cluster_without_our_kind_is_told_apart(api: Api, kube: Kube, answer: tuple[int, Any]) -> None:
    api.answers = [answer]
    with pytest.raises(NotInstalled, match="apply crds/ first"):
        await ensure_installed(kube)

"""
A simulated Azure with one imported function app, the real clients connected to it, and the engine that tests are about.

    async with on_stage() as stage:
        done = await stage.reconcile()                  # one pass over stage.binding()
        stage.writes(), stage.door_is_closed(), stage.policy, stage.auth
        answer = await stage.through_the_gateway()

Everything between engine and Azure is real: TLS, token requests with a workload identity, the SDKs' pipelines.
"""

import asyncio
import copy
import json
import tempfile
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from azuresim import Simulator, World
from azuresim.apim.identity import wanted_identity
from azuresim.apim.service import settle
from azuresim.entra.tokens import EntraError
from azuresim.msi import add_user_identity
from azuresim.resources import Document
from azuresim.scenarios import GROUP, Imported, at_once, imported, put
from azuresim.web import add_function_app, site, site_of
from azuresim.web.sites import unique_host_name
from azuresim.wire import HttpAnswer, HttpCall
from azuresim.world import Call
from funcgate.aspects import all_aspects, all_checks
from funcgate.azure import CLOUDS, PUBLIC, Azure, Endpoints, Time, connect
from funcgate.engine import Engine, Outcome, Pass
from funcgate.spec import Binding, Neighbour

CALLER = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/caller"
VAULT = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/vault"
SYSTEM = {"type": "SystemAssigned"}
NAMED = {"type": "UserAssigned", "id": CALLER}
BOTH = {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {VAULT: {}}}
READS = ("GET", "HEAD")
LISTS = ("/listkeys", "/listvalue")  # POSTs that only read, as Azure asks for secrets
OWNER = "prod/shop/orders"
HARDENING = "PATCH applications/dddddddd-0000-4000-8000-000000000001"
ADOPTION = (
    "PATCH service/contoso",
    "PUT backends/orders-fn",
    "PUT policies/policy",
    "PUT config/authsettingsV2",
    HARDENING,
)
"""The writes that lock what the portal's import left: the first two in any order, the others in this one."""

Json = Mapping[str, Any]


class WatchedLog(list[Call]):
    """A log that calls back after every line, before the answer is sent."""

    def __init__(self, watch: Callable[[Call], None]) -> None:
        super().__init__()
        self.watch = watch

    def append(self, call: Call) -> None:
        super().append(call)
        self.watch(call)


@dataclass
class Stage:
    """One simulated Azure and everything that works on it."""

    simulator: Simulator
    team: Imported
    azure: Azure
    endpoints: Endpoints
    counted: list[tuple[str, str]] = field(default_factory=list)
    later: Callable[[float], None] = lambda seconds: None  # the clients' clock goes on by so many seconds

    @property
    def world(self) -> World:
        return self.simulator.world

    # --- the product

    def binding(
        self, *, identity: Json = SYSTEM, deleting: bool = False, neighbours: tuple[Neighbour, ...] = (), **spec: Any
    ) -> Binding:
        """The binding shop/orders for the imported app; keywords replace top-level fields of its spec."""
        whole = {
            "apiManagement": {"id": self.team.service_id, "identity": identity},
            "functionApp": {"id": self.team.site_id},
            "entra": {"registration": {"type": "Existing", "clientId": self.team.client_id}},
            "api": {"name": self.team.api_name, "import": {"from": "None"}},
            "adopt": True,
        }
        metadata = {"namespace": "shop", "name": "orders", "generation": 1}
        metadata |= {"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleting else {}
        body = {"metadata": metadata, "spec": whole | spec}
        return Binding.of(body, instance_id="prod", neighbours=neighbours)

    async def glance(self, binding: Binding | None = None) -> Pass:
        """What the operator does first when nothing seems to be due, with nothing in the log but its calls."""
        self.world.log.clear()
        self.counted.clear()
        return await self.engine.glance(binding or self.binding())

    @property
    def engine(self) -> Engine:
        """A fresh one: nothing is remembered between passes."""
        aspects, checks = all_aspects(self.azure, self.endpoints), all_checks(self.azure)
        return Engine(aspects, self.azure.resources.is_gone, checks, self.azure.activity.rival)

    async def reconcile(self, binding: Binding | None = None, **options: Any) -> Pass:
        """One pass, with nothing in the log but its calls."""
        self.world.log.clear()
        self.counted.clear()
        return await self.engine.reconcile(binding or self.binding(), **options)

    async def settled(self, binding: Binding | None = None) -> Pass:
        """One pass that left nothing to do."""
        done = await self.reconcile(binding)
        assert done.done, troubles(done)
        return done

    # --- what was called

    def calls(self) -> Sequence[Call]:
        """What the operator asked Azure, callers of the API and of the function left out."""
        return [call for call in self.world.log if call.service in ("arm", "graph", "entra")]

    def writes(self) -> Sequence[str]:
        """The writes that took effect, each as method and the last part of its path."""
        return [written(call) for call in self.calls() if is_write(call) and call.status < 300]

    def ledger(self) -> Mapping[tuple[str, str], int]:
        """How many calls of which method to which kind of thing the clients made."""
        return dict(Counter(self.counted))

    # --- what stands in Azure

    @property
    def service(self) -> Document:
        return self.world.arm.need(self.team.service_id)

    @property
    def auth(self) -> dict[str, Any]:
        """The live `properties` of authsettingsV2."""
        return self.world.arm.need(f"{self.team.site_id}/config/authsettingsV2").properties

    @property
    def provider(self) -> dict[str, Any]:
        """The live Entra provider in them."""
        found: dict[str, Any] = self.auth["identityProviders"]["azureActiveDirectory"]
        return found

    @property
    def backend(self) -> dict[str, Any]:
        return self.world.arm.need(self.team.backend_id).properties

    @property
    def policy_id(self) -> str:
        return f"{self.team.api_id}/policies/policy"

    @property
    def policy(self) -> str:
        """The API's policy, as API Management writes it."""
        return str(self.world.arm.need(self.policy_id).properties["value"])

    def sections(self) -> Mapping[str, Sequence[etree._Element]]:
        """The statements of the API's policy by section, comments left out."""
        root = etree.fromstring(self.policy)
        return {str(part.tag): [node for node in part if isinstance(node.tag, str)] for part in root}

    # --- changes by hand

    def put_policy(self, text: str) -> None:
        """Somebody saved this document in the policy editor."""
        put(self.world, self.policy_id, {"format": "rawxml", "value": text})

    def put_auth(self, properties: Json) -> None:
        """Somebody configured authentication."""
        put(self.world, f"{self.team.site_id}/config/authsettingsV2", copy.deepcopy(dict(properties)))

    def give_identity(self, identity: Json | None) -> None:
        """The service has exactly this identity, at once."""
        wanted = wanted_identity(self.world, None, dict(identity)) if identity else None
        settle(self.world, self.service, wanted)

    @property
    def application(self) -> dict[str, Any]:
        """The live registration that the team made."""
        return self.world.entra.applications[self.team.application_id]

    def let_nobody_sign_in(self) -> None:
        """Somebody has taken the ways in for people out of the registration already."""
        self.application["web"] |= {"redirectUris": [], "implicitGrantSettings": {}}

    def add_identities(self) -> None:
        """Two user-assigned identities exist; the service carries neither."""
        for each in (CALLER, VAULT):
            add_user_identity(self.world, each)

    # --- callers

    async def through_the_gateway(self, path: str = "/ping") -> HttpAnswer:
        """A caller of the API, with its subscription key."""
        key = {"Ocp-Apim-Subscription-Key": self.team.subscription_key}
        return await self.simulator.send("GET", self.team.gateway_host, f"/{self.team.api_path}{path}", headers=key)

    async def past_the_gateway(self, **headers: str) -> HttpAnswer:
        """Somebody who calls the function app directly."""
        return await self.simulator.send("GET", self.team.site_host, "/v1/ping", headers=headers)

    def token_of(self, client_id: str) -> str:
        """That application's valid token for the function app, as a header's value."""
        return f"Bearer {self.world.entra.token_for_client(client_id, self.door_of or self.team.client_id)}"

    @property
    def door_of(self) -> str | None:
        """The client id of the registration that the door names, if there is such a one."""
        providers = self.auth.get("identityProviders") or {}
        named = ((providers.get("azureActiveDirectory") or {}).get("registration") or {}).get("clientId")
        return named if named and self.world.entra.principal(named) else None

    def door_is_closed(self) -> bool:
        """Whether neither somebody with nothing but the key nor a stranger of the tenant with a token gets in now."""
        keys = site_of(self.world, self.team.site_id).keys.functions
        key = {"x-functions-key": next(iter(keys.values()), "there is none")}
        token = {}
        with suppress(EntraError):  # who gets no token does not come in with one
            token = {"Authorization": self.token_of(self.team.stranger_client_id)}
        return all(self.turned_away(headers) for headers in (key, key | token))

    def turned_away(self, headers: Mapping[str, str], host: str = "") -> bool:
        """Whether a call past the gateway with these headers is refused now."""
        call = HttpCall.of("GET", f"https://{host or self.team.site_host}/v1/ping", headers)
        return at_once(site(call, self.world)).status in (401, 403)

    @asynccontextmanager
    async def busy_caller(self, path: str = "/ping") -> AsyncIterator[Counter[int]]:
        """A client that calls through the gateway without a pause, and what it was answered."""
        answers: Counter[int] = Counter()

        async def call() -> None:
            answers[(await self.through_the_gateway(path)).status] += 1

        async def call_for_ever() -> None:
            while True:
                await call()

        await call()
        task = asyncio.create_task(call_for_ever())
        try:
            yield answers
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await call()

    @contextmanager
    def watching(self, watch: Callable[[Call], None]) -> Iterator[None]:
        """`watch` is told of every write as soon as it is done, before its answer is sent."""
        with self._told(lambda call: watch(call) if is_write(call) else None):
            yield

    @contextmanager
    def reading(self, path: str, then: Callable[[], None]) -> Iterator[None]:
        """`then` happens whenever the operator has read such a document, before it gets the answer."""

        def watch(call: Call) -> None:
            if call.method == "GET" and fnmatchcase(call.path.lower(), path.lower()):
                then()

        with self._told(watch):
            yield

    @contextmanager
    def _told(self, watch: Callable[[Call], None]) -> Iterator[None]:
        before = self.world.log
        self.world.log = WatchedLog(watch)
        try:
            yield
        finally:
            before.extend(self.world.log)
            self.world.log = before


@asynccontextmanager
async def on_stage(
    *,
    token_version: int | None = 2,
    latency: float = 0.0,
    check_contracts: bool = True,
    cloud: str = PUBLIC,
) -> AsyncIterator[Stage]:
    """
    The curtain is up, in the public cloud unless stated: `cloud` decides who issues the tokens.

    What departs from the published contracts fails the test at its end, unless `check_contracts` is off: it takes half
    of the time.
    """
    counted: list[tuple[str, str]] = []
    async with Simulator(latency=latency, check_contracts=check_contracts, check_refused=True) as simulator:
        with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
            simulator.world.entra.cloud = cloud
            team = imported(simulator.world, token_version=token_version)
            simulator.world.switches.operation_polls = 0  # an operation has ended at the first look at it
            patch.setenv("SSL_CERT_FILE", str(simulator.ca_file))
            patch.setenv("AZURE_CLIENT_ID", team.operator_client_id)
            patch.setenv("AZURE_TENANT_ID", team.tenant_id)
            patch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(team.write_assertion(Path(folder))))
            reached = f"{simulator.host}:{simulator.port}"
            endpoints = replace(
                CLOUDS[cloud],
                arm=simulator.url,
                arm_scope=CLOUDS[PUBLIC].arm_scope,  # what the simulated Entra knows is asked for by these names
                graph=simulator.url,
                graph_scope=CLOUDS[PUBLIC].graph_scope,
                authority=simulator.url,
                logs=simulator.url,
                logs_scope=CLOUDS[PUBLIC].logs_scope,
                connect_to=reached,
            )
            observe = _counting(counted)
            passed: list[float] = []
            time_ = Time(now=lambda: time.monotonic() + sum(passed))
            async with connect(endpoints, observe_call=observe, time=time_) as azure:
                yield Stage(simulator, team, azure, endpoints, counted, passed.append)


def _counting(counted: list[tuple[str, str]]) -> Callable[..., None]:
    return lambda *, method, resource_kind, **_: counted.append((method, resource_kind))


def is_write(call: Call) -> bool:
    """Whether the operator changed something in Azure with it; a request for a token changes nothing."""
    lists = call.method == "POST" and call.path.lower().endswith(LISTS)
    return call.method not in READS and not lists and call.service in ("arm", "graph")


def written(call: Call) -> str:
    """A write in short: `PUT backends/orders-fn`, `PUT policies/policy`, `PUT config/authsettingsV2`."""
    return f"{call.method} {'/'.join(call.path.split('/')[-2:])}"


def outcome(done: Pass, condition: str) -> Outcome:
    """What became of one aspect."""
    return next(each for each in done.outcomes if each.condition == condition)


def troubles(done: Pass) -> Mapping[str, str]:
    """What stands in the way, by condition, as reason and sentence."""
    untrue = (each for each in done.outcomes if not each.true and each.reason != "NotAskedFor")
    return {each.condition: f"{each.reason}: {each.message}" for each in untrue}


def changed_fields(done: Pass) -> Mapping[str, set[str]]:
    """The fields that the pass changed, by what it wrote to."""
    fields: dict[str, set[str]] = {}
    for write in done.changes:
        fields.setdefault(write.key, set()).update(drift.field for drift in write.drifts)
    return fields


def seen_by_the_function(answer: HttpAnswer) -> Json:
    """What the function echoed of the call that reached it."""
    found: Json = json.loads(answer.body)
    return found


def add_slot(stage: Stage, name: str = "staging") -> str:
    """The id of a new slot of the app, with the app's functions in it."""
    slot = f"{stage.team.site_id}/slots/{name}"
    functions = list(site_of(stage.world, stage.team.site_id).functions)
    add_function_app(
        stage.world, slot, host_name=unique_host_name(slot), functions=functions, route_prefix=stage.team.route_prefix
    )
    return slot


def longest_chain(calls: Sequence[Call]) -> Sequence[Call]:
    """Calls of which none began before the one before it had ended, as long in all as can be."""
    best: list[tuple[float, list[Call]]] = [(0.0, [])]
    ended = [0.0]
    for call in sorted(calls, key=lambda call: call.began + call.seconds):
        before = best[bisect_right(ended, call.began) - 1]
        with_it = (before[0] + call.seconds, [*before[1], call])
        best.append(max(best[-1], with_it, key=lambda found: found[0]))
        ended.append(call.began + call.seconds)
    return best[-1][1]

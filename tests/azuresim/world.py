"""
The state of one simulated Azure: everything a handler may touch, handed in, no globals.

    world = World()                         # its clock moves only when told; World(clock=Clock(real=True)) runs
    world.clock         now(), advance(seconds), timestamp(), stamp()
    world.arm           Arm: documents by id, ETags, locks, groups (resources.py)
    world.entra         Entra: directory, tokens, managed identities (tokens.py, directory.py)
    world.operations    long-running operations (operations.py)
    world.faults        trouble that calls meet: faults.add(method=, path=, status=, …), faults.at_random (faults.py)
    world.switches      what nobody could verify, both ways (switches.py)
    world.nameless, world.outdated   host names that nobody can resolve, or whose certificate has run out
    world.latency       seconds added to each call of ARM, Graph and Entra; world.delays.add(…) for one kind of call
    world.denied        RBAC actions denied to callers, lower case, "*" allowed; world.grants_later(action, seconds=…)
    world.policies      policies.deny("*/namedvalues/*") (arm/policies.py); world.quotas: token buckets (arm/quotas.py)
    world.log           one Call per HTTP call, secrets redacted; world.calls(method=, path=, service=) filters
    world.journal       every change of state: who, what, before, after (journal.py)
    world.missing       how often something was asked for that is not simulated, by what it was
    world.crashes       tracebacks of handlers that failed; leaving the simulator's context raises them
    world.events        Event Grid: what was written, told in a queue (events.py); world.queues (storage_queues.py)
    world.vaults        key vaults that named values read (vaults.py)
    world.web_documents what stands at addresses outside, for links that are to be fetched
    world.invocations   one Invocation per run of a function
    world.gateway       what gateways count, cache, trace and log (gateway/state.py); caller_ip is whose calls they are
    world.guid(), world.hexadecimal(n)      new ids, the same in every run

HttpCall(method, host, path, query, headers, body, raw_path) and HttpAnswer(status, headers, body) come from here too.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Mapping, MutableSequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from azuresim.arm.federation import forget
from azuresim.arm.policies import Policies
from azuresim.arm.quotas import Quotas
from azuresim.clock import Clock
from azuresim.entra.tokens import Entra
from azuresim.events import Events
from azuresim.faults import Delays, Faults
from azuresim.gateway.state import GatewayState
from azuresim.journal import Journal
from azuresim.log import Call
from azuresim.log_analytics import Workspaces
from azuresim.operations import Operations
from azuresim.resources import Arm, Document
from azuresim.storage_queues import Queues
from azuresim.switches import Switches
from azuresim.vaults import Vaults
from azuresim.wire import HttpAnswer, HttpCall

__all__ = ["Call", "Clock", "Document", "HttpAnswer", "HttpCall", "Invocation", "World"]

TENANT = "11111111-aaaa-4000-8000-000000000001"


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One run of a function, with the claims that Easy Auth saw."""

    function: str
    claims: Mapping[str, Any]
    at: float
    site: str = ""


@dataclass
class World:
    clock: Clock = field(default_factory=Clock)
    tenant_id: str = TENANT
    latency: float = 0.0
    denied: set[str] = field(default_factory=set)
    switches: Switches = field(default_factory=Switches)
    faults: Faults = field(default_factory=Faults)
    delays: Delays = field(default_factory=Delays)
    log: MutableSequence[Call] = field(default_factory=list)
    journal: Journal = field(init=False)
    missing: Counter[str] = field(default_factory=Counter)
    crashes: list[str] = field(default_factory=list)
    invocations: list[Invocation] = field(default_factory=list)
    vaults: Vaults = field(default_factory=Vaults)
    workspaces: Workspaces = field(default_factory=Workspaces)
    web_documents: dict[str, str] = field(default_factory=dict)
    api_paths: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    arm: Arm = field(init=False)
    entra: Entra = field(init=False)
    operations: Operations = field(init=False)
    queues: Queues = field(init=False)
    events: Events = field(init=False)
    quotas: Quotas = field(init=False)
    policies: Policies = field(default_factory=Policies)
    gateway: GatewayState = field(default_factory=GatewayState)
    late_grants: dict[str, float] = field(default_factory=dict)
    nameless: set[str] = field(default_factory=set)
    outdated: set[str] = field(default_factory=set)
    made: int = 0

    def __post_init__(self) -> None:
        self.journal = Journal(self.clock)
        self.arm = Arm(self.journal, self.clock)
        self.quotas = Quotas(self)
        self.entra = Entra(self)
        self.operations = Operations(self)
        self.queues = Queues(self)
        self.events = Events(self)
        self.arm.on_delete.append(self.gateway.forget)
        self.arm.on_delete.append(lambda document: self.entra.drop_identity(document.id))
        self.arm.on_delete.append(lambda document: forget(self, document))

    async def delay(self, call: HttpCall, service: str) -> None:
        """The time that this call takes is over."""
        seconds = self.seconds_of(call, service)
        if seconds > 0:
            await asyncio.sleep(seconds)

    def seconds_of(self, call: HttpCall, service: str) -> float:
        """How long this call takes."""
        return self.delays.of(call, service, self.latency if service in ("arm", "graph", "entra") else 0.0)

    def grants_later(self, *actions: str, seconds: float) -> None:
        """Callers lack these rights (patterns with `*`) until so many seconds of the world's clock have passed."""
        self.late_grants.update({action: self.clock.timestamp() + seconds for action in actions})

    def guid(self) -> str:
        """A new GUID, clearly fake, the same in every run."""
        self.made += 1
        return f"{self.made:08x}-f00d-4000-8000-000000000000"

    def hexadecimal(self, length: int) -> str:
        """New hexadecimal digits, the same in every run."""
        self.made += 1
        return hashlib.sha256(str(self.made).encode()).hexdigest()[:length]

    def calls(self, *, method: str = "*", path: str = "*", service: str = "*") -> list[Call]:
        """The logged calls that match; `*` is a wildcard, case does not count."""
        return [
            call
            for call in self.log
            if fnmatchcase(call.method, method.upper())
            and fnmatchcase(call.path.lower(), path.lower())
            and fnmatchcase(call.service, service)
        ]

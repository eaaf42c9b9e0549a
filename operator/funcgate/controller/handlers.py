"""
All the Kopf there is: it logs in, lists, watches and reconnects; each event goes to the intake, and that is all.

With only an `on.event` handler Kopf writes nothing to the objects: no annotations, no status, no finalizer. Everything
that acts on what is seen lies in other modules.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import kopf

from funcgate.controller.access import Access
from funcgate.controller.cache import Snapshot
from funcgate.controller.health import Health
from funcgate.controller.intake import Intake
from funcgate.spec import GROUP, PLURAL, VERSION

REGISTRY = kopf.OperatorRegistry()
LOGIN_LASTS = timedelta(minutes=10)  # the token's file is read again well before the token ends


@dataclass(frozen=True, slots=True)
class Context:
    """What the handlers need."""

    access: Access
    intake: Intake
    health: Health

    def __copy__(self) -> Self:
        """Kopf copies it for each object; one is enough."""
        return self


@kopf.on.login(registry=REGISTRY)
async def login(memo: Context, **_: Any) -> kopf.ConnectionInfo:
    """The same access that our own writes use, with the token as its file holds it now."""
    access = memo.access
    return kopf.ConnectionInfo(
        server=access.server,
        ca_path=access.ca_file,
        ca_data=access.ca_data,
        token=access.token,
        certificate_data=access.certificate[0] if access.certificate else None,
        private_key_data=access.certificate[1] if access.certificate else None,
        expiration=datetime.now(UTC) + LOGIN_LASTS,
    )


@kopf.on.event(GROUP, VERSION, PLURAL, registry=REGISTRY)
async def seen(type: str | None, body: kopf.Body, memo: Context, **_: Any) -> None:  # noqa: A002  Kopf's name for it
    """An object was listed (type None), added, modified or deleted."""
    memo.health.hear()
    snapshot = Snapshot.read(body)
    if type == "DELETED":
        memo.intake.gone(snapshot.key, snapshot.uid)
    else:
        memo.intake.saw(snapshot, listed=type is None)


async def watch(
    context: Context,
    stop: asyncio.Event,
    retake_signals: Callable[[], None],
    *,
    namespaces: Collection[str] = (),
    label_selector: str = "",
) -> None:
    """
    Watches these namespaces, or all when there are none, until `stop` is set.

    Raises when the watch can't go on, a right is missing, say.
    """
    tasks = await kopf.spawn_tasks(
        registry=REGISTRY,
        settings=settings(label_selector),
        memo=context,
        clusterwide=not namespaces,
        namespaces=namespaces,
        standalone=True,
        stop_flag=stop,
    )
    retake_signals()
    await kopf.run_tasks(tasks, ignored=_Everybody())


def settings(label_selector: str = "") -> kopf.OperatorSettings:
    """Kopf as a mere informer, of all bindings or of those with certain labels."""
    chosen = kopf.OperatorSettings()
    if label_selector:
        chosen.watching.label_selectors[GROUP, VERSION, PLURAL] = label_selector
    chosen.peering.standalone = True
    chosen.scanning.disabled = True
    chosen.posting.enabled = False
    chosen.posting.loggers = False
    chosen.queueing.idle_timeout = 1
    chosen.watching.chunk_size = 500
    chosen.watching.server_timeout = 300
    chosen.watching.client_timeout = 310
    chosen.watching.connect_timeout = 30
    chosen.networking.request_timeout = 30
    chosen.networking.enforce_retry_after = True
    chosen.persistence.finalizer = f"{GROUP}/unused"  # never ours: Kopf would take it off
    chosen.persistence.diffbase_storage = NoDiffBase()
    chosen.process.ultimate_exiting_timeout = None  # whoever runs the operator bounds its end
    return chosen


class NoDiffBase(kopf.DiffBaseStorage):
    """Nothing to compare with: without handlers of changes Kopf would copy and compare each body for nothing."""

    def build(self, **_: Any) -> Any:
        """Nothing of the object matters."""
        return {}

    def fetch(self, **_: Any) -> None:
        """Nothing was kept."""

    def store(self, **_: Any) -> None:
        """Nothing is kept."""


class _Everybody(Collection[Any]):
    """Every task there is. At its end Kopf cancels all tasks of the loop but those that it is told to leave alone."""

    def __contains__(self, task: object) -> bool:
        return True

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

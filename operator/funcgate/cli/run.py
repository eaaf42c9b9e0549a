"""`funcgate run`: the operator."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, nullcontext

import click

from funcgate.aspects import all_aspects, all_checks
from funcgate.azure import Locks, NoSuchCloud, connect, located
from funcgate.controller.engines import Engines
from funcgate.controller.logs import configure
from funcgate.controller.main import operator_main
from funcgate.engine import Engine
from funcgate.metrics import Metrics
from funcgate.settings import Settings, SettingsError


@click.command()
def run() -> None:
    """Keep Azure reconciled with the FunctionApiBinding objects of the cluster, until stopped."""
    try:
        settings = Settings.read()
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    configure(settings.log_level)
    try:
        raise SystemExit(asyncio.run(operate(settings)))
    except NoSuchCloud as error:
        raise click.ClickException(str(error)) from error


async def operate(settings: Settings, **options: object) -> int:
    """Runs the operator with the real Azure clients; `options` are `operator_main`'s."""
    endpoints = await located(settings.endpoints())

    @asynccontextmanager
    async def engines(metrics: Metrics) -> AsyncIterator[Engines]:
        locks = Locks()
        async with AsyncExitStack() as stack:

            async def open_(client_id: str | None) -> Engine:
                connected = connect(endpoints, client_id=client_id, observe_call=metrics.observe_call, locks=locks)
                azure = await stack.enter_async_context(connected)
                aspects, checks = all_aspects(azure, endpoints), all_checks(azure)
                return Engine(aspects, azure.resources.is_gone, checks, azure.activity.rival)

            yield Engines(await open_(None), open_)

    with _traced(settings):
        return await operator_main(settings, engines, **options)  # type: ignore[arg-type]  # handed through as they are


def _traced(settings: Settings) -> AbstractContextManager[None]:
    """What is done during the `with` is traced, where that is asked for; OpenTelemetry is loaded only then."""
    if not settings.traced:
        return nullcontext()
    from funcgate.spans import exported

    return exported(settings.pod_name)

"""`funcgate run`: the operator."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from funcgate.aspects import all_aspects, all_checks
from funcgate.azure import connect
from funcgate.controller import operator_main
from funcgate.controller.logs import configure
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
    raise SystemExit(asyncio.run(operate(settings)))


async def operate(settings: Settings, **options: object) -> int:
    """Runs the operator with the real Azure clients; `options` are `operator_main`'s."""
    endpoints = settings.endpoints()

    @asynccontextmanager
    async def engine(metrics: Metrics) -> AsyncIterator[Engine]:
        async with connect(endpoints, observe_call=metrics.observe_call) as azure:
            yield Engine(all_aspects(azure, endpoints), azure.resources.is_gone, all_checks(azure))

    return await operator_main(settings, engine, **options)  # type: ignore[arg-type]  # handed through as they are

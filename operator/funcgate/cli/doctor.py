"""`funcgate doctor`: whether an installation has all that it needs, and the commands that give it what it lacks."""

import asyncio
from collections.abc import Sequence

import click
from rich.console import Console
from rich.text import Text

from funcgate.cli import doctor_azure, doctor_cluster
from funcgate.cli.cluster import takes_cluster
from funcgate.cli.finding import Finding, Operator
from funcgate.cli.manifests import LookingCommand
from funcgate.cli.picture import COLOURS
from funcgate.cli.shell import show, working
from funcgate.report import MARKS, State

ALL_RIGHT, WRONG, UNSEEN = 0, 1, 2


@click.command(cls=LookingCommand)
@click.option("-n", "--namespace", default="funcgate-system", show_default=True, help="Where the operator runs.")
@click.option("--service-account", default="funcgate", show_default=True, help="Its service account there.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="ID",
    help="Subscription or resource group to look at, instead of FUNCGATE_AZURE_SCOPES.",
)
@takes_cluster
@click.option("-o", "--output", type=click.Choice(["text", "json", "yaml"]), default="text", show_default=True)
def doctor(namespace: str, service_account: str, scopes: Sequence[str], output: str) -> None:
    """
    Check all that an installation needs, in the cluster and in Azure, and print the commands that mend it.

    Azure is looked at with the credentials of this environment: in the operator's pod they are the operator's. What
    its settings are, the cluster tells, too.

    Ends with 0 when all is right, 1 when something is wrong, 2 when something could not be seen.
    """
    with working("Looking at the cluster and at Azure"):
        findings = asyncio.run(_findings(Operator(namespace=namespace, account=service_account), scopes))
    if output in ("json", "yaml"):
        show([each.as_data() for each in findings], output)
    else:
        _draw(findings)
    states = {each.state for each in findings}
    raise SystemExit(WRONG if State.BROKEN in states else UNSEEN if State.UNKNOWN in states else ALL_RIGHT)


async def _findings(operator: Operator, scopes: Sequence[str]) -> list[Finding]:
    """The cluster tells what the operator is told and where the gateways are, so it comes first."""
    cluster, seen = await doctor_cluster.findings(operator)
    return [*cluster, *await doctor_azure.findings(operator, scopes, seen)]


def _draw(findings: Sequence[Finding]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for each in findings:
        first, *more = each.says
        console.print(Text.assemble((f"{MARKS[each.state]} {each.check:18}", COLOURS[each.state]), first))
        for line in more:
            console.print(Text(f"{'':20}{line}"))
        for command in each.mend:
            console.print(Text(f"{'':6}$ {command}", style="bold"))
    count = {state: sum(each.state is state for each in findings) for state in State}
    console.print(f"{count[State.HOLDS]} right, {count[State.BROKEN]} wrong, {count[State.UNKNOWN]} not to be seen")

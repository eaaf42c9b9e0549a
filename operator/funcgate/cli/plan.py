"""`funcgate plan NAME… | --from-cluster | -f FILE…`: what a pass would write, without writing it."""

from collections.abc import Sequence

import click

from funcgate import plan_report
from funcgate.cli.manifests import LookingCommand, Wanted, looked_at, takes_bindings
from funcgate.cli.shell import ERROR, show
from funcgate.engine import Pass

NOTHING_TO_DO, CHANGES = 0, 2


@click.command(cls=LookingCommand)
@takes_bindings("text", "json", "yaml", "markdown")
def plan(wanted: Wanted, output: str) -> None:
    """
    Show what a pass would change in Azure, and write nothing.

    Ends with 0 when there is nothing to do, 2 when there are changes, 1 when something stands in the way.
    """
    passes = looked_at(wanted, with_calls=False)
    if output in ("json", "yaml"):
        show([plan_report.data(name, done) for name, done in passes.items()], output)
    elif output == "markdown":
        click.echo("\n".join(plan_report.markdown(passes)))
    else:
        for name, done in passes.items():
            click.echo("\n".join(plan_report.text(name, done)))
    raise SystemExit(_exit_code(list(passes.values())))


def _exit_code(passes: Sequence[Pass]) -> int:
    if any(outcome.stalled for done in passes for outcome in done.outcomes):
        return ERROR
    if any(done.differences for done in passes):
        return CHANGES
    return NOTHING_TO_DO if all(done.done for done in passes) else ERROR

"""`funcgate explain NAME… | -f FILE…`: the way of a call, link by link, and where it breaks."""

import click

from funcgate import report
from funcgate.cli import picture
from funcgate.cli.manifests import LookingCommand, Wanted, looked_at, takes_bindings
from funcgate.cli.shell import show

WHOLE, BROKEN = 0, 1


@click.command(cls=LookingCommand)
@takes_bindings("text", "json", "yaml")
def explain(wanted: Wanted, output: str) -> None:
    """
    Show the chain caller → gateway → token → key → door → function, and what is wrong with each link.

    Looks at Azure, makes the calls of spec.verify when all else is right, and writes nothing. Ends with 0 when every
    link holds or could not be seen, 1 when one is broken.
    """
    passes = looked_at(wanted, with_calls=True)
    if output in ("json", "yaml"):
        show([report.chain_as_json(name, done) for name, done in passes.items()], output)
    else:
        for name, done in passes.items():
            picture.draw(name, list(report.chain(done)), list(report.chain_lines(name, done)))
    broken = any(link.state is report.State.BROKEN for done in passes.values() for link in report.chain(done))
    raise SystemExit(BROKEN if broken else WHOLE)

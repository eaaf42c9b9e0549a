"""`funcgate verify NAME… | -f FILE…`: the calls that prove it, made now."""

import click

from funcgate import report
from funcgate.aspects.verification import Verification
from funcgate.cli.manifests import LookingCommand, Wanted, looked_at, takes_bindings
from funcgate.cli.shell import show

PROVEN, REFUTED, UNSEEN = 0, 1, 2


@click.command(cls=LookingCommand)
@takes_bindings("text", "json", "yaml")
def verify(wanted: Wanted, output: str) -> None:
    """
    Make the calls of spec.verify now, past the gateway and through it.

    They are made only when everything else is as it must be, and nothing is written. Ends with 0 when all came out
    well, 1 when one did not, 2 when that could not be seen from here.
    """
    proofs = {
        name: report.condition(done, Verification.condition)
        for name, done in looked_at(wanted, with_calls=True).items()
    }
    if output in ("json", "yaml"):
        show([{"binding": name} | proof for name, proof in proofs.items()], output)
    else:
        for name, proof in proofs.items():
            click.echo(f"{name}: {proof['status']} {proof['reason']}: {proof['message']}")
    said = {proof["status"] for proof in proofs.values()}
    raise SystemExit(REFUTED if "False" in said else UNSEEN if "Unknown" in said else PROVEN)

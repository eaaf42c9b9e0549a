"""The command line: one module a command."""

import click

from funcgate import __version__
from funcgate.cli.explain import explain
from funcgate.cli.export import export
from funcgate.cli.plan import plan
from funcgate.cli.run import run
from funcgate.cli.verify import verify


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="funcgate")
def main() -> None:
    """Keep Azure API Management and Function Apps reconciled with FunctionApiBinding objects."""


for command in (explain, export, plan, run, verify):
    main.add_command(command)

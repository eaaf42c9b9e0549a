"""The command line: one module a command, and the same as a plugin of kubectl."""

import click

from funcgate import __version__
from funcgate.cli.annotate import manage, observe, pause, reconcile, resume
from funcgate.cli.completion import complete_for_kubectl, completion
from funcgate.cli.doctor import doctor
from funcgate.cli.explain import explain
from funcgate.cli.export import export
from funcgate.cli.plan import plan
from funcgate.cli.run import run
from funcgate.cli.shell import Shell
from funcgate.cli.verify import verify

AS_PLUGIN = "kubectl funcgate"


@click.group(cls=Shell, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="funcgate")
def main() -> None:
    """Keep Azure API Management and Function Apps reconciled with FunctionApiBinding objects."""


for command in (explain, plan, verify, export, doctor, pause, resume, reconcile, observe, manage, completion, run):
    main.add_command(command)


def plugin() -> None:
    """`kubectl funcgate`: kubectl starts `kubectl-funcgate` when that lies on PATH."""
    main(prog_name=AS_PLUGIN)


def plugin_completion() -> None:
    """What kubectl asks, as `kubectl_complete-funcgate`, when somebody presses Tab behind `kubectl funcgate`."""
    complete_for_kubectl(main)

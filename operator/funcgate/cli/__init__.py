"""The command line: one module a command, and the same as a plugin of kubectl."""

import click

from funcgate import __version__
from funcgate.cli.shell import Line, Shell

AS_PLUGIN = "kubectl funcgate"

COMMANDS = {
    "explain": Line(module="explain", says="Show the way of a call link by link, and where it breaks."),
    "plan": Line(module="plan", says="Show what a pass would change in Azure, and write nothing."),
    "verify": Line(module="verify", says="Make the calls that prove a binding, now."),
    "export": Line(module="export", says="Write the manifest of a set-up that stands already."),
    "doctor": Line(module="doctor", says="Check all that an installation needs."),
    "pause": Line(module="annotate", says="Let the operator leave bindings as they are."),
    "resume": Line(module="annotate", says="Let it act again on bindings that are paused."),
    "reconcile": Line(module="annotate", says="Let it look at bindings now."),
    "observe": Line(module="annotate", says="Let it look at bindings and write nothing."),
    "manage": Line(module="annotate", says="Let it write again for bindings that are observed."),
    "completion": Line(module="completion", says="Print the script that completes commands in a shell."),
    "run": Line(module="run", says="Be the operator, until stopped."),
}


@click.group(cls=Shell, lines=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="funcgate")
def main() -> None:
    """Keep Azure API Management and Function Apps reconciled with FunctionApiBinding objects."""


def plugin() -> None:
    """`kubectl funcgate`: kubectl starts `kubectl-funcgate` when that lies on PATH."""
    main(prog_name=AS_PLUGIN)


def plugin_completion() -> None:
    """What kubectl asks, as `kubectl_complete-funcgate`, when somebody presses Tab behind `kubectl funcgate`."""
    from funcgate.cli.completion import complete_for_kubectl

    complete_for_kubectl(main)

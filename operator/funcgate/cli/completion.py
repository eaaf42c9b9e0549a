"""`funcgate completion bash|zsh|fish`, and what kubectl asks when somebody presses Tab behind `kubectl funcgate`."""

import sys

import click
from click.shell_completion import ShellComplete, get_completion_class

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_FUNCGATE_COMPLETE"
NO_FILES, FILES = ":4", ":0"
"""Directives of cobra, on the last line: whether names of files are offered where there is nothing else."""


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """
    Print the script that lets a shell complete commands, options and names.

    Load it in the shell's start file, for example: source <(funcgate completion bash). For kubectl funcgate,
    kubectl's own completion asks funcgate by itself.
    """
    found = get_completion_class(shell)
    root = click.get_current_context().find_root().command
    if found is None:
        raise click.UsageError(f"{shell} is not known")
    click.echo(found(root, {}, "funcgate", VARIABLE).source())


def complete_for_kubectl(group: click.Group) -> None:
    """
    Answers with one candidate a line and a directive, as programs made with cobra do.

    kubectl runs `kubectl_complete-funcgate ARGUMENTS…`, whose last one is what was begun. Source:
    github.com/kubernetes/kubectl pkg/cmd/plugin_completion.go.
    """
    *before, incomplete = sys.argv[1:] or [""]
    asked = ShellComplete(group, {}, "kubectl funcgate", VARIABLE).get_completions(before, incomplete)
    for each in asked:
        if each.type == "plain":
            click.echo(f"{each.value}\t{each.help}" if each.help else each.value)
    click.echo(FILES if any(each.type in ("file", "dir") for each in asked) else NO_FILES)

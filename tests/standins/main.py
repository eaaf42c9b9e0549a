"""One of the programs: `python main.py NAME ARGUMENT…`."""

import base64
import itertools
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from standins.contract import Command, Refused, taken

GROUP = "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/shop-rg/providers"
DIGEST = f"sha256:{'ab' * 32}"

ANSWERS: Mapping[tuple[str, str], str] = {
    ("aks show", "oidcIssuerProfile.issuerUrl"): "https://oidc.example/",
    ("identity show", "clientId"): "bbbbbbbb-0000-4000-8000-000000000001",
    ("identity show", "principalId"): "bbbbbbbb-0000-4000-8000-000000000002",
    ("identity show", "id"): f"{GROUP}/Microsoft.ManagedIdentity/userAssignedIdentities/caller",
    ("ad sp show", "id"): "cccccccc-0000-4000-8000-000000000003",
    ("ad sp show", "appRoles"): "18a4783c-866b-4cc7-a460-3d5e5662c884",
    ("apim show", "id"): f"{GROUP}/Microsoft.ApiManagement/service/contoso",
    ("functionapp show", "id"): f"{GROUP}/Microsoft.Web/sites/NAME",
    ("apim api list", "[].name"): "billing",
    ("monitor log-analytics workspace show", "customerId"): "77777777-7777-4777-8777-777777777777",
    ("account get-access-token", "accessToken"): ".".join(
        base64.urlsafe_b64encode(json.dumps(each).encode()).decode() for each in ({"alg": "none"}, {"ver": "2.0"}, {})
    ),
    ("deployment sub show", "properties.outputs"): "{}",
}
"""By the command and the beginning of its query."""


def az(words: Sequence[str]) -> str:
    """The answer to the query. Raises Refused."""
    command = taken(words)
    for each in ("--role-definition", "--body", "-b"):
        if text := command.option(each):
            json.loads(Path(text[1:]).read_text() if text.startswith("@") else text)
    query = command.option("--query")
    return _answer(command, query) if query else ""


def _answer(command: Command, query: str) -> str:
    for (name, beginning), answer in ANSWERS.items():
        if command.name == name and re.match(rf"{re.escape(beginning)}(?!\w)", query):
            return answer.replace("NAME", command.option("--name", "-n") or "")
    raise Refused(f"az {command.name}: nobody said what --query {query} finds")


def docker(words: Sequence[str]) -> str:
    """A digest, where one is asked for."""
    if words[0] not in ("build", "push", "buildx"):
        raise Refused(f"docker {words[0]}: is in no page yet")
    return DIGEST if "imagetools" in words else f"docker {' '.join(words)}"


def terraform(words: Sequence[str]) -> str:
    """Nothing; the folder and each variable must be there."""
    folder = Path(next(each.partition("=")[2] for each in words if each.startswith("-chdir=")))
    declared = set(re.findall(r'^variable "(\w+)"', (folder / "main.tf").read_text(), re.MULTILINE))
    for before, each in itertools.pairwise(words):
        if before == "-var" and each.partition("=")[0] not in declared:
            raise Refused(f"terraform: {folder}/main.tf declares no variable {each.partition('=')[0]}")
    return ""


def jq(words: Sequence[str]) -> str:
    """What the filter makes of standard input: jq's own library."""
    import jq as library

    return "\n".join(json.dumps(each) for each in library.compile(words[-1]).input_text(sys.stdin.read()))


def kubectl(words: Sequence[str]) -> str:
    """Itself. Only what needs a node is different: nothing is logged, and what runs in a pod runs here."""
    if "logs" in words:
        return ""
    if "exec" in words:
        words = words[words.index("--") + 1 :]
        os.execvp(words[0], words)
    os.environ["PATH"] = ":".join(each for each in os.environ["PATH"].split(":") if each != os.environ["STANDINS"])
    os.execvp("kubectl", ["kubectl", *words])
    raise AssertionError


if __name__ == "__main__":
    try:
        if said := globals()[sys.argv[1]](sys.argv[2:]):
            print(said)
    except Refused as refused:
        sys.exit(f"{refused}")

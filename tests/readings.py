"""
How each page is read by somebody who types all of its commands: what it takes for granted, and what must come of it.

All of them are read on the stage of the demo: namespace shop with `orders`, `catalog` and `billing`, Ready. Each page
finds that, in a folder with a copy of this repository's deploy/ and crds/, and with `orders` as deploy/samples has it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pages import DOCS, REPOSITORY

GROUP = "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/shop-rg"
ORDERS = """kubectl apply -n shop -f deploy/samples/orders.yaml
kubectl wait -n shop --for=condition=Ready fab/orders --timeout=1m
"""
MANIFEST = "kubectl config set-context --current --namespace shop; cp deploy/samples/orders.yaml .\n"
NEW_CLUSTER = "export KUBECONFIG=$OTHER_KUBECONFIG\n"
OLD_CLUSTER = "export KUBECONFIG=$PWD/kubeconfig\n"
INSTALLED_AGAIN = """kubectl apply -k platform/funcgate
kubectl wait --for=condition=Established crd/functionapibindings.funcgate.dev
kubectl apply -n shop -f deploy/samples/orders.yaml
"""
A_RELEASE = "helm upgrade --install funcgate deploy/chart --namespace funcgate-system --create-namespace\n"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """
    `put`: what the reader puts in for what is printed. `before`: what is typed before the block of that number, from 0.
    `statuses`: how commands end that fail on purpose, by block. `says`: patterns that the output has, in this order.
    """

    put: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[int, str] = field(default_factory=dict)
    statuses: Mapping[int, Sequence[int]] = field(default_factory=dict)
    says: Sequence[str] = ()


READINGS: Mapping[str, Reading] = {
    "explanation/scopes.md": Reading(
        says=[r"namespace/shop annotated"] * 4,
    ),
    "how-to/adopt-an-imported-api.md": Reading(
        put={"orders": "billing"},
        before={
            1: "kubectl config set-context --current --namespace shop; cp deploy/samples/billing.yaml billing.yaml\n"
        },
        says=[
            r"Microsoft\.ApiManagement/service/contoso",
            r"sites/billing-fn",
            r"fab|functionapibinding",
            "condition met",
        ],
    ),
    "how-to/build-the-image.md": Reading(
        put={"make sbom": "make --dry-run sbom"},  # tests/integration/test_image.py does what it says
        says=[
            r"docker build -t funcgate:",
            r"docker build --build-arg BASE=python:3\.13-slim-trixie@sha256:",
            "cyclonedx-py",
        ],
    ),
    "how-to/delete-a-binding.md": Reading(
        before={1: ORDERS},
        says=[r'"orders" deleted', "InSync", "orders annotated"],
    ),
    "how-to/install-on-aks.md": Reading(
        says=[r"deployment \"funcgate\" successfully rolled out", r"rolebinding\S* created"],
    ),
    "how-to/install-with-helm.md": Reading(
        before={0: NEW_CLUSTER},
        says=["namespace/funcgate-system created", "STATUS: deployed", "No resources found"],
    ),
    "how-to/move-between-clusters.md": Reading(
        says=["deleted", "deployment.apps/funcgate scaled", "created", "condition met"],
    ),
    "how-to/pause-observe-let-go.md": Reading(
        before={3: "kubectl annotate fab orders -n shop funcgate.dev/reconcile-policy-\n"},
        says=["annotated", "annotated", "annotated", "orders +True", r'"orders" deleted'],
    ),
    "how-to/plan-in-ci.md": Reading(
        put={"prod": "demo", "deploy/samples": "manifests"},
        before={0: "mkdir -p manifests; kubectl get fab,configmap -n shop -o yaml > manifests/shop.yaml\n"},
        says=["nothing to do"],
    ),
    "how-to/private-networks.md": Reading(says=["annotated", "orders +True"]),
    "how-to/prove-that-it-works.md": Reading(
        put={"KEY": "0123456789abcdef"},
        says=["secret/orders-probe created", "role.* created", "rolebinding.* created"],
    ),
    "how-to/publish-functions.md": Reading(
        before={0: MANIFEST}, says=["orders (unchanged|configured)", "condition met"]
    ),
    "how-to/publish-what-a-document-describes.md": Reading(
        put={"catalog-openapi": "menu-openapi"},
        before={
            0: "kubectl get configmap catalog-openapi -n shop -o jsonpath='{.data.openapi\\.yaml}' > openapi.yaml\n"
        },
        says=["configmap/menu-openapi created", "role.* created", "rolebinding.* created"],
    ),
    "how-to/rotate-the-host-key.md": Reading(says=["orders annotated"]),
    "how-to/see-the-sign-in.md": Reading(says=["^77777777-"]),
    "how-to/several-teams.md": Reading(
        put={"namespace shop": "namespace crew", "-n shop": "-n crew"},
        says=["namespace/crew created", "annotated", "annotated", "rolebinding.* created"],
    ),
    "how-to/sovereign-clouds.md": Reading(says=[r'"ver":']),
    "how-to/upgrade.md": Reading(
        before={1: NEW_CLUSTER + A_RELEASE},
        statuses={0: [1]},  # something will change: who applied it last
        says=["serverside-applied", "condition met", "successfully rolled out", "STATUS: deployed"],
    ),
    "how-to/use-a-user-assigned-identity.md": Reading(says=["userAssignedIdentities/caller"]),
    "how-to/use-the-kubectl-plugin.md": Reading(
        put={
            # tests/integration/test_walk.py installs the wheel; and only one shell reads here
            "python3 -m venv ~/.funcgate && ~/.funcgate/bin/pip install .": "ln -s $PROGRAMS/.. ~/.funcgate",
            "source <(funcgate completion zsh)": "funcgate completion zsh",
        },
        statuses={0: [1]},  # a warning: the tests' own programs have the plugin, too
        before={4: "mkdir -p ~/.config/fish/completions\n"},
        says=["kubectl-funcgate", "✓ door", "orders paused", "orders resumed|orders not paused", "Ready True InSync"],
    ),
    "how-to/write-the-manifest-of-what-you-have.md": Reading(
        put={"--api orders": "--api shop-orders"},
        before={0: "export FUNCGATE_INSTANCE_ID=demo\n"},
        says=["nothing to do"],
    ),
    "reference/conditions.md": Reading(says=["InSync", "Events:", "condition met"]),
    "reference/versions.md": Reading(says=[r'\["v1alpha1"\]', "orders annotated"]),
    "README.md": Reading(
        put={"/subscriptions/…/resourceGroups/shop-rg": GROUP, "your-overlay": "platform/funcgate"},
        before={1: MANIFEST},
        says=["condition met"],
    ),
    "how-to/uninstall.md": Reading(
        before={
            1: "kubectl apply -k platform/funcgate\n",
            2: NEW_CLUSTER + A_RELEASE,
            4: OLD_CLUSTER,
            5: INSTALLED_AGAIN,
        },
        says=["annotated", "deleted", "No resources found", 'release "funcgate" uninstalled', "deleted", "annotated"],
    ),
}
"""By the page, below docs/ or beside it. They are read in this order: the last one takes all of it away."""

ELSEWHERE: Mapping[str, str] = {
    "tutorial.md": "tests/integration/test_walk.py types all of it",
    "how-to/argo-cd.md": "tests/integration/test_argocd.py, where Argo CD's kinds are served",
    "how-to/flux.md": "tests/integration/test_argocd.py, where Flux's kinds are served",
}
"""Pages whose commands and manifests another test takes."""

OTHERWISE: Mapping[str, str] = {
    "make demo     # all": "CI runs these two: `make test` has the demo in it",
}
"""Blocks that are not typed, by how they begin, and why."""


def all_pages() -> list[Path]:
    """Every page that may have something to type."""
    beside = [REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
    return [*beside, *sorted(DOCS.rglob("*.md"))]


def path_of(name: str) -> Path:
    """The page of that name in the tables."""
    return REPOSITORY / name if (REPOSITORY / name).exists() else DOCS / name


def name_of(page: Path) -> str:
    """What the tables call the page."""
    return str(page.relative_to(DOCS if page.is_relative_to(DOCS) else REPOSITORY))

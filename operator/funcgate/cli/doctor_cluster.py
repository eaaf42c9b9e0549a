"""What `doctor` looks at in the cluster: the way to it, our kind and its schema, the operator's rights."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from funcgate.cli.cluster import NoCluster, listed, reached
from funcgate.cli.finding import Finding, Operator, Seen, right, unseen, wrong
from funcgate.cli.needs import RIGHTS, SCHEMA, Right, fingerprint
from funcgate.controller.access import NoAccess
from funcgate.controller.bindings import NotInstalled, ensure_installed
from funcgate.controller.cache import Snapshot
from funcgate.controller.kube import Kube, KubeError
from funcgate.settings import Settings, SettingsError
from funcgate.spec import GROUP, KIND, VERSION

APPLY_KIND = "kubectl apply -k crds/"
APPLY_OPERATOR = "kubectl apply -k deploy/"
OURS = "labelSelector=app.kubernetes.io/name%3Dfuncgate"
SCHEMAS = f"/openapi/v3/apis/{GROUP}/{VERSION}"
REVIEWS = "/apis/authorization.k8s.io/v1"
WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


async def findings(operator: Operator) -> tuple[list[Finding], Seen]:
    """What there is to say, and what the cluster tells of the rest."""
    try:
        async with reached() as (kube, way):
            version = await kube.get("/version")
            where = f"{way.access.server} (context {way.context})"
            cluster = right("cluster", f"Kubernetes {version.get('gitVersion')} answers at {where}")
            variables = await _variables(kube, operator)
            namespaces = _namespaces(variables)
            kind, rights, bindings = await asyncio.gather(
                _kind(kube), _rights(kube, operator, namespaces), _bindings(kube, namespaces)
            )
            seen = Seen(variables=variables, hosts=_hosts(bindings), assigns=any(map(_assigns, bindings)))
            return [cluster, kind, rights], seen
    except (NoAccess, NoCluster) as error:
        nothing = "the cluster could not be asked"
        wrong_way = wrong("cluster", str(error), mend=("kubectl config get-contexts",))
        return [wrong_way, unseen("kind", nothing), unseen("cluster rights", nothing)], Seen()


async def _variables(kube: Kube, operator: Operator) -> Mapping[str, str]:
    """What the operator's ConfigMap says, as far as it may be read."""
    found: dict[str, str] = {}
    home = f"namespaces/{operator.namespace}"
    with suppress(KubeError):
        for deployment in (await kube.get(f"/apis/apps/v1/{home}/deployments?{OURS}")).get("items") or ():
            for container in deployment["spec"]["template"]["spec"]["containers"]:
                for source in container.get("envFrom") or ():
                    if name := (source.get("configMapRef") or {}).get("name"):
                        found |= (await kube.get(f"/api/v1/{home}/configmaps/{name}")).get("data") or {}
    return {name: text for name, text in found.items() if name.startswith("FUNCGATE_")}


def _namespaces(variables: Mapping[str, str]) -> Sequence[str]:
    """Those that the operator watches; none when it watches all, or nobody can tell."""
    try:
        return Settings.read(variables).namespaces
    except SettingsError:
        return ()


async def _bindings(kube: Kube, namespaces: Sequence[str]) -> Sequence[Snapshot]:
    try:
        lists = await asyncio.gather(*(listed(kube, each or None) for each in namespaces or [""]))
    except KubeError:
        return ()
    return [binding for each in lists for binding in each.values()]


def _hosts(bindings: Sequence[Snapshot]) -> Sequence[str]:
    statuses = [each.status for each in bindings]
    gateways = {str(status.get("gatewayUrl") or "").removeprefix("https://") for status in statuses}
    return sorted((gateways | {str(status.get("hostName") or "") for status in statuses}) - {""})


def _assigns(binding: Snapshot) -> bool:
    return bool((binding.spec.get("entra") or {}).get("requireAssignment"))


# --- our kind


async def _kind(kube: Kube) -> Finding:
    try:
        await ensure_installed(kube)
        served = await kube.get(SCHEMAS, timeout_seconds=30)
    except NotInstalled as error:
        return wrong("kind", str(error), mend=(APPLY_KIND,))
    except KubeError as error:
        return unseen("kind", f"its schema cannot be read: {error}")
    found = fingerprint(published(served))
    if found != SCHEMA:
        says = f"{KIND} {VERSION} has schema {found}, this version of funcgate was made for {SCHEMA}"
        return wrong("kind", f"{says}; bring the older of the two up to date", mend=(APPLY_KIND,))
    return right("kind", f"{KIND} {VERSION} is served with schema {found}, as this version needs it")


def published(served: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schemas of spec and status, as the API server tells everybody who asks."""
    schemas = served.get("components", {}).get("schemas", {})
    found: list[Mapping[str, Any]] = [each for name, each in schemas.items() if name.endswith(f".{KIND}")]
    properties = found[0].get("properties", {}) if found else {}
    return {name: properties.get(name, {}) for name in ("spec", "status")}


# --- the operator's rights


async def _rights(kube: Kube, operator: Operator, namespaces: Sequence[str]) -> Finding:
    """Asked of the API server: about itself by everybody, about others by those who may."""
    try:
        me = (await kube.create(WHOAMI, _review("authentication", "SelfSubjectReview")))["status"]["userInfo"]
        itself = me.get("username") == operator.user
        needed = list(_needed(operator, namespaces))
        allowed = await asyncio.gather(*(_allowed(kube, operator, *each, itself=itself) for each in needed))
    except KubeError as error:
        if error.status != 403:
            return unseen("cluster rights", f"cannot be asked for: {error}")
        return unseen(
            "cluster rights",
            "you may not ask what others may do (create subjectaccessreviews); ask the operator itself",
            mend=(operator.inside,),
        )
    lacking = [each for each, yes in zip(needed, allowed, strict=True) if not yes]
    if lacking:
        names = ", ".join(f"{each} in {where}" if where else str(each) for each, where in lacking)
        return wrong("cluster rights", f"{operator.user} may not {names}", mend=(APPLY_OPERATOR,))
    return right("cluster rights", f"{operator.user} may do all {len(needed)} things that it must")


def _needed(operator: Operator, namespaces: Sequence[str]) -> Iterator[tuple[Right, str]]:
    """Each right, and the namespace in which it is needed; empty where it is the whole cluster."""
    for each in RIGHTS:
        yield from ((each, place) for place in ([operator.namespace] if each.at_home else namespaces or [""]))


async def _allowed(kube: Kube, operator: Operator, needed: Right, namespace: str, *, itself: bool) -> bool:
    resource, _, below = needed.resource.partition("/")
    attributes = {"group": needed.group, "resource": resource, "subresource": below, "verb": needed.verb}
    if namespace:
        attributes["namespace"] = namespace
    groups = ["system:authenticated", "system:serviceaccounts", f"system:serviceaccounts:{operator.namespace}"]
    kind, whom = ("Self", {}) if itself else ("", {"user": operator.user, "groups": groups})
    review = _review("authorization", f"{kind}SubjectAccessReview")
    review["spec"] = {"resourceAttributes": attributes} | whom
    answer = await kube.create(f"{REVIEWS}/{kind.lower()}subjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


def _review(group: str, kind: str) -> dict[str, Any]:
    return {"apiVersion": f"{group}.k8s.io/v1", "kind": kind}

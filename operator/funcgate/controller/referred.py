"""What a binding refers to in its own namespace. The operator may read it only where somebody granted that."""

import base64
import binascii
from typing import Protocol

from funcgate.controller.kube import Json, KubeError, Missing, Unavailable
from funcgate.errors import Unmet
from funcgate.secrets import Secret
from funcgate.spec import ConfigMapRef, SecretRef

FORBIDDEN = 403
ON_ITS_WAY = 5.0
"""Seconds until what is not there yet is worth another look: it may have been applied together with the binding."""
HOME = "funcgate-system"
"""Where the operator's service account is, unless its settings say otherwise."""


class Getter(Protocol):
    """The Kubernetes API, as far as it is needed here."""

    async def get(self, path: str) -> Json: ...


async def secret(kube: Getter, namespace: str, ref: SecretRef, home: str = HOME) -> Secret:
    """The value under that key. Raises Unmet, which keeps nothing from being Ready, when it is not to be had."""
    try:
        return _decoded(await _get(kube, namespace, "Secret", ref.name, home), namespace, ref)
    except Unmet as unmet:
        raise Unmet(unmet.reason, unmet.message, status="Unknown", stalled=unmet.stalled, blocking=False) from None


async def document(kube: Getter, namespace: str, ref: ConfigMapRef, home: str = HOME) -> str:
    """The text under that key. Raises Unmet with the way out when it is not to be had."""
    data = (await _get(kube, namespace, "ConfigMap", ref.name, home)).get("data") or {}
    text = data.get(ref.key)
    if not isinstance(text, str) or not text.strip():
        where = f"ConfigMap {ref.name} in namespace {namespace}"
        text = f"{where} has no text under the key {ref.key}; add it"
        raise Unmet("DocumentNotFound", text, stalled=True, after_seconds=ON_ITS_WAY)
    return text


NAMES = {"Secret": "Secret", "ConfigMap": "Document"}
"""What reasons call each kind."""


async def _get(kube: Getter, namespace: str, kind: str, name: str, home: str) -> Json:
    path = f"/api/v1/namespaces/{namespace}/{kind.lower()}s/{name}"
    try:
        return await kube.get(path)
    except Missing:
        text = f"namespace {namespace} has no {kind} {name}; create it"
        raise Unmet(f"{NAMES[kind]}NotFound", text, stalled=True, after_seconds=ON_ITS_WAY) from None
    except Unavailable:
        text = "the Kubernetes API does not answer"
        raise Unmet(f"{NAMES[kind]}NotReadable", text, status="Unknown") from None
    except KubeError as refused:
        if refused.status != FORBIDDEN:
            raise
        text = _grant(namespace, kind, name, home)
        reason = f"{NAMES[kind]}NotReadable"
        raise Unmet(reason, text, status="Unknown", stalled=True, after_seconds=ON_ITS_WAY) from None


def _decoded(body: Json, namespace: str, ref: SecretRef) -> Secret:
    held = (body.get("data") or {}).get(ref.key)
    if held is None:
        raise _missing(f"Secret {ref.name} in namespace {namespace} has no key {ref.key}; add it")
    try:
        text = base64.b64decode(held, validate=True).decode().strip()
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    if not text or not text.isprintable():  # what is no single line fits into no header
        raise _missing(f"key {ref.key} of Secret {ref.name} holds no line of text; put one there")
    return Secret(text)


def _grant(namespace: str, kind: str, name: str, home: str) -> str:
    role = f"funcgate-{name}"
    return (
        f"the operator may not get {kind} {name}; allow it just that one: kubectl create role {role} -n {namespace} "
        f"--verb=get --resource={kind.lower()}s --resource-name={name} && kubectl create rolebinding {role} "
        f"-n {namespace} --role={role} --serviceaccount={home}:funcgate"
    )


def _missing(message: str) -> Unmet:
    return Unmet("SecretNotFound", message, stalled=True)

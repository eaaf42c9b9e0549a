"""What a binding refers to in its own namespace. The operator may read it only where somebody granted that."""

import base64
import binascii
from typing import Protocol

from funcgate.azure import Secret
from funcgate.controller.kube import Json, KubeError, Missing, Unavailable
from funcgate.errors import Unmet
from funcgate.spec import SecretRef

FORBIDDEN = 403


class Getter(Protocol):
    """The Kubernetes API, as far as it is needed here."""

    async def get(self, path: str) -> Json: ...


async def secret(kube: Getter, namespace: str, ref: SecretRef) -> Secret:
    """The value under that key. Raises Unmet with the way out when it is not to be had."""
    try:
        body = await kube.get(f"/api/v1/namespaces/{namespace}/secrets/{ref.name}")
    except Missing:
        raise _unproven("SecretNotFound", f"namespace {namespace} has no Secret {ref.name}; create it") from None
    except Unavailable:
        raise _unproven("SecretNotReadable", "the Kubernetes API does not answer", stalled=False) from None
    except KubeError as refused:
        if refused.status != FORBIDDEN:
            raise
        raise _unproven("SecretNotReadable", _grant(namespace, ref.name)) from None
    return _decoded(body, namespace, ref)


def _decoded(body: Json, namespace: str, ref: SecretRef) -> Secret:
    held = (body.get("data") or {}).get(ref.key)
    if held is None:
        raise _unproven("SecretNotFound", f"Secret {ref.name} in namespace {namespace} has no key {ref.key}; add it")
    try:
        text = base64.b64decode(held, validate=True).decode().strip()
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    if not text or not text.isprintable():  # what is no single line fits into no header
        raise _unproven("SecretNotFound", f"key {ref.key} of Secret {ref.name} holds no line of text; put one there")
    return Secret(text)


def _grant(namespace: str, name: str) -> str:
    return (
        f"the operator may not get Secret {name}; allow it just that one: kubectl create role funcgate-{name} -n "
        f"{namespace} --verb=get --resource=secrets --resource-name={name} && kubectl create rolebinding "
        f"funcgate-{name} -n {namespace} --role=funcgate-{name} --serviceaccount=funcgate-system:funcgate"
    )


def _unproven(reason: str, message: str, *, stalled: bool = True) -> Unmet:
    """Nothing is proven either way: Ready does not wait for it."""
    return Unmet(reason, message, status="Unknown", stalled=stalled, blocking=False)

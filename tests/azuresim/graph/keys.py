"""
Certificates of an application or a service principal: written whole with `keyCredentials`, good for signing in at once.

What is not named any more is gone; one that stays is named by its keyId. The certificate itself is shown only when one
object is read with $select=keyCredentials. Sources: learn.microsoft.com/graph/api/resources/keycredential and
application-update; learn.microsoft.com/graph/applications-how-to-add-certificate. The texts are assumed.
"""

from __future__ import annotations

import base64
import contextlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from azuresim.entra.directory import Body
from azuresim.graph.request import GraphError, GraphRequest, bad_request
from azuresim.graph.shapes import instant

TYPES = {"AsymmetricX509Cert", "X509CertAndPassword", "Symmetric"}
USAGES = {"Sign", "Verify"}
SHOWN = "%Y-%m-%dT%H:%M:%SZ"


def keys_of(body: Body) -> list[Body]:
    return body.get("keyCredentials") or []


def settle(request: GraphRequest, before: Body, after: Body) -> None:
    """What was written as Graph keeps them; the client signs in with these, and no more with those of before."""
    had = {str(one["keyId"]): one for one in keys_of(before) if one.get("keyId")}
    settled = [kept(request, had, sent) for sent in keys_of(after)]
    after["keyCredentials"] = [shown for shown, _ in settled]
    stay = {shown["keyId"] for shown, _ in settled}
    entra = request.world.entra
    trusted = entra.certificates.setdefault(after["appId"].lower(), [])
    for key_id in had.keys() - stay:
        with contextlib.suppress(ValueError):
            trusted.remove(entra.secret_of_key.pop(key_id, ""))
    for shown, pem in settled:
        if pem:
            trusted.append(pem)
            entra.secret_of_key[shown["keyId"]] = pem


def refuse_bad(request: GraphRequest, sent: Body) -> None:
    """400 for a new object with what is no certificate."""
    for one in keys_of(sent):
        kept(request, {}, one)


def kept(request: GraphRequest, had: dict[str, Body], sent: Body) -> tuple[Body, str]:
    """What is shown of one, and its certificate when that is new."""
    old = had.get(sent.get("keyId") or "")
    if old is not None and not sent.get("key"):
        return old, ""
    if old is not None:
        raise bad_request(f"Update to existing credential with KeyId '{old['keyId']}' is not allowed.")
    for name, allowed in (("type", TYPES), ("usage", USAGES)):
        if sent.get(name) not in allowed:
            raise invalid(name)
    certificate = certificate_in(sent.get("key") or "")
    ends = sent.get("endDateTime")
    if ends and instant(ends) > certificate.not_valid_after_utc:
        raise bad_request("Key credential end date is invalid.", "KeyCredentialsInvalidEndDate")
    thumbprint = certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303  # what Graph shows
    shown = {
        "customKeyIdentifier": sent.get("customKeyIdentifier") or thumbprint,
        "displayName": sent.get("displayName") or certificate.subject.rfc4514_string(),
        "endDateTime": ends or certificate.not_valid_after_utc.strftime(SHOWN),
        "key": None,
        "keyId": sent.get("keyId") or request.world.guid(),
        "startDateTime": sent.get("startDateTime") or certificate.not_valid_before_utc.strftime(SHOWN),
        "type": sent["type"],
        "usage": sent["usage"],
    }
    return shown, certificate.public_bytes(serialization.Encoding.PEM).decode()


def certificate_in(key: str) -> x509.Certificate:
    raw = base64.b64decode(key)
    try:
        return x509.load_pem_x509_certificate(raw) if raw.startswith(b"-----") else x509.load_der_x509_certificate(raw)
    except ValueError:
        raise invalid("key") from None


def invalid(name: str) -> GraphError:
    return bad_request(f"Invalid value specified for property '{name}' of resource 'KeyCredential'.")


def with_keys(request: GraphRequest, body: Body) -> Body:
    """The certificates too, for who reads one object and asks for `keyCredentials` by name."""
    return {**body, "keyCredentials": [{**one, "key": der_of(request, str(one.get("keyId")))} for one in keys_of(body)]}


def der_of(request: GraphRequest, key_id: str) -> str | None:
    pem = request.world.entra.secret_of_key.get(key_id)
    if pem is None:
        return None
    certificate = x509.load_pem_x509_certificate(pem.encode())
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()

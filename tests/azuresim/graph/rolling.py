"""
Certificates rolled by who has one: addKey and removeKey, with a proof that one of the present keys signed.

An application needs no permission to roll its own. The proof is a token for the directory, issued by the object itself,
and at most ten minutes old. Sources: learn.microsoft.com/graph/api (application-addkey, application-removekey,
serviceprincipal-addkey), learn.microsoft.com/graph/application-rollkey-prooftoken. The refusals' texts are assumed.
"""

from __future__ import annotations

import contextlib
from typing import Any

import jwt
from cryptography import x509

from azuresim.entra.directory import Body
from azuresim.graph import keys
from azuresim.graph.request import SCHEMA, GraphError, GraphRequest, bad_request, writable
from azuresim.graph.shapes import refuse_wrong_types
from azuresim.wire import HttpAnswer

AUDIENCE = "00000002-0000-0000-c000-000000000000"
ALGORITHMS = ["RS256", "PS256", "ES256"]
LONGEST = 600


def add_key(request: GraphRequest) -> HttpAnswer:
    body, sent = rolled(request), request.json()
    wanted = sent.get("keyCredential")
    if not isinstance(wanted, dict):
        raise bad_request("Invalid value specified for property 'keyCredential'.")
    refuse_wrong_types(wanted, "keyCredential")
    before, had = dict(body), {one["keyId"] for one in keys.keys_of(body) if one.get("keyId")}
    if wanted.get("keyId") in had:
        raise bad_request(f"Update to existing credential with KeyId '{wanted['keyId']}' is not allowed.")
    after = {**body, "keyCredentials": [*keys.keys_of(body), wanted]}
    keys.settle(request, body, after)
    body.update(after)
    request.record(f"/{request.kind}/{body['id']}", before, body)
    (made,) = [one for one in keys.keys_of(body) if one.get("keyId") not in had]
    return HttpAnswer.json(200, {"@odata.context": f"{SCHEMA}microsoft.graph.keyCredential", **made})


def remove_key(request: GraphRequest) -> HttpAnswer:
    body, sent = rolled(request), request.json()
    kept = [one for one in keys.keys_of(body) if one.get("keyId") != sent.get("keyId")]
    if len(kept) == len(keys.keys_of(body)):
        raise bad_request(f"No key credential found with keyId '{str(sent.get('keyId'))[:80]}'.")
    before, after = dict(body), {**body, "keyCredentials": kept}
    keys.settle(request, body, after)
    body.update(after)
    request.record(f"/{request.kind}/{body['id']}", before, body)
    return HttpAnswer(204)


def rolled(request: GraphRequest) -> Body:
    """The object of the path, when this is its owner or itself, and the proof is good."""
    found = request.find(request.objects)
    body = found if request.caller.client_id == found["appId"] else writable(request)
    proof = request.json().get("proof")
    if not isinstance(proof, str) or not proven(request, body, proof):
        text = "The proof of possession of the key is missing or invalid."
        raise GraphError(403, "Authorization_RequestDenied", text)
    return body


def proven(request: GraphRequest, body: Body, proof: str) -> bool:
    now = request.world.clock.timestamp()
    expected: Any = {"algorithms": ALGORITHMS, "audience": AUDIENCE, "issuer": body["id"]}
    options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "require": ["exp", "nbf"]}
    for pem in request.world.entra.certificates.get(body["appId"].lower(), []):
        key: Any = x509.load_pem_x509_certificate(pem.encode()).public_key()
        with contextlib.suppress(jwt.PyJWTError, TypeError):
            claims = jwt.decode(proof, key, options=options, **expected)
            return bool(claims["nbf"] <= now < claims["exp"] <= claims["nbf"] + LONGEST)
    return False

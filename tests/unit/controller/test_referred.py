"""What a binding refers to in its namespace."""

import base64
from typing import Any

import pytest

from funcgate.controller.kube import Conflict, KubeError, Missing, Unavailable
from funcgate.controller.referred import document, secret
from funcgate.errors import Unmet
from funcgate.spec import ConfigMapRef, SecretRef

REF = SecretRef(name="probe", key="subscription-key")


class Holder:
    """One Secret, or an error in its place."""

    def __init__(self, body: Any) -> None:
        self.body = body
        self.asked: list[str] = []

    async def get(self, path: str) -> dict[str, Any]:
        self.asked.append(path)
        if isinstance(self.body, Exception):
            raise self.body
        return {"data": self.body}


def encoded(text: bytes) -> str:
    return base64.b64encode(text).decode()


async def test_the_value_is_read_and_not_shown() -> None:
    holder = Holder({"subscription-key": encoded(b"hush\n")})
    found = await secret(holder, "shop", REF)
    assert (found.reveal(), str(found), holder.asked) == ("hush", "(secret)", ["/api/v1/namespaces/shop/secrets/probe"])


@pytest.mark.parametrize(
    ("body", "reason", "words", "stalled"),
    [
        (Missing(404, "NotFound", ""), "SecretNotFound", "namespace shop has no Secret probe", True),
        ({}, "SecretNotFound", "has no key subscription-key", True),
        (None, "SecretNotFound", "has no key subscription-key", True),
        ({"subscription-key": "%"}, "SecretNotFound", "holds no line of text", True),
        ({"subscription-key": encoded(b"\xff\xfe")}, "SecretNotFound", "holds no line of text", True),
        ({"subscription-key": encoded(b"two\nlines")}, "SecretNotFound", "holds no line of text", True),
        ({"subscription-key": encoded(b"nul\0")}, "SecretNotFound", "holds no line of text", True),
        ({"subscription-key": encoded(b"\n")}, "SecretNotFound", "holds no line of text", True),
        (KubeError(403, "Forbidden", ""), "SecretNotReadable", "--resource-name=probe", True),
        (Unavailable(0, "TimeoutError", ""), "SecretNotReadable", "does not answer", False),
    ],
)
async def test_what_is_not_to_be_had_is_named_with_the_way_out(
    body: Any, reason: str, words: str, stalled: bool
) -> None:
    with pytest.raises(Unmet) as unmet:
        await secret(Holder(body), "shop", REF)
    assert (unmet.value.reason, unmet.value.stalled, unmet.value.blocking) == (reason, stalled, False)
    assert words in unmet.value.message


async def test_any_other_refusal_of_the_cluster_is_not_ours_to_explain() -> None:
    with pytest.raises(Conflict):
        await secret(Holder(Conflict(409, "Conflict", "")), "shop", REF)


DOCUMENT = ConfigMapRef(name="orders-openapi", key="openapi.yaml")


async def test_a_document_is_read_from_the_bindings_namespace() -> None:
    holder = Holder({"openapi.yaml": "openapi: 3.0.3"})
    assert await document(holder, "shop", DOCUMENT) == "openapi: 3.0.3"
    assert holder.asked == ["/api/v1/namespaces/shop/configmaps/orders-openapi"]


@pytest.mark.parametrize(
    ("body", "reason", "words", "soon"),
    [
        (Missing(404, "NotFound", ""), "DocumentNotFound", "namespace shop has no ConfigMap orders-openapi", True),
        ({"other": "x"}, "DocumentNotFound", "no text under the key openapi.yaml", True),
        ({"openapi.yaml": " "}, "DocumentNotFound", "no text under the key openapi.yaml", True),
        (
            KubeError(403, "Forbidden", ""),
            "DocumentNotReadable",
            "--resource=configmaps --resource-name=orders-openapi",
            True,
        ),
        (Unavailable(0, "TimeoutError", ""), "DocumentNotReadable", "does not answer", False),
    ],
)
async def test_a_document_that_is_not_to_be_had_stops_its_api_and_is_looked_for_soon_if_it_may_be_on_its_way(
    body: Any, reason: str, words: str, soon: bool
) -> None:
    with pytest.raises(Unmet) as unmet:
        await document(Holder(body), "shop", DOCUMENT)
    assert (unmet.value.reason, unmet.value.blocking) == (reason, True)
    assert (unmet.value.after_seconds is not None) is soon
    assert words in unmet.value.message

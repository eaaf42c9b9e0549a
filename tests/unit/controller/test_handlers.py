"""That Kopf only watches."""

import copy

import kopf

from funcgate.controller import handlers
from funcgate.controller.access import Access
from funcgate.controller.cache import FINALIZER
from funcgate.controller.handlers import REGISTRY, Context, NoDiffBase


def test_no_handler_makes_kopf_write_to_an_object() -> None:
    for kind in ("_changing", "_spawning", "_indexing", "_webhooks"):
        assert getattr(REGISTRY, kind).get_all_handlers() == [], kind
    assert len(REGISTRY._watching.get_all_handlers()) == 1


def test_kopf_stands_alone_scans_nothing_and_posts_nothing() -> None:
    settings = handlers.settings()
    assert (settings.peering.standalone, settings.scanning.disabled) == (True, True)
    assert (settings.posting.enabled, settings.posting.loggers) == (False, False)
    assert settings.process.ultimate_exiting_timeout is None


def test_kopf_never_takes_our_finalizer_for_its_own() -> None:
    assert handlers.settings().persistence.finalizer != FINALIZER


def test_nothing_of_an_object_is_kept_for_comparison() -> None:
    storage = handlers.settings().persistence.diffbase_storage
    assert isinstance(storage, NoDiffBase)
    assert (storage.build(body=kopf.Body({"spec": {"a": 1}})), storage.fetch(body=kopf.Body({}))) == ({}, None)


def test_a_label_selector_is_the_servers_matter() -> None:
    selectors = handlers.settings("shard=1").watching.label_selectors
    assert list(selectors.values()) == ["shard=1"]


async def test_the_login_carries_the_access_of_our_own_writes() -> None:
    access = Access(server="https://here", ca_data="PEM", fixed_token="t", certificate=("c", "k"))
    info = await handlers.login(memo=Context(access, None))  # type: ignore[arg-type]
    assert (info.server, info.ca_data, info.token) == ("https://here", "PEM", "t")
    assert (info.certificate_data, info.private_key_data, info.trust_env) == ("c", "k", False)
    assert info.expiration


def test_all_objects_share_one_context() -> None:
    context = Context(Access(server="https://here"), None)  # type: ignore[arg-type]
    assert copy.copy(context) is context

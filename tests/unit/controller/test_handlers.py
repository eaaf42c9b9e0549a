"""That Kopf only watches."""

import copy

import kopf

from funcgate.controller import handlers
from funcgate.controller.access import Access
from funcgate.controller.cache import FINALIZER, Snapshot
from funcgate.controller.handlers import REGISTRY, Context, NoDiffBase
from funcgate.controller.health import Health
from funcgate.controller.queue import Key
from objects import an_object


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
    info = await handlers.login(memo=Context(access, None, None))  # type: ignore[arg-type]
    assert (info.server, info.ca_data, info.token) == ("https://here", "PEM", "t")
    assert (info.certificate_data, info.private_key_data, info.trust_env) == ("c", "k", False)
    assert info.expiration


class Inlet:
    """An intake that keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[tuple[str, bool]] = []

    def saw(self, snapshot: Snapshot, *, listed: bool = False) -> None:
        self.given.append((snapshot.key.name, listed))

    def gone(self, key: Key, uid: str) -> None:
        self.given.append((f"{key.name} {uid} gone", False))


async def test_what_is_watched_is_taken_in_and_proves_the_watch_alive() -> None:
    health, inlet = Health(clock=iter(range(9)).__next__), Inlet()
    context = Context(Access(server="https://here"), inlet, health)  # type: ignore[arg-type]
    for type_ in (None, "MODIFIED", "DELETED"):
        await handlers.seen(type=type_, body=kopf.Body(an_object()), memo=context)
    assert inlet.given == [("orders", True), ("orders", False), ("orders uid-orders gone", False)]
    assert health.heard_at == 3


def test_all_objects_share_one_context() -> None:
    context = Context(Access(server="https://here"), None, None)  # type: ignore[arg-type]
    assert copy.copy(context) is context

import pytest

from builders import SITE, a_binding
from funcgate.names import LONGEST_KEY, app_name, backend_name, host_key_names, named_value_name, registration_name
from funcgate.spec import Binding


@pytest.mark.parametrize(("site", "name"), [("orders-fn", "orders-fn"), ("Orders-FN", "orders-fn"), ("a--b", "a-b")])
def test_names_are_those_of_the_import(site: str, name: str) -> None:
    binding = a_binding(functionApp={"id": SITE.replace("orders-fn", site)})
    assert (backend_name(binding), named_value_name(binding)) == (name, f"{name}-key")


def _key(binding: Binding) -> str:
    return host_key_names(binding)[0]


def test_a_slots_things_are_told_from_its_apps() -> None:
    slot = a_binding(functionApp={"id": f"{SITE}/slots/Staging"})
    assert (backend_name(slot), app_name(slot)) == ("orders-fn-staging", "orders-fn-Staging")
    assert registration_name(slot) != registration_name(a_binding())


def a_binding_called(namespace: str, name: str, owner: str) -> Binding:
    known = a_binding()
    return Binding(namespace=namespace, name=name, generation=1, spec=known.spec, owner=owner)


def test_a_host_keys_name_carries_the_binding_and_tells_owners_apart() -> None:
    one = _key(a_binding_called("shop", "orders", "prod/shop/orders"))
    other = _key(a_binding_called("shop", "orders", "test/shop/orders"))
    assert one.startswith("funcgate-shop-orders-")
    assert one != other


def test_a_long_or_dotted_name_still_makes_a_key_name() -> None:
    long = _key(a_binding_called("n" * 63, "a." + "b" * 200, "prod/n/b"))
    assert len(long) <= LONGEST_KEY
    assert set(long) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert long != _key(a_binding_called("n" * 63, "a." + "c" * 200, "prod/n/c"))


def test_the_two_keys_that_take_turns_have_names_of_their_own() -> None:
    first, second = host_key_names(a_binding_called("shop", "orders", "prod/shop/orders"))
    assert first != second
    assert first[:-8] == second[:-8] == "funcgate-shop-orders-"

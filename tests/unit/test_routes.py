import re

import pytest

from funcgate.azure import Function
from funcgate.names import LONGEST
from funcgate.routes import METHODS, operations_of, routes_of, shape, templates_of


def a_function(name: str, route: str | None = None, *, disabled: bool = False, **trigger: object) -> Function:
    binding = {"type": "httpTrigger", "route": route, "methods": ["get"]} | trigger
    return Function(name=name, bindings=[binding], invoke_url_template=None, disabled=disabled)


def offered(*functions: Function) -> list[tuple[str, str]]:
    return [(each.method, each.template) for each in operations_of(functions)]


def names(*functions: Function) -> dict[str, str]:
    return {each.key: each.name for each in operations_of(functions)}


@pytest.mark.parametrize(
    ("route", "templates"),
    [
        ("orders", ("/orders",)),
        ("/orders/", ("/orders",)),
        ("orders/{id:int}", ("/orders/{id}",)),
        ("orders/{id:int:min(1)}/lines/{line}", ("/orders/{id}/lines/{line}",)),
        ("files/{*path}", ("/files/{*path}",)),
        ("files/{**path}", ("/files/{*path}",)),
        ("orders/{id?}", ("/orders/{id}", "/orders")),
        ("orders/{year=2026}/{month:int?}", ("/orders/{year}/{month}", "/orders/{year}", "/orders")),
        (r"days/{day:regex(^\\d{{4}}$)}", ("/days/{day}",)),
        ("{name}.{type}", ("/{name}.{type}",)),
        ("", ("/",)),
    ],
)
def test_a_route_becomes_the_templates_that_match_the_same(route: str, templates: tuple[str, ...]) -> None:
    assert templates_of(route) == templates


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("orders/{id}", "/orders/{number}", True),
        ("/Orders", "/orders", True),
        ("/*", "/{*rest}", True),
        ("/files/{path}", "/files/{*path}", False),
        ("/a", "/a/b", False),
    ],
)
def test_templates_of_one_shape_match_the_same_calls(one: str, other: str, same: bool) -> None:
    assert (shape("get", one) == shape("GET", other)) is same


def test_each_method_of_a_function_is_an_operation() -> None:
    assert offered(a_function("GetOrder", "orders/{id}", methods=["get", "HEAD"])) == [
        ("GET", "/orders/{id}"),
        ("HEAD", "/orders/{id}"),
    ]


@pytest.mark.parametrize("methods", [None, []])
def test_a_function_without_methods_answers_all_of_them(methods: list[str] | None) -> None:
    assert [method for method, _ in offered(a_function("Ping", methods=methods))] == list(METHODS)


def test_without_a_route_the_functions_name_is_it() -> None:
    assert offered(a_function("Ping")) == [("GET", "/Ping")]


def test_what_callers_cannot_start_is_left_out() -> None:
    timer = Function(name="Nightly", bindings=[{"type": "timerTrigger"}], invoke_url_template=None, disabled=False)
    assert offered(timer, a_function("Off", disabled=True), a_function("Purge", authLevel="admin")) == []


def test_an_operations_name_can_be_read_and_is_as_long_as_azure_allows() -> None:
    [short] = names(a_function("GetOrder", "orders/{id}")).values()
    [long] = names(a_function("Order" * 30)).values()
    assert re.fullmatch(r"get-getorder-[0-9a-f]{8}", short)
    assert re.fullmatch(r"get-(order)+[order]*-[0-9a-f]{8}", long)
    assert len(long) == LONGEST


def test_functions_whose_names_look_alike_have_operations_of_their_own() -> None:
    alike = [
        a_function("my_app", "a"),
        a_function("my-app", "b"),
        a_function("my--app", "c"),
        a_function("My_App", "d"),
    ]
    assert len(set(names(*alike).values())) == len(alike)


def test_an_operation_keeps_its_name_whatever_functions_come_or_go() -> None:
    stays, comes = a_function("my-app", "orders/{id?}"), a_function("my--app")
    assert names(stays).items() <= names(stays, comes).items()


def test_of_two_functions_on_one_route_the_first_by_name_is_taken() -> None:
    assert offered(a_function("Second", "orders/{a}"), a_function("First", "orders/{b}")) == [("GET", "/orders/{b}")]


def test_an_optional_end_is_an_operation_of_its_own() -> None:
    assert offered(a_function("List", "orders/{id?}")) == [
        ("GET", "/orders/{id}"),
        ("GET", "/orders"),
    ]


def test_the_placeholders_of_an_operation_are_known_by_name() -> None:
    [operation] = operations_of([a_function("Files", "files/{kind:alpha}/{*path}")])
    assert operation.parameters == ("kind", "path")


def test_the_host_has_routes_that_no_api_offers() -> None:
    maintenance = a_function("Purge", "{*rest}", authLevel="admin")
    timer = Function(name="Nightly", bindings=[{"type": "timerTrigger"}], invoke_url_template=None, disabled=False)
    assert routes_of([maintenance, timer, a_function("Orders", "orders/{id?}")]) == (
        "/orders",
        "/orders/{id}",
        "/{*rest}",
    )
    assert offered(maintenance, timer) == []

import pytest

from funcgate.azure import Function
from funcgate.routes import METHODS, operations_of, shape, templates_of


def a_function(name: str, route: str | None = None, *, disabled: bool = False, **trigger: object) -> Function:
    binding = {"type": "httpTrigger", "route": route, "methods": ["get"]} | trigger
    return Function(name=name, bindings=[binding], invoke_url_template=None, disabled=disabled)


def offered(*functions: Function) -> list[tuple[str, str, str]]:
    return [(each.method, each.template, each.name) for each in operations_of(functions)]


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


def test_each_method_of_a_function_is_an_operation_named_as_an_import_does() -> None:
    assert offered(a_function("GetOrder", "orders/{id}", methods=["get", "HEAD"])) == [
        ("GET", "/orders/{id}", "get-getorder"),
        ("HEAD", "/orders/{id}", "head-getorder"),
    ]


@pytest.mark.parametrize("methods", [None, []])
def test_a_function_without_methods_answers_all_of_them(methods: list[str] | None) -> None:
    assert [method for method, _, _ in offered(a_function("Ping", methods=methods))] == list(METHODS)


def test_without_a_route_the_functions_name_is_it() -> None:
    assert offered(a_function("Ping")) == [("GET", "/Ping", "get-ping")]


def test_what_callers_cannot_start_is_left_out() -> None:
    timer = Function(name="Nightly", bindings=[{"type": "timerTrigger"}], invoke_url_template=None, disabled=False)
    assert offered(timer, a_function("Off", disabled=True), a_function("Purge", authLevel="admin")) == []


def test_names_that_two_functions_would_share_get_a_number() -> None:
    assert offered(a_function("my_app", "a"), a_function("my-app", "b")) == [
        ("GET", "/b", "get-my-app"),
        ("GET", "/a", "get-my-app-n2"),
    ]


def test_of_two_functions_on_one_route_the_first_by_name_is_taken() -> None:
    assert offered(a_function("Second", "orders/{a}"), a_function("First", "orders/{b}")) == [
        ("GET", "/orders/{b}", "get-first")
    ]


def test_an_optional_end_is_an_operation_of_its_own() -> None:
    assert offered(a_function("List", "orders/{id?}")) == [
        ("GET", "/orders/{id}", "get-list"),
        ("GET", "/orders", "get-list-2"),
    ]


def test_the_placeholders_of_an_operation_are_known_by_name() -> None:
    [operation] = operations_of([a_function("Files", "files/{kind:alpha}/{*path}")])
    assert operation.parameters == ("kind", "path")

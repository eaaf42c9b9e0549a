import json
from dataclasses import replace
from pathlib import Path

import jsonschema

from builders import a_binding
from funcgate import plan_report
from funcgate.engine import Outcome, Pass, Write
from funcgate.model import Action, Drift, Phase

SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "plan.schema.json"

WRITE = Write(
    condition="BackendReady",
    key="backends/orders-fn",
    action=Action.UPDATE,
    drifts=(Drift(field="url", wanted="https://new", seen="https://old"),),
)
POLICY = Write(
    condition="PolicyReady",
    key="apis/orders/policies/policy",
    action=Action.CREATE,
    drifts=(),
    phase=Phase.SWITCH,
    diff=("@@ -0,0 +1 @@", "+<policies />"),
)
PENDING = Outcome(
    condition="BackendReady", status="False", reason="ChangesPending", message="update …", changes=(WRITE,)
)
SWITCHED = Outcome(
    condition="PolicyReady", status="False", reason="ChangesPending", message="create …", changes=(POLICY,)
)
WAITING = Outcome(condition="PolicyReady", status="Unknown", reason="Waiting", message="waits for the backend")
OPEN = Outcome(condition="EasyAuthReady", status="False", reason="DoorOpen", message="closing it waits for the backend")
STALLED = Outcome(
    condition="ApiReady", status="False", reason="ApiNotFound", message="no API *named* that", stalled=True
)
HELD = Outcome(
    condition="EasyAuthReady", status="False", reason="WouldCutOff", message="set adopt", stalled=True, held=(WRITE,)
)
SETTLED = Outcome(condition="ApiReady", status="True", reason="InSync", message="Published.")
MANY = replace(PENDING, implausible="deletes 12 of the 14 that stand there")
REFUSED = Outcome(condition="ApiReady", status="False", reason="ImplausibleRemoval", message="lists none", stalled=True)


def a_pass(*outcomes: Outcome) -> Pass:
    return Pass(binding=a_binding(), outcomes=outcomes)


# --- text


def text(*outcomes: Outcome) -> list[str]:
    return list(plan_report.text("shop/orders", a_pass(*outcomes)))


def test_a_plan_shows_each_write_with_its_fields_and_what_stands_in_the_way() -> None:
    assert text(PENDING, WAITING, STALLED, SETTLED) == [
        "shop/orders",
        "  ~ backends/orders-fn  (BackendReady)",
        "      url: https://old → https://new",
        "  · PolicyReady: Waiting: waits for the backend",
        "  ! ApiReady: ApiNotFound: no API *named* that",
        "  0 to create, 1 to change, 0 to delete",
    ]


def test_writes_are_shown_in_the_order_of_their_phases_and_a_policy_with_its_lines() -> None:
    assert text(SWITCHED, PENDING)[1:] == [
        "  ~ backends/orders-fn  (BackendReady)",
        "      url: https://old → https://new",
        "  + apis/orders/policies/policy  (PolicyReady)",
        "      @@ -0,0 +1 @@",
        "      +<policies />",
        "  1 to create, 1 to change, 0 to delete",
    ]


def test_a_settled_binding_has_nothing_to_do() -> None:
    assert text(SETTLED) == ["shop/orders", "  nothing to do"]


def test_what_is_held_back_is_no_write_and_is_shown_beside_its_reason() -> None:
    assert text(HELD)[1:] == [
        "  ! EasyAuthReady: WouldCutOff: set adopt",
        "      held back: ~ backends/orders-fn  (BackendReady)",
        "          url: https://old → https://new",
    ]


def test_many_deletions_are_marked() -> None:
    assert "  ?! BackendReady: hard to believe: deletes 12 of the 14 that stand there" in text(MANY)
    assert "  ?! ApiReady: hard to believe: lists none" in text(REFUSED)


# --- data


def test_a_plan_is_data_too() -> None:
    assert plan_report.data("shop/orders", a_pass(PENDING)) == {
        "binding": "shop/orders",
        "ok": False,
        "summary": {"create": 0, "change": 1, "delete": 0},
        "implausible": False,
        "doubts": [],
        "changes": [
            {
                "part": "BackendReady",
                "key": "backends/orders-fn",
                "action": "update",
                "phase": "add",
                "fields": [{"field": "url", "before": "https://old", "after": "https://new"}],
                "diff": [],
            }
        ],
        "held": [],
        "conditions": [
            {
                "type": "BackendReady",
                "status": "False",
                "reason": "ChangesPending",
                "message": "update …",
                "waits": False,
            }
        ],
    }


def test_what_is_hard_to_believe_is_said_with_its_reason() -> None:
    said = plan_report.data("shop/orders", a_pass(MANY, REFUSED))
    assert said["implausible"] is True
    assert said["doubts"] == [
        {"part": "ApiReady", "says": "lists none"},
        {"part": "BackendReady", "says": "deletes 12 of the 14 that stand there"},
    ]


def test_who_waits_for_another_write_is_told_from_who_needs_somebody() -> None:
    found = plan_report.data("shop/orders", a_pass(PENDING, WAITING, OPEN, STALLED, HELD, SETTLED))["conditions"]
    assert [each["waits"] for each in found] == [False, True, True, False, False, False]


def test_data_is_as_the_schema_says() -> None:
    plans = [
        plan_report.data("shop/orders", a_pass(*each)) for each in ([PENDING, SWITCHED, WAITING], [HELD, REFUSED], [])
    ]
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(plans, schema, jsonschema.Draft202012Validator)


# --- Markdown


def test_markdown_has_a_heading_a_sum_a_table_and_the_policy_folded_away() -> None:
    plans = {"shop/orders": a_pass(PENDING, SWITCHED, OPEN, STALLED), "shop/idle": a_pass(SETTLED)}
    assert list(plan_report.markdown(plans)) == [
        "## funcgate plan",
        "",
        "### `shop/orders`",
        "",
        "**1 to create, 1 to change, 0 to delete**",
        "",
        "| | what | changes | for |",
        "| --- | --- | --- | --- |",
        "| `~` update | `backends/orders-fn` | url: `https://old` → `https://new` | BackendReady |",
        "| `+` create | `apis/orders/policies/policy` |  | PolicyReady |",
        "",
        "<details><summary>apis/orders/policies/policy</summary>",
        "",
        "```diff",
        "@@ -0,0 +1 @@",
        "+<policies />",
        "```",
        "",
        "</details>",
        "",
        "**Waits**",
        "",
        "- EasyAuthReady: closing it waits for the backend (`DoorOpen`)",
        "",
        "**In the way**",
        "",
        r"- ApiReady: no API \*named\* that (`ApiNotFound`)",
        "",
        "Nothing to do: `shop/idle`",
    ]


def test_markdown_warns_of_what_is_hard_to_believe_and_lists_what_is_held_back() -> None:
    said = "\n".join(plan_report.markdown({"shop/orders": a_pass(MANY, HELD)}))
    assert "> [!WARNING]\n> Hard to believe: BackendReady deletes 12 of the 14 that stand there" in said
    assert "  - held back: update `backends/orders-fn`" in said


def test_what_stands_in_azure_cannot_break_out_of_the_comment() -> None:
    drift = Drift(field="text", wanted="a`b | <script>", seen="")
    write = replace(POLICY, drifts=(drift,), diff=(" ```", "-<value>…</value>"))
    said = list(plan_report.markdown({"shop/orders": a_pass(replace(SWITCHED, changes=(write,)))}))
    assert "text: ` ` → `` a`b \\| <script> ``" in said[8]
    assert said[-6:] == ["````diff", " ```", "-<value>…</value>", "````", "", "</details>"]

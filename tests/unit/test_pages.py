"""A page's blocks are what a reader types, and a shell says where what they type goes wrong."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pages import Outdated, blocks, typed
from shell import Failed, Ran, Shell, commands

PAGE = """# How to

1. Look:

   ```sh
   NAME=orders
   echo "$NAME at …"
   ```

2. Write `platform/shop.yaml`:

   ```yaml
   kind: Shop
   ```

```yaml
# values.yaml, in addition
replicas: 2
```

```sh
echo "$NAME again"    # … and so on
false
(exit 3) && true
```
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "how-to.md"
    path.write_text(PAGE)
    return path


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with Shell(tmp_path, {"PATH": os.environ["PATH"]}, secrets=["hush"]) as started:
        yield started


def a_page(page: Path, *lines: str) -> Path:
    page.write_text("\n".join(["# A page", "", "```sh", *lines, "```", ""]))
    return page


def test_blocks_come_in_order_with_line_and_language_and_without_indentation(page: Path) -> None:
    found = list(blocks(page))
    assert [(each.line, each.language) for each in found] == [(6, "sh"), (13, "yaml"), (17, "yaml"), (22, "sh")]
    assert found[0].text == 'NAME=orders\necho "$NAME at …"\n'
    assert list(blocks(page, "sh")) == [found[0], found[3]]


def test_a_block_has_the_name_of_the_file_that_the_page_says_it_is(page: Path) -> None:
    assert [each.file for each in blocks(page, "yaml")] == ["platform/shop.yaml", "values.yaml"]
    assert [each.file for each in blocks(page, "sh")] == [None, None]


def test_what_stands_for_something_is_replaced(page: Path) -> None:
    assert typed(page, {"…": "home"})[0].text == 'NAME=orders\necho "$NAME at home"\n'


def test_a_replacement_that_the_page_has_no_place_for_is_an_error(page: Path) -> None:
    with pytest.raises(Outdated, match=r"how-to.md has no block with '<name>'"):
        typed(page, {"…": "home", "<name>": "orders"})


def test_a_place_that_nothing_is_put_into_is_an_error_but_in_a_comment(page: Path) -> None:
    with pytest.raises(Outdated, match=r"nothing is put in for \S*how-to.md:6: …$"):
        typed(page, {})


def test_variables_functions_and_the_folder_stay_from_block_to_block(page: Path, shell: Shell, tmp_path: Path) -> None:
    a_page(page, "mkdir in && cd in", "export NAME=orders", "```", "```sh", "sh -c 'echo $NAME' && pwd")
    first, second = typed(page, {})
    assert shell.run(first) == Ran("")
    assert shell.run(second) == Ran(f"orders\n{tmp_path}/in\n")


def test_both_streams_come_as_they_were_written(page: Path, shell: Shell) -> None:
    (block,) = typed(a_page(page, "echo one", "echo two >&2", "cat", "echo three"), {})
    assert shell.run(block).output == "one\ntwo\nthree\n"


def test_each_command_that_fails_is_named_by_its_line_and_the_others_run(page: Path, shell: Shell) -> None:
    block = typed(page, {"…": "home"})[1]
    with pytest.raises(Failed) as failed:
        shell.run(block)
    assert str(failed.value) == f"{page}:22: line 23 ended with 1; line 24 ended with 3\n again\n"


def test_a_status_that_the_page_speaks_of_is_no_failure_and_its_absence_is_one(page: Path, shell: Shell) -> None:
    (block,) = typed(a_page(page, "(exit 2)", "echo after"), {})
    assert shell.run(block, statuses=[2]) == Ran("after\n", (2,))
    (block,) = typed(a_page(page, "true"), {})
    with pytest.raises(Failed, match=r"how-to.md:4: all ended with 0, not \[2\]"):
        shell.run(block, statuses=[2])


def test_a_command_is_as_many_lines_as_bash_reads_for_it(page: Path) -> None:
    lines = [
        "for each in a b; do",
        "  echo $each",
        "done",
        "cat <<END",
        "in",
        "END",
        "true \\",
        "  it",
        "",
        "a &&",
        "b",
    ]
    (block,) = typed(a_page(page, *lines), {})
    assert [(line, text.count("\n")) for line, text in commands(block)] == [(4, 3), (7, 3), (10, 2), (12, 1), (13, 2)]


def test_the_status_of_the_last_command_is_there_for_the_next(page: Path, shell: Shell) -> None:
    (block,) = typed(a_page(page, "(exit 2)", "echo $?"), {})
    assert shell.run(block, statuses=[2]).output == "2\n"


@pytest.mark.parametrize("wrong", ["nonsense", "if true"], ids=["a word nobody knows", "half a sentence"])
def test_what_bash_says_itself_leads_to_the_page(page: Path, shell: Shell, wrong: str) -> None:
    (block,) = typed(a_page(page, wrong), {})
    with pytest.raises(Failed, match=r"how-to\.md: line [45-7]: "):
        shell.run(block)


def test_a_block_that_does_not_end_is_ended_and_shows_how_far_it_came(page: Path, shell: Shell) -> None:
    (block,) = typed(a_page(page, "echo so far", "sleep 600"), {})
    with pytest.raises(Failed, match="has not ended in time\nso far"):
        shell.run(block, seconds=1)


def test_a_block_that_ends_the_shell_says_so(page: Path, shell: Shell) -> None:
    (block,) = typed(a_page(page, "echo bye", "exit 0"), {})
    with pytest.raises(Failed, match="ended the shell\nbye"):
        shell.run(block)


def test_what_is_started_in_the_background_ends_with_the_shell(page: Path, tmp_path: Path) -> None:
    (block,) = typed(a_page(page, "sleep 600 &", "echo $!"), {})
    with Shell(tmp_path, {"PATH": os.environ["PATH"]}) as shell:
        process = int(shell.run(block).output)
    status = Path(f"/proc/{process}/status")
    assert not status.exists() or "\nState:\tZ" in status.read_text()


def test_no_secret_is_shown_when_a_block_fails(page: Path, shell: Shell) -> None:
    (block,) = typed(a_page(page, "echo key=hush bearer eyJhbGci.eyJhdWQi.c2ln", "false"), {})
    with pytest.raises(Failed) as failed:
        shell.run(block)
    assert str(failed.value).splitlines()[1] == "key=*** bearer ***"

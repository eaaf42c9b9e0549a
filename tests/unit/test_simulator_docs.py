"""What the simulated Azure says about itself is made from its tests, and every claim of theirs has a source."""

from azuresim.checklist import BEHAVIOURS, INSTRUMENTS, ITEMS, README, TESTS, behaviours, proofs, rendered


def test_the_tables_of_the_page_are_those_of_the_tests() -> None:
    assert rendered(README.read_text()) == README.read_text(), "python -m azuresim.checklist --write"


def test_the_list_of_behaviours_is_that_of_the_tests() -> None:
    assert behaviours() == BEHAVIOURS.read_text(), "python -m azuresim.checklist --write"


def test_every_item_of_the_checklist_is_proven() -> None:
    assert set(ITEMS) - {item for proof in proofs() for item in proof.items} == set()


def test_tests_prove_only_items_that_there_are() -> None:
    assert {item for proof in proofs() for item in proof.items} - set(ITEMS) == set()


def test_every_behaviour_names_its_source_or_says_that_it_is_assumed() -> None:
    silent = [f"{proof.file}: {proof.name}" for proof in proofs() if not (proof.source or proof.assumed or proof.ours)]
    assert silent == []


def test_files_about_the_simulator_itself_exist() -> None:
    assert {name for name in INSTRUMENTS if not (TESTS / name).exists()} == set()

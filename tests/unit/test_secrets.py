from funcgate.secrets import Secret


def test_a_secret_shows_in_no_text_and_compares_with_its_like() -> None:
    secret = Secret("hush")
    assert "hush" not in f"{secret} {secret!r} {[secret]} { {'a': secret} }"
    assert (secret == Secret("hush"), secret == Secret("other"), secret == "hush") == (True, False, False)
    assert (secret.reveal(), len({secret, Secret("hush")})) == ("hush", 1)

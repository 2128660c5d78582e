def test_help_lists_the_attacks_with_their_settings(command) -> None:
    outcome = command("evaluate", "--help")
    assert outcome.code == 0
    assert "{attack: fmn, norm: linf | l2, eps: …, steps: 100}" in outcome.out.splitlines()

"""How long a camera that gives no pictures is left alone."""

from haechi.edge.vision.retrying import REFUSED_MAX_S, RETRY_MAX_S, Retrying


def test_pauses_grow_and_begin_anew_after_it_worked() -> None:
    retrying = Retrying()
    pauses = [retrying.pause_s(is_refused=False) for _ in range(7)]
    assert pauses == [1, 2, 4, 8, 16, RETRY_MAX_S, RETRY_MAX_S]
    retrying.worked()
    assert retrying.pause_s(is_refused=False) == 1


def test_a_wrong_password_comes_no_five_times_in_half_an_hour_once_it_is_known_to_be_wrong() -> None:
    retrying = Retrying()
    asked_s = [0.0]
    for _ in range(20):
        asked_s.append(asked_s[-1] + retrying.pause_s(is_refused=True))
    assert asked_s[1] <= 10, "a camera that was just turned on may refuse for a moment"
    for begin_s in asked_s:
        assert sum(begin_s <= at_s < begin_s + 1800 for at_s in asked_s) <= 5
    assert asked_s[-1] - asked_s[-2] == REFUSED_MAX_S


def test_a_network_that_fails_between_makes_no_refusal_forgotten() -> None:
    retrying = Retrying()
    pauses = [retrying.pause_s(is_refused=is_refused) for is_refused in (True, False, True, False, True)]
    assert pauses == [10, 1, 60, 2, REFUSED_MAX_S]

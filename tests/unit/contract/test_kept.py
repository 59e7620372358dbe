"""What is kept by names stays small however they vary."""

from haechi.contract.kept import ByNames


def test_names_that_vary_without_end_hold_no_more_than_their_bound() -> None:
    kept: ByNames[int] = ByNames(names_max=1_000)
    for number in range(500):
        assert kept.keep(tuple(f"bus.r{number}-{column}" for column in range(100)), number) == number
    assert len(kept) <= 10
    last = tuple(f"bus.r499-{column}" for column in range(100))
    assert kept.get(last) == 499
    assert kept.get(("bus.r0-0",)) is None

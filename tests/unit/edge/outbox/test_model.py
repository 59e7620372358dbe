"""The outbox against a model in memory, through closings and kills."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from haechi.contract.envelope import unwrap
from haechi.contract.events import Phase
from haechi.contract.parcel import ParcelName
from haechi.contract.ranges import RangeSet
from haechi.edge.outbox import Batch, Rank
from support.outbox_files import NOW_US, closed, draft, event, killed, opened


class OutboxMachine(RuleBasedStateMachine):
    """Commits, settles, kills and reopens; compares with a dictionary. Roomy: nothing is evicted."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.opening = opened(self.folder)
        self.parcels: dict[ParcelName, Rank] = {}
        self.settled: set[ParcelName] = set()
        self.observations = 0
        self.seqs: dict[bytes, int] = {}
        self.active: set[str] = set()

    @rule(ranks=st.lists(st.sampled_from(list(Rank)), min_size=1, max_size=4), observations=st.integers(0, 9))
    def commit(self, ranks: list[Rank], observations: int) -> None:
        names = self.opening.store.commit(
            Batch(tuple(draft(rank, observations=observations) for rank in ranks)), NOW_US
        )
        for name, rank in zip(names, ranks, strict=True):
            assert name.seq == self.seqs.get(name.epoch, 0) + 1
            self.seqs[name.epoch] = name.seq
            self.parcels[name] = rank
        self.observations += observations * len(ranks)

    @rule(condition=st.sampled_from("abc"), phase=st.sampled_from([Phase.RAISED, Phase.CLEARED]))
    def state(self, condition: str, phase: Phase) -> None:
        self.opening.store.commit(Batch((), (event(condition, phase),)), NOW_US)
        (self.active.add if phase is Phase.RAISED else self.active.discard)(condition)

    @precondition(lambda self: self.seqs)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        epoch = data.draw(st.sampled_from(list(self.seqs)))
        first = data.draw(st.integers(1, self.seqs[epoch]))
        last = data.draw(st.integers(first, self.seqs[epoch] + 5))
        freed = self.opening.store.settle(epoch, RangeSet([(first, last)]))
        newly = {name for name in self.parcels if name.epoch == epoch and first <= name.seq <= last} - self.settled
        assert freed == len(newly)
        self.settled |= newly

    @rule(kill=st.booleans())
    def reopen(self, kill: bool) -> None:
        (killed if kill else closed)(self.opening)
        self.opening = opened(self.folder)
        assert (self.opening.opened.unclean is not None) is kill

    @rule()
    def step_back(self) -> None:
        self.opening.store.new_epoch(NOW_US)

    @invariant()
    def agrees(self) -> None:
        store = self.opening.store
        waiting = {name for name in self.parcels if name not in self.settled}
        got = {held.name: held for rank in Rank for held in store.waiting(rank, 0, None, 10_000)}
        assert {name: held.rank for name, held in got.items()} == {name: self.parcels[name] for name in waiting}
        for held in got.values():
            parcel = store.read(held.id)
            assert parcel is not None
            assert unwrap(parcel)[0] == held.name
            assert len(parcel) == held.size
        figures = store.figures()
        assert (figures.parcels, figures.observations_committed) == (len(waiting), self.observations)
        assert figures.bytes == sum(held.size for held in got.values())
        assert {found.condition for found in store.conditions()} == self.active
        held_epochs = {bytes.fromhex(held.epoch): held for held in store.held_epochs()}
        needed = {name.epoch for name in waiting} | {store.epoch.epoch}
        assert needed <= set(held_epochs)
        for epoch, held_epoch in held_epochs.items():
            assert held_epoch.next == self.seqs.get(epoch, 0) + 1
            seqs = [name.seq for name in waiting if name.epoch == epoch]
            assert held_epoch.lowest == min(seqs, default=held_epoch.next)

    def teardown(self) -> None:
        closed(self.opening)
        shutil.rmtree(self.folder)


OutboxMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)


TestOutboxMachine = OutboxMachine.TestCase

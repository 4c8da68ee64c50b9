from __future__ import annotations

from pathlib import Path

from tests.unit.app.watch.world import StreamFeed, Told, guarded, rules, scanner, web_log

from hisn.app.watch.analysis import Analysis, Policy
from hisn.app.watch.pieces import PieceJudge
from hisn.app.watch.run import Watch
from hisn.app.watch.unsealed import Unsealed
from hisn.events.declare import Declarations
from hisn.events.mapping import load_mapping
from hisn.testing.dice import Dice
from hisn.testing.fake_clock import FakeClock

STREAMS = {"a.log": web_log(1), "b.log": web_log(2)}


def test_a_watch_that_seals_nothing_finds_the_same(tmp_path: Path) -> None:
    feeds = [StreamFeed(name, data, Dice(1, name)) for name, data in STREAMS.items()]
    told = Told({})
    analysis = Analysis(
        rules()[0], load_mapping().digest, Declarations().digest_of, Policy(lateness_us=10_000_000)
    )
    watch = Watch(
        feeds,
        sealer=Unsealed(),
        worker=PieceJudge(scanner()),
        analysis=analysis,
        outputs=told,
        clock=FakeClock(),
    )
    watch.start()
    while not all(feed.is_drained for feed in feeds):
        watch.step()
    watch.finish()
    watch.save()
    expected = {finding.id: finding for finding in guarded(tmp_path, STREAMS)}
    assert {each.finding.id: each.finding for each in told.kept.values()} == expected
    watch.close()

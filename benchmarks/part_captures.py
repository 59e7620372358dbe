"""What real Modbus/TCP devices answered, played to our master: nothing that was not asked for becomes data.

The packet captures of an industrial test bed lie in ``../shared/data/modbus``, not in the project; without them nothing
is played. Each captured answer is given to the question that it answered, where that was a read, and to others.
"""

import asyncio
import struct
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.captures import Exchange, exchanges
from benchmarks.figures import Figure
from benchmarks.processes import ROOT
from haechi.sdk.errors import BadReading, NotConnected
from haechi.sdk.modbus_requests import Asked, asked, serve_tcp
from haechi.sdk.transports.modbus_frames import Read, Refused, Table
from haechi.sdk.transports.modbus_tcp import ModbusTcp

CAPTURES = ROOT.parent / "shared" / "data" / "modbus"
_OUTCOMES = ("data", "refused", "bad", "silent")
_OTHERS = tuple(Read(table, 0, count) for table in Table for count in (1, 8, 16, 100))


async def measure(bench: Bench) -> Sequence[Figure]:
    """Play every captured answer."""
    paths = sorted(CAPTURES.glob("*.pcap"))
    if not paths:
        bench.say(f"there are no captures in {CAPTURES}")
        return []
    captured = [exchange for path in paths for exchange in exchanges(await asyncio.to_thread(Path.read_bytes, path))]
    bench.say(f"{len(captured)} exchanges in {len(paths)} captures")
    outcomes, misread = await play(captured)
    return [
        Figure("captures.answers", len(captured), "answers"),
        *(Figure(f"captures.{outcome}", outcomes[outcome], "reads") for outcome in _OUTCOMES),
        Figure("captures.misread", misread, "reads", 0),
    ]


async def play(captured: Sequence[Exchange]) -> tuple[Counter[str], int]:
    """Return how reads ended that got the captured answers, and how many took what did not answer them for data."""
    answer = b""

    async def answer_of(_unit: int, _pdu: bytes) -> bytes:
        return answer

    server = await asyncio.start_server(lambda reader, writer: serve_tcp(reader, writer, answer_of), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    outcomes: Counter[str] = Counter()
    misread = 0
    async with server:
        for exchange in captured:
            answer = exchange.answer
            master = ModbusTcp("127.0.0.1", port, exchange.unit, timeout_s=1.0, retry_s=1.0)
            question = asked(exchange.request)
            own = [Read(*question)] if isinstance(question, Asked) else []
            for read in (*own, *_OTHERS):
                outcome, data = await _outcome(master, read)
                outcomes[outcome] += 1
                misread += outcome == "data" and not _answers(answer, read, data)
            master.close()
    return outcomes, misread


async def _outcome(master: ModbusTcp, read: Read) -> tuple[str, bytes]:
    try:
        return "data", await master.read(read)
    except Refused:
        return "refused", b""
    except BadReading:
        return "bad", b""
    except NotConnected:
        return "silent", b""


def _answers(pdu: bytes, read: Read, data: bytes) -> bool:
    """Tell whether ``pdu`` is an answer to ``read`` that holds ``data``, by the specification and nothing else."""
    size = (read.count + 7) // 8 if read.table.is_bits else 2 * read.count
    return pdu == struct.pack("BB", read.table, size) + data and len(data) == size

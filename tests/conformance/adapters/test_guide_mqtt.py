"""The partner's guide is true: its adapter behind a broker runs as printed."""

import asyncio
import re
from contextlib import aclosing
from pathlib import Path
from typing import Any

from haechi.sdk import Host, Sample
from haechi.sdk.little_broker import LittleBroker

GUIDE = Path(__file__).parents[3] / "docs" / "adapters.md"


async def test_the_printed_adapter_hears_a_broker() -> None:
    chapter = GUIDE.read_text(encoding="utf-8").partition("## One behind a broker")[2]
    printed = re.search(r"```python\n(.*?)```", chapter, re.DOTALL)
    assert printed is not None
    names: dict[str, Any] = {"__name__": "scale"}
    exec(compile(printed.group(1), str(GUIDE), "exec"), names)  # noqa: S102 - it is our own page
    scale = names["Scale"]
    async with LittleBroker() as broker, asyncio.timeout(5):
        broker.publish("scales/1", b"7", retain=True)
        adapter = scale("scale-1", scale.load_config({"broker_url": broker.url, "topic": "scales/1"}), Host())
        async with aclosing(adapter.samples()) as samples:
            drawing = asyncio.ensure_future(anext(samples))
            while not any(client.filters for client in broker._clients):  # noqa: ASYNC110 - a subscription tells nobody
                await asyncio.sleep(0)
            for said in (b"much", b"1250"):
                broker.publish("scales/1", said)
            assert await drawing == Sample(("scale-1.mass",), (1250.0,))
        assert adapter.host.counters == {"retained": 1, "messages_bad": 1}

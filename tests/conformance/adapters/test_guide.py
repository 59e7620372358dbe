"""The partner's guide is true: its smallest adapter runs as printed, and its rules are those of the kit."""

import asyncio
import os
import re
import tty
from contextlib import aclosing
from pathlib import Path
from typing import Any

from haechi.sdk import Host, Sample
from haechi.sdk.testing.rules import RULES

GUIDE = Path(__file__).parents[3] / "docs" / "adapters.md"


async def test_the_printed_adapter_reads_a_real_port() -> None:
    printed = re.search(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert printed is not None
    names: dict[str, Any] = {}
    exec(compile(printed.group(1), str(GUIDE), "exec"), names)  # noqa: S102 - it is our own page
    wire, kept = os.openpty()
    tty.setraw(wire)
    tty.setraw(kept)
    gauge = names["Gauge"]
    adapter = gauge("river-1", gauge.load_config({"port": os.ttyname(kept)}), Host())
    async with aclosing(adapter.samples()) as samples, asyncio.timeout(5):
        drawing = asyncio.ensure_future(anext(samples))
        await asyncio.sleep(0)  # its first step opens the port
        os.write(wire, b"34\n1234\n")
        assert await drawing == Sample(("river-1.level",), (1.234,))
    assert [one.id for one in adapter.describe()] == ["river-1.level"]
    os.close(wire)
    os.close(kept)


def test_the_guide_has_every_rule() -> None:
    rows = ["| rule | promise | exempt? |", "|---|---|---|"]
    for name, rule in RULES.items():
        rows.append(f"| `{name}` | {rule.promise} | {'with a reason' if rule.is_waivable else 'nobody'} |")
    found = GUIDE.read_text(encoding="utf-8").partition("<!-- rules: a test compares -->\n\n")[2]
    assert found.partition("\n\n<!-- /rules -->")[0] == "\n".join(rows), "\n".join(rows)

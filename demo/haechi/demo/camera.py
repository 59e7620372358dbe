"""A clip as an RTSP camera on loopback, for ever: ``python -m haechi.demo.camera FOLDER PORT``.

Any ``.mp4`` with H.264 in the folder is ``rtsp://127.0.0.1:PORT/NAME.mp4?play_count=0``, RTP inside TCP.
"""

import asyncio
import contextlib
import sys

from aio_rtsp_toolkit.server import serve


def main() -> None:
    """Serve until interrupted."""
    folder, port = sys.argv[1:]
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(folder, "127.0.0.1", int(port)))


if __name__ == "__main__":
    main()

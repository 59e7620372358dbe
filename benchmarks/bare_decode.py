"""Decoding a clip at its own pace, as a camera does it, and nothing else: the limit of a camera.

``python -m benchmarks.bare_decode CLIP`` loops until it is ended.
"""

import sys
import time

import av

from benchmarks.processes import tell


def main() -> None:
    """Decode every picture when it is due."""
    due_s, told = time.monotonic(), False
    while True:
        with av.open(sys.argv[1]) as clip:
            stream = clip.streams.video[0]
            stream.codec_context.thread_count = 1
            period_s = 1 / float(stream.guessed_rate or 25)
            if not told:
                tell({"period_s": period_s})
                told = True
            for _picture in clip.decode(stream):
                due_s += period_s
                time.sleep(max(0.0, due_s - time.monotonic()))


if __name__ == "__main__":
    main()

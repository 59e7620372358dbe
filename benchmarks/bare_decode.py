"""OpenCV decoding a clip at its own pace and nothing else: the limit of a camera.

``python -m benchmarks.bare_decode CLIP`` loops until it is ended.
"""

import sys
import time

import cv2

from benchmarks.processes import tell


def main() -> None:
    """Decode every picture when it is due."""
    capture = cv2.VideoCapture(sys.argv[1], cv2.CAP_FFMPEG)
    period_s = 1 / capture.get(cv2.CAP_PROP_FPS)
    due_s = time.monotonic()
    tell({"period_s": period_s})
    while True:
        there, _picture = capture.read()
        if not there:
            capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
            continue
        due_s += period_s
        time.sleep(max(0.0, due_s - time.monotonic()))


if __name__ == "__main__":
    main()

"""What an agent brings into its process."""

import subprocess
import sys


def test_a_gateway_without_cameras_loads_none_of_their_libraries() -> None:
    """Each of them costs ten megabytes and more of the sixty that it may take."""
    heavy = ("numpy", "cv2", "av", "onnxruntime", "cryptography", "gpiod")
    code = f"import sys, haechi.edge.agent; print([name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"

"""A user's own detector in YOLOX's format."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from haechi.edge.vision import closely
from haechi.edge.vision.config import CameraConfig, DetectorConfig
from haechi.edge.vision.detector import open_detector
from haechi.edge.vision.labels import COCO_INDEX, LABELS
from haechi.edge.vision.models.errors import ModelError

HEIGHT, WIDTH = 64, 128
CELLS = sum((HEIGHT // stride) * (WIDTH // stride) for stride in (8, 16, 32))


def model(
    path: Path,
    answer: np.ndarray,
    *,
    entry: tuple[int | str, ...] = (1, 3, HEIGHT, WIDTH),
    kind: int = TensorProto.FLOAT,
) -> Path:
    """A model that sees the same thing in every picture."""
    shape = list(answer.shape)
    zero = numpy_helper.from_array(np.zeros(1, np.float32), "zero")
    constant = numpy_helper.from_array(answer.astype(np.float32), "answer")
    nodes = [
        helper.make_node("Cast", ["images"], ["plain"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["plain"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["answer", "nothing"], ["output"]),
    ]
    graph = helper.make_graph(
        nodes,
        "yolox",
        [helper.make_tensor_value_info("images", kind, list(entry))],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, shape)],
        [zero, constant],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    made.ir_version = 8
    onnx.save(made, path)
    return path


def test_its_boxes_lie_right_in_the_picture(tmp_path: Path) -> None:
    answer = np.zeros((1, CELLS, 85), np.float32)
    cell = (HEIGHT // 8) * (WIDTH // 8) + 2 * (WIDTH // 16) + 1  # stride 16, row 2, column 1
    answer[0, cell, :5] = [0.5, 0.25, np.log(2), np.log(1), 0.9]
    answer[0, cell, 5 + COCO_INDEX["bus"]] = 0.8
    detector = open_detector(DetectorConfig(model=str(model(tmp_path / "own.onnx", answer))), LABELS)
    # 200 × 160 pixels fit as 80 × 64 at the top left.
    (found,) = detector.look(np.zeros((160, 200, 3), np.uint8))
    assert found.label == "bus"
    assert found.score == pytest.approx(0.72)
    pixels = np.array(found.box) * [80, 64, 80, 64]
    assert pixels == pytest.approx([24 - 16, 36 - 8, 24 + 16, 36 + 8], abs=0.01)


def test_people_are_found_where_only_cars_are_looked_for(tmp_path: Path) -> None:
    answer = np.zeros((1, CELLS, 85), np.float32)
    answer[0, 20, :5] = [0.5, 0.5, 1, 1, 1]
    answer[0, 20, 5 + COCO_INDEX["car"]], answer[0, 20, 5 + COCO_INDEX["person"]] = 0.8, 0.3
    camera = CameraConfig.model_validate(
        {
            "id": "cam-1",
            "url": "clip.mp4",
            "place": "bridge",
            "classes": ["car"],
            "detector": {"model": str(model(tmp_path / "own.onnx", answer))},
        }
    )
    detector = open_detector(camera.detector, camera.classes)
    find = closely.finder(camera, detector)
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    assert find is not None
    assert len(find(picture)) == 1
    assert [found.label for found in detector.look(picture)] == ["car"]


def test_another_format_is_refused(tmp_path: Path) -> None:
    path = model(tmp_path / "other.onnx", np.zeros((1, 100, 6), np.float32))
    with pytest.raises(ModelError, match=rf"expected an output of {CELLS} x 85"):
        open_detector(DetectorConfig(model=str(path)), LABELS)


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ((4, 3, HEIGHT, WIDTH), TensorProto.FLOAT),
        ((1, 3, "height", "width"), TensorProto.FLOAT),
        ((1, HEIGHT, WIDTH, 3), TensorProto.FLOAT),
        ((1, 3, 16, 16), TensorProto.FLOAT),
        ((1, 3, HEIGHT, WIDTH), TensorProto.FLOAT16),
        ((1, 3, HEIGHT, WIDTH), TensorProto.UINT8),
    ],
)
def test_another_input_is_refused_at_load_not_at_the_first_picture(
    entry: tuple[int | str, ...], kind: int, tmp_path: Path
) -> None:
    path = model(tmp_path / "other.onnx", np.zeros((1, CELLS, 85), np.float32), entry=entry, kind=kind)
    with pytest.raises(ModelError, match=r"expected one input of float32 \[1, 3, height, width\]"):
        open_detector(DetectorConfig(model=str(path)), LABELS)


def test_a_batch_of_any_size_is_taken_as_one(tmp_path: Path) -> None:
    path = model(tmp_path / "own.onnx", np.zeros((1, CELLS, 85), np.float32), entry=("batch", 3, HEIGHT, WIDTH))
    assert open_detector(DetectorConfig(model=str(path)), LABELS).look(np.zeros((90, 160, 3), np.uint8)) == []


@pytest.mark.parametrize("value", [-4.0, 50.0, np.nan])
def test_scores_without_the_sigmoid_are_refused(value: float, tmp_path: Path) -> None:
    path = model(tmp_path / "other.onnx", np.full((1, CELLS, 85), value, np.float32))
    with pytest.raises(ModelError, match="its scores are not between 0 and 1"):
        open_detector(DetectorConfig(model=str(path)), LABELS)


def test_boxes_in_pixels_are_refused(tmp_path: Path) -> None:
    answer = np.zeros((1, CELLS, 85), np.float32)
    cells = [
        (x * stride, y * stride)
        for stride in (8, 16, 32)
        for y in range(HEIGHT // stride)
        for x in range(WIDTH // stride)
    ]
    answer[0, :, :2] = np.array(cells) + 4
    path = model(tmp_path / "decoded.onnx", answer)
    with pytest.raises(ModelError, match="without decode_in_inference"):
        open_detector(DetectorConfig(model=str(path)), LABELS)


@pytest.mark.parametrize("content", [b"", b"this is no model"])
def test_a_file_that_is_no_model_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"broken\.onnx: cannot be run as a model") as caught:
        open_detector(DetectorConfig(model=str(path)), LABELS)
    assert "\n" not in str(caught.value)

"""Turns NanoDet-g as its publisher stores it (a TensorFlow.js graph model) into ONNX.

Promise: the ONNX graph computes what the source graph computes, for one fixed picture size, or
:func:`to_onnx` raises :class:`ModelError`; an operator that is not known is never guessed at.
Pure: bytes and a parsed JSON in, an ONNX model out.

The source was exported from PyTorch through ONNX to TensorFlow, so every convolution (NHWC there)
stands between two transpositions. They are not copied: each tensor remembers in which ONNX
dimension each of its axes lies (`axes`), and a transposition only relabels. In the same way a zero
padding is remembered and handed to the convolution that consumes it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from haechi.edge.vision.models.errors import ModelError

Array = NDArray[Any]

_OPSET = 18  # first with Resize(axes=…), so that no shape has to be inferred
_IR_VERSION = 8
_NCHW = (0, 1, 2, 3)
_NHWC = (0, 2, 3, 1)


@dataclass(frozen=True)
class _Tensor:
    """A value of the source graph: its ONNX name, `axes[i]` = the ONNX dimension of its axis i."""

    name: str
    axes: tuple[int, ...]
    pads: tuple[int, ...] = ()  # still to be applied, as ONNX writes it: all begins, then all ends
    pad_value: float = 0.0


def weights_of(graph: Mapping[str, Any], blob: bytes) -> dict[str, Array]:
    """Reads the weights of a TensorFlow.js graph model.

    Args:
        graph: the parsed model.json.
        blob: the single weights file it names.

    Raises:
        ModelError: the file is shorter or longer than model.json says.
    """
    weights: dict[str, Array] = {}
    offset = 0
    for entry in graph["weightsManifest"][0]["weights"]:
        stored = np.dtype(entry.get("quantization", entry)["dtype"])
        count = prod(entry["shape"])
        if offset + count * stored.itemsize > len(blob):
            raise ModelError("the weights file is shorter than model.json says")
        flat: Array = np.frombuffer(blob, stored, count, offset)
        weights[entry["name"]] = flat.reshape(entry["shape"]).astype(entry["dtype"])
        offset += count * stored.itemsize
    if offset != len(blob):
        raise ModelError(f"the weights file has {len(blob)} bytes, model.json describes {offset}")
    return weights


def to_onnx(graph: Mapping[str, Any], blob: bytes, *, height_px: int, width_px: int) -> onnx.ModelProto:
    """Converts the detector for pictures of one size.

    The result has one input `image`, float32[1, 3, height_px, width_px], and the outputs of the source
    under their own names (`Identity`, `Identity_1`, …).

    Args:
        graph: the parsed model.json.
        blob: its weights file.
        height_px: picture height, a multiple of 32.
        width_px: picture width, a multiple of 32.

    Raises:
        ModelError: the weights do not fit, or an operator is not one this model is known to have.
    """
    if height_px % 32 or width_px % 32:
        raise ModelError(f"picture size {height_px}x{width_px}: both must be multiples of 32")
    return _Conversion(graph, weights_of(graph, blob), height_px, width_px).model()


class _Conversion:
    """One run of the conversion; holds the graph as it grows."""

    def __init__(self, graph: Mapping[str, Any], weights: dict[str, Array], height: int, width: int) -> None:
        self._nodes: dict[str, dict[str, Any]] = {n["name"]: n for n in graph["modelTopology"]["node"]}
        self._outputs = sorted(name.split(":")[0] for name in graph["signature"]["outputs"])
        (entry,) = graph["signature"]["inputs"].values()
        self._source_size = [int(d["size"]) for d in entry["tensorShape"]["dim"]][2:]
        self._size = [height, width]
        self._constants = weights
        self._tensors: dict[str, _Tensor] = {}
        self._made: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self._translate: dict[str, Callable[[dict[str, Any]], _Tensor]] = {
            "Placeholder": self._placeholder,
            "Identity": lambda node: self._input(node, 0),
            "Transpose": self._transpose,
            "Pad": self._pad,
            "PadV2": self._pad,
            "Conv2D": self._convolution,
            "MaxPool": self._max_pool,
            "Add": self._add,
            "LeakyRelu": self._leaky_relu,
            "Sigmoid": self._sigmoid,
            "ConcatV2": self._concatenate,
            "ResizeBilinear": self._resize,
            "SplitV": self._split,
            "Reshape": self._reshape,
        }

    def model(self) -> onnx.ModelProto:
        for name in self._in_order():
            node = self._nodes[name]
            sources = [source.split(":")[0] for source in node.get("input", [])]
            if node["op"] == "Const":
                continue
            if sources and all(source in self._constants for source in sources):
                self._constants[name] = self._fold(node)
            elif node["op"] in self._translate:
                self._tensors[name] = self._translate[node["op"]](node)
            else:
                raise ModelError(f"operator {node['op']} of node {name} is not one this model should have")
        return self._finish()

    def _in_order(self) -> Iterator[str]:
        """Names of the nodes that the outputs need, each after its inputs."""
        seen: set[str] = set()
        stack = [(name, False) for name in reversed(self._outputs)]
        while stack:
            name, ready = stack.pop()
            if ready:
                yield name
            elif name not in seen:
                seen.add(name)
                if name not in self._nodes:
                    raise ModelError(f"model.json refers to a node {name} that it does not have")
                stack.append((name, True))
                stack.extend((s.split(":")[0], False) for s in reversed(self._nodes[name].get("input", [])))

    def _fold(self, node: dict[str, Any]) -> Array:
        values = [self._constants[source] for source in node["input"]]
        if node["op"] == "AddV2":
            return np.asarray(values[0] + values[1])
        if node["op"] == "SparseToDense":
            indices, shape, given, default = values
            dense: Array = np.full(shape, default, given.dtype)
            if given.size:
                dense[tuple(np.atleast_2d(indices).T)] = given
            return dense
        raise ModelError(f"constant operator {node['op']} is not one this model should have")

    # -- building blocks ----------------------------------------------------------------------------

    def _constant(self, value: Array) -> str:
        name = f"c{len(self._initializers)}"
        self._initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _emit(self, op: str, inputs: Sequence[str], **attributes: Any) -> str:
        name = f"{op.lower()}{len(self._made)}"
        self._made.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def _input(self, node: dict[str, Any], index: int, *, padded: bool = False) -> _Tensor:
        tensor = self._tensors[node["input"][index]]
        if tensor.pads and not padded:
            raise ModelError(f"node {node['name']}: padding before {node['op']} is not known in this model")
        return tensor

    def _laid_out(self, tensor: _Tensor, axes: tuple[int, ...]) -> str:
        """The tensor's ONNX name, transposed when it does not lie as `axes` wants."""
        if tensor.axes == axes:
            return tensor.name
        inverse = np.argsort(axes)
        return self._emit("Transpose", [tensor.name], perm=[tensor.axes[i] for i in inverse])

    # -- operators ----------------------------------------------------------------------------------

    def _placeholder(self, node: dict[str, Any]) -> _Tensor:
        del node
        return _Tensor("image", _NCHW)

    def _transpose(self, node: dict[str, Any]) -> _Tensor:
        tensor = self._input(node, 0, padded=True)
        order = self._constants[node["input"][1]]
        return replace(tensor, axes=tuple(tensor.axes[i] for i in order))

    def _pad(self, node: dict[str, Any]) -> _Tensor:
        tensor = self._input(node, 0)
        begins, ends = [0] * len(tensor.axes), [0] * len(tensor.axes)
        for axis, (begin, end) in zip(tensor.axes, self._constants[node["input"][1]], strict=True):
            begins[axis], ends[axis] = int(begin), int(end)
        value = float(self._constants[node["input"][2]]) if node["op"] == "PadV2" else 0.0
        return replace(tensor, pads=(*begins, *ends), pad_value=value)

    def _spatial_pads(self, node: dict[str, Any], tensor: _Tensor, neutral: Callable[[float], bool]) -> list[int]:
        """What a sliding window pads by itself: the pending padding, if its value changes nothing."""
        if base64.b64decode(node["attr"]["padding"]["s"]) != b"VALID" or tensor.axes != _NHWC:
            raise ModelError(f"node {node['name']}: only unpadded windows in NHWC are known in this model")
        if not tensor.pads:
            return [0, 0, 0, 0]
        n_begin, c_begin, top, left, n_end, c_end, bottom, right = tensor.pads
        if any((n_begin, c_begin, n_end, c_end)) or not neutral(tensor.pad_value):
            raise ModelError(f"node {node['name']}: padding that a window cannot do by itself")
        return [top, left, bottom, right]

    def _convolution(self, node: dict[str, Any]) -> _Tensor:
        tensor = self._input(node, 0, padded=True)
        kernel = self._constants[node["input"][1]].astype(np.float32).transpose(3, 2, 0, 1)
        made = self._emit(
            "Conv",
            [tensor.name, self._constant(kernel)],
            pads=self._spatial_pads(node, tensor, lambda value: value == 0),
            strides=_integers(node, "strides")[1:3],
            dilations=_integers(node, "dilations")[1:3],
            kernel_shape=kernel.shape[2:],
        )
        return _Tensor(made, _NHWC)

    def _max_pool(self, node: dict[str, Any]) -> _Tensor:
        tensor = self._input(node, 0, padded=True)
        made = self._emit(
            "MaxPool",
            [tensor.name],
            pads=self._spatial_pads(node, tensor, lambda value: value < -1e30),
            strides=_integers(node, "strides")[1:3],
            kernel_shape=_integers(node, "ksize")[1:3],
        )
        return _Tensor(made, _NHWC)

    def _add(self, node: dict[str, Any]) -> _Tensor:
        first = self._input(node, 0)
        if node["input"][1] not in self._constants:
            second = self._laid_out(self._input(node, 1), first.axes)
            return replace(first, name=self._emit("Add", [first.name, second]))
        bias = self._constants[node["input"][1]].astype(np.float32)
        conv = self._made[-1]
        # A convolution of the source has no bias of its own: the addition behind it is its bias.
        if conv.op_type != "Conv" or conv.output[0] != first.name or len(conv.input) != 2 or bias.ndim != 1:
            raise ModelError(f"node {node['name']}: a constant is added to something not a convolution")
        conv.input.append(self._constant(bias))
        return first

    def _leaky_relu(self, node: dict[str, Any]) -> _Tensor:
        tensor = self._input(node, 0)
        made = self._emit("LeakyRelu", [tensor.name], alpha=float(node["attr"]["alpha"]["f"]))
        return replace(tensor, name=made)

    def _sigmoid(self, node: dict[str, Any]) -> _Tensor:
        tensor = self._input(node, 0)
        return replace(tensor, name=self._emit("Sigmoid", [tensor.name]))

    def _concatenate(self, node: dict[str, Any]) -> _Tensor:
        parts = [self._input(node, i) for i in range(len(node["input"]) - 1)]
        axes = parts[0].axes
        axis = int(self._constants[node["input"][-1]]) % len(axes)
        return _Tensor(self._emit("Concat", [self._laid_out(p, axes) for p in parts], axis=axes[axis]), axes)

    def _resize(self, node: dict[str, Any]) -> _Tensor:
        tensor = self._input(node, 0)
        if tensor.axes != _NHWC or not node["attr"]["half_pixel_centers"]["b"]:
            raise ModelError(f"node {node['name']}: only half-pixel resizing is known in this model")
        sizes = [
            int(size) * ours // theirs
            for size, ours, theirs in zip(self._constants[node["input"][1]], self._size, self._source_size, strict=True)
        ]
        made = self._emit(
            "Resize",
            [tensor.name, "", "", self._constant(np.array(sizes, np.int64))],
            axes=[2, 3],
            mode="linear",
            coordinate_transformation_mode="half_pixel",
        )
        return _Tensor(made, _NHWC)

    def _split(self, node: dict[str, Any]) -> _Tensor:
        tensor = self._input(node, 0)
        sizes = self._constants[node["input"][1]].astype(np.int64)
        axis = tensor.axes[int(self._constants[node["input"][2]]) % len(tensor.axes)]
        outputs = [f"split{len(self._made)}_{i}" for i in range(len(sizes))]
        inputs = [tensor.name, self._constant(sizes)]
        self._made.append(helper.make_node("Split", inputs, outputs, name=outputs[0], axis=axis))
        for i, output in enumerate(outputs[1:], start=1):
            self._tensors[f"{node['name']}:{i}"] = _Tensor(output, tensor.axes)
        return _Tensor(outputs[0], tensor.axes)

    def _reshape(self, node: dict[str, Any]) -> _Tensor:
        tensor = self._input(node, 0)
        shape = self._constants[node["input"][1]].astype(np.int64).copy()
        shape[-1] = -1  # the number of cells, which follows the picture size
        flat = self._laid_out(tensor, tuple(range(len(tensor.axes))))
        return _Tensor(self._emit("Reshape", [flat, self._constant(shape)]), tuple(range(len(shape))))

    def _finish(self) -> onnx.ModelProto:
        outputs = []
        for name in self._outputs:
            tensor = self._tensors[name]
            flat = self._laid_out(tensor, tuple(range(len(tensor.axes))))
            self._made.append(helper.make_node("Identity", [flat], [name], name=name))
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * len(tensor.axes)))
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, *self._size])
        made = helper.make_graph(self._made, "detector", [image], outputs, self._initializers)
        model = helper.make_model(made, opset_imports=[helper.make_opsetid("", _OPSET)], producer_name="haechi")
        model.ir_version = _IR_VERSION
        model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
        onnx.checker.check_model(model)
        return model


def _integers(node: dict[str, Any], key: str) -> list[int]:
    return [int(value) for value in node["attr"][key]["list"]["i"]]

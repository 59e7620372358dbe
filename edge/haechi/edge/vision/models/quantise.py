"""Makes the int8 form of a converted detector: faster on small processors, nearly as sure.

Promise: the result answers the same inputs and outputs; its weights are int8 (symmetric, a scale per output channel),
its activations uint8 with the ranges that are given. Pure: model in, model out.

Form: ONNX QuantizeLinear/DequantizeLinear pairs around every tensor, which onnxruntime fuses into integer kernels. The
convolutions of the three heads stay fp32: they decide how sure a box is, and quantising them made nothing faster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from haechi.edge.vision.models.errors import ModelError

Ranges = Mapping[str, tuple[float, float]]

_INTEGER_OPERATORS = frozenset({"Conv", "LeakyRelu", "MaxPool", "Concat", "Resize", "Add"})


def head_convolutions(model: onnx.ModelProto) -> frozenset[str]:
    """Names of the convolutions that serve a single grid: each one's scores and boxes and nothing else."""
    reach: dict[str, frozenset[str]] = {o.name: frozenset({o.name}) for o in model.graph.output}
    heads = set()
    for node in reversed(model.graph.node):
        served = frozenset[str]().union(*(reach.get(output, frozenset()) for output in node.output))
        for source in node.input:
            reach[source] = reach.get(source, frozenset()) | served
        if node.op_type == "Conv" and len(served) <= 2:
            heads.add(node.name)
    return frozenset(heads)


def activations(model: onnx.ModelProto) -> list[str]:
    """Names of the tensors whose ranges :func:`to_int8` needs, in the order of the graph."""
    heads = head_convolutions(model)
    constants = {initializer.name for initializer in model.graph.initializer}
    names: dict[str, None] = {}
    for node in _integer_nodes(model, heads):
        names.update(dict.fromkeys(i for i in node.input if i and i not in constants))
        names.update(dict.fromkeys(node.output))
    return list(names)


def _integer_nodes(model: onnx.ModelProto, heads: frozenset[str]) -> Iterable[onnx.NodeProto]:
    after_heads: set[str] = set()
    for node in model.graph.node:
        if node.name in heads or any(source in after_heads for source in node.input):
            after_heads.update(node.output)
        elif node.op_type in _INTEGER_OPERATORS:
            yield node


def to_int8(model: onnx.ModelProto, ranges: Ranges) -> onnx.ModelProto:
    """Quantises a detector made by :func:`~haechi.edge.vision.models.convert.to_onnx`.

    Args:
        model: the fp32 model; it is not changed.
        ranges: smallest and largest value of each tensor that :func:`activations` names.

    Raises:
        ModelError: a range is missing.
    """
    return _Quantisation(model, ranges).model()


class _Quantisation:
    def __init__(self, model: onnx.ModelProto, ranges: Ranges) -> None:
        self._source = model
        self._ranges = ranges
        self._weights = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[str, onnx.TensorProto] = {}
        self._scales: dict[str, float] = {}

    def model(self) -> onnx.ModelProto:
        heads = head_convolutions(self._source)
        integer = {node.name for node in _integer_nodes(self._source, heads)}
        wanted = activations(self._source)
        missing = [name for name in wanted if name not in self._ranges]
        if missing:
            raise ModelError(f"no range is known for {len(missing)} tensors, the first is {missing[0]}")
        renamed = {}
        for entry in self._source.graph.input:
            if entry.name in wanted:
                renamed[entry.name] = self._pair(entry.name)
        for node in self._source.graph.node:
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            weights = [name for name in node.input if name in self._weights]
            if node.op_type == "Conv" and node.name in integer:
                copy.input[1] = self._quantised_weight(node.input[1])
                copy.input[2] = self._quantised_bias(node.input[2], node.input[0], node.input[1])
            else:
                self._keep(weights)
            for index, name in enumerate(node.input):
                if name in renamed:
                    copy.input[index] = renamed[name]
            self._nodes.append(copy)
            for name in node.output:
                if name in wanted:
                    renamed[name] = self._pair(name)
        return self._finish()

    def _keep(self, names: Iterable[str]) -> None:
        for name in names:
            self._initializers[name] = numpy_helper.from_array(self._weights[name], name)

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        self._initializers[name] = numpy_helper.from_array(value, name)
        return name

    def _pair(self, name: str) -> str:
        """Quantises and dequantises an activation; returns the name its consumers then read."""
        low, high = (min(self._ranges[name][0], 0.0), max(self._ranges[name][1], 0.0))
        scale = max(high - low, 1e-6) / 255
        self._scales[name] = scale
        factor = self._constant(f"{name}.scale", np.asarray(scale, np.float32))
        zero = self._constant(f"{name}.zero", np.asarray(np.clip(round(-low / scale), 0, 255), np.uint8))
        for op, source, target in (
            ("QuantizeLinear", name, f"{name}.q"),
            ("DequantizeLinear", f"{name}.q", f"{name}.dq"),
        ):
            self._nodes.append(helper.make_node(op, [source, factor, zero], [target], name=target))
        return f"{name}.dq"

    def _weight_scales(self, name: str) -> NDArray[np.float32]:
        weight = self._weights[name]
        largest = np.abs(weight).reshape(weight.shape[0], -1).max(axis=1)
        return np.asarray(np.maximum(largest, 1e-8) / 127, np.float32)

    def _dequantised(self, name: str, integers: NDArray[Any], scales: NDArray[np.float32]) -> str:
        """An integer constant with a scale per channel, as the value that stands in for the fp32 one."""
        inputs = [
            self._constant(f"{name}.q", integers),
            self._constant(f"{name}.scale", scales),
            self._constant(f"{name}.zero", np.zeros(len(scales), integers.dtype)),
        ]
        self._nodes.append(helper.make_node("DequantizeLinear", inputs, [f"{name}.dq"], name=f"{name}.dq", axis=0))
        return f"{name}.dq"

    def _quantised_weight(self, name: str) -> str:
        scales = self._weight_scales(name)
        integers = np.rint(self._weights[name] / scales.reshape(-1, 1, 1, 1)).clip(-127, 127).astype(np.int8)
        return self._dequantised(name, integers, scales)

    def _quantised_bias(self, name: str, activation: str, weight: str) -> str:
        # ONNX wants a convolution's integer bias in the scale of its accumulator: input scale × weight scale.
        scales = (self._weight_scales(weight) * np.float32(self._scales[activation])).astype(np.float32)
        integers = np.rint(self._weights[name] / scales).clip(-(2**31) + 1, 2**31 - 1).astype(np.int32)
        return self._dequantised(name, integers, scales)

    def _finish(self) -> onnx.ModelProto:
        graph = helper.make_graph(
            self._nodes,
            "detector-int8",
            self._source.graph.input,
            self._source.graph.output,
            list(self._initializers.values()),
        )
        model = helper.make_model(graph, opset_imports=self._source.opset_import, producer_name="haechi")
        model.ir_version = self._source.ir_version
        onnx.checker.check_model(model)
        return model

"""Quantizes a float32 TFLite file. What is left in float, and why, is all here.

- The latents, and the layer that they go into, whose weights alone have 8 bits: every pixel depends on a few numbers.
- The last layer before a tanh works on the fly: a range that has to reach where tanh is flat is coarse where it is not.
- Where there is an instance norm, all but the convolutions: squares and inverse roots of 8 bits ruin it, and XNNPACK,
  which takes none of them, would be interrupted everywhere. Norms make much of small errors: the last three layers, of
  which nothing comes after that could even them out, work on the fly (gained 3 dB).
- The scaling of pixels that `io="uint8"` puts into a file.
- A subtraction, among 16 bits: TFLite's kernel refuses most scales.
"""

import contextlib
import dataclasses
import io
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

from ganzoo.exporting import litert_private

PLAIN = ("none", "float16", "dynamic")
"""The precisions that need no calibration, which are made by default."""
STATIC = {"int8": 8, "int16x8": 16}
"""Those that do, and the bits of their activations."""
PRECISIONS = (*PLAIN, *STATIC)
PIXELS_IN, PIXELS_OUT = "pixels_in", "pixels_out"
"""Scopes of the operators that scale pixels: their names begin with these."""
LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
ARRANGING = ("RESHAPE", "PAD", "PADV2", "SLICE", "STRIDED_SLICE", "DEPTH_TO_SPACE")
"""Operators that compute nothing."""


def name_of(precision: str) -> str:
    """Returns what files and tables call a precision: `none` is float32."""
    return "float32" if precision == "none" else precision


def quantize(path: Path, precision: str, ranges: Mapping | None = None) -> bytes:
    """Returns the file at `path` in another precision. Its inputs and outputs stay what they are.

    Args:
        path: a float32 TFLite file.
        precision: `float16`: weights of 16 bits; `dynamic`: weights of 8 bits, activations quantized on the fly;
            `int8`: both of 8 bits; `int16x8`: activations of 16 bits, weights of 8.
        ranges: of every tensor, from `calibrate.ranges`; for `int8` and `int16x8`.
    """
    from litert_quantizer import Quantizer

    work = Quantizer(str(path))
    if precision == "float16":
        _to_float16(work)
    else:
        _to_integers(work, read_operators(path), STATIC.get(precision))
    # Not all of its progress bars can be turned off, and it warns of what it does itself.
    with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = work.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
    return bytes(result.quantized_model)


def _to_float16(work) -> None:
    from litert_quantizer import qtyping
    from litert_quantizer.algorithm_manager import AlgorithmName

    config = qtyping.OpQuantizationConfig(
        weight_tensor_config=qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT),
        compute_precision=qtyping.ComputePrecision.FLOAT,
        explicit_dequantize=True,
    )
    every = qtyping.TFLOperationName.ALL_SUPPORTED
    work.update_quantization_recipe(".*", every, config, AlgorithmName.FLOAT_CASTING)


def _to_integers(work, operators: "list[Operator]", bits: int | None) -> None:
    """Says what becomes integers; later lines go before earlier ones. `bits` of activations; None: on the fly."""
    from litert_quantizer.algorithm_manager import AlgorithmName
    from litert_quantizer.qtyping import TFLOperationName

    every = TFLOperationName.ALL_SUPPORTED

    def leave(where: str, operation=every):
        work.update_quantization_recipe(where, operation, algorithm_key=AlgorithmName.NO_QUANTIZE)

    if bits is None:
        work.add_dynamic_config(".*", every, 8)
    else:
        normed = any(operator.name == "RSQRT" for operator in operators)
        convolutions = (
            TFLOperationName.CONV_2D,
            TFLOperationName.CONV_2D_TRANSPOSE,
            TFLOperationName.DEPTHWISE_CONV_2D,
        )
        for operation in convolutions if normed else (every,):
            work.add_static_config(".*", operation, activation_num_bits=bits, weight_num_bits=8)
        leave(".*", TFLOperationName.INPUT)
        leave(".*", TFLOperationName.OUTPUT)
        if bits == 16:
            leave(".*", TFLOperationName.SUB)
        leave(f"(^|;|/)({PIXELS_IN}|{PIXELS_OUT})/")
        before_tanh = list(_before_tanh(operators))
        for operator in before_tanh:
            leave(_exactly(operator.output))
        layers = [operator for operator in (operators if normed else before_tanh) if operator.name in LAYERS]
        for operator in layers[-3:] if normed else layers:
            work.add_dynamic_config(_exactly(operator.output), every, 8)
    for operator in _on_latents(operators):
        leave(_exactly(operator.output))
        if operator.name in LAYERS:
            work.add_weight_only_config(_exactly(operator.output), every, 8)


def _exactly(name: str) -> str:
    """Returns the expression that finds the operator whose output has this name, and no other."""
    return f"(^|;){re.escape(name)};"


@dataclasses.dataclass(frozen=True)
class Operator:
    """One operator of a TFLite file."""

    name: str
    inputs: tuple[str, ...]
    """Names of tensors."""
    output: str
    """Name of its first tensor."""
    takes_latents: bool
    """Whether it takes an input of the file that is of rank 2, and no whole numbers."""


def read_operators(path: Path) -> list[Operator]:
    """Returns the operators of a TFLite file, in order."""
    model = litert_private.read(path)
    graph, float32 = model.subgraphs[0], litert_private.schema().TensorType.FLOAT32
    latents = {i for i in graph.inputs if len(graph.tensors[i].shape) == 2 and graph.tensors[i].type == float32}
    return [
        Operator(
            litert_private.operator_name(model.operatorCodes[operator.opcodeIndex]),
            tuple(graph.tensors[index].name.decode() for index in operator.inputs if index >= 0),
            graph.tensors[operator.outputs[0]].name.decode(),
            not latents.isdisjoint(operator.inputs),
        )
        for operator in graph.operators
    ]


def _on_latents(operators: list[Operator]) -> Iterator[Operator]:
    """Yields the first layer on the latents, and what arranges them for it."""
    arranged = set()
    for operator in operators:
        if operator.takes_latents or not arranged.isdisjoint(operator.inputs):
            yield operator
            if operator.name in ARRANGING:
                arranged.add(operator.output)


def _before_tanh(operators: list[Operator]) -> Iterator[Operator]:
    """Yields each tanh, the last layer before it, and what arranges the values of that for it."""
    wanted = set()
    for operator in reversed(operators):
        if operator.name == "TANH" or operator.output in wanted:
            yield operator
            if operator.name in ("TANH", *ARRANGING):
                wanted.add(operator.inputs[0])
            wanted.discard(operator.output)

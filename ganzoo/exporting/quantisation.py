"""From a float32 TFLite file to a smaller one. What is left in float, and why, is all here.

- The latents, and the layer that they go into, whose weights alone have 8 bits: every pixel depends on a few numbers.
- The last layer before a tanh works on the fly: a range that has to reach where tanh is flat is coarse where it is not.
- Where there is an instance norm, all but the convolutions: squares and inverse roots of 8 bits ruin it, and XNNPACK,
  which takes none of them, would be interrupted everywhere. Norms make much of small errors: the last three layers, of
  which nothing comes after that could even them out, work on the fly (gained 3 dB).
- A subtraction, among 16 bits: TFLite's kernel refuses most scales.
"""

import contextlib
import dataclasses
import io
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

from ganzoo.exporting.precisions import STATIC
from ganzoo.exporting.saved_model import PIXELS_IN, PIXELS_OUT

LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
ARRANGING = ("RESHAPE", "PAD", "PADV2", "SLICE", "STRIDED_SLICE", "DEPTH_TO_SPACE")
"""They compute nothing."""


def quantise(path: Path, precision: str, ranges: Mapping | None = None) -> bytes:
    """The file at `path` in another precision. Its inputs and outputs stay what they are.

    Args:
        path: a float32 TFLite file.
        precision: `float16`: weights of 16 bits; `dynamic`: weights of 8 bits, activations quantised on the fly;
            `int8`: both of 8 bits; `int16x8`: activations of 16 bits, weights of 8.
        ranges: of every tensor, from `calibration.ranges`; for `int8` and `int16x8`.
    """
    from litert_quantizer import quantizer

    work = quantizer.Quantizer(str(path), _recipe(path, precision))
    # Not all of its progress bars can be turned off, and it warns of what it does itself.
    with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = work.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
    return bytes(result.quantized_model)


def _recipe(path: Path, precision: str) -> list:
    from litert_quantizer import qtyping, recipe_manager
    from litert_quantizer.algorithm_manager import AlgorithmName

    every, operations = ".*", qtyping.TFLOperationName
    recipe = recipe_manager.RecipeManager()
    if precision == "float16":
        half = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
        config = qtyping.OpQuantizationConfig(
            weight_tensor_config=half, compute_precision=qtyping.ComputePrecision.FLOAT, explicit_dequantize=True
        )
        recipe.add_quantization_config(every, operations.ALL_SUPPORTED, config, AlgorithmName.FLOAT_CASTING)
        return recipe.get_quantization_recipe()

    def leave(where: str, operation=operations.ALL_SUPPORTED):
        recipe.add_quantization_config(where, operation, algorithm_key=AlgorithmName.NO_QUANTIZE)

    operators = read_operators(path)
    if precision == "dynamic":
        recipe.add_dynamic_config(every, operations.ALL_SUPPORTED, 8)
    else:
        normed = any(operator.name == "RSQRT" for operator in operators)
        convolutions = (operations.CONV_2D, operations.CONV_2D_TRANSPOSE, operations.DEPTHWISE_CONV_2D)
        for operation in convolutions if normed else (operations.ALL_SUPPORTED,):
            recipe.add_static_config(every, operation, activation_num_bits=STATIC[precision], weight_num_bits=8)
        leave(every, operations.INPUT)
        leave(every, operations.OUTPUT)
        if precision == "int16x8":
            leave(every, operations.SUB)
        leave(f"(^|;|/)({PIXELS_IN}|{PIXELS_OUT})/")
        for operator in _before_tanh(operators):
            leave(_exactly(operator.output))
        for operator in _on_the_fly(operators, normed):
            recipe.add_dynamic_config(_exactly(operator.output), operations.ALL_SUPPORTED, 8)
    for operator in _on_latents(operators):
        leave(_exactly(operator.output))
        if operator.name in LAYERS:
            recipe.add_weight_only_config(_exactly(operator.output), operations.ALL_SUPPORTED, 8)
    return recipe.get_quantization_recipe()


def _exactly(name: str) -> str:
    """The expression that finds the operator whose output has this name, and no other."""
    return f"(^|;){re.escape(name)};"


@dataclasses.dataclass(frozen=True)
class Operator:
    name: str
    inputs: tuple[str, ...]
    """Names of tensors."""
    output: str
    """Name of its first tensor."""
    takes_latents: bool
    """Whether it takes an input of the file that is of rank 2, and no whole numbers."""


def read_operators(path: Path) -> list[Operator]:
    """The operators of a TFLite file, in order."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    names = {number: name for name, number in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(path.read_bytes()))
    graph = model.subgraphs[0]
    latents = {index for index in graph.inputs if _is_latents(graph.tensors[index])}
    return [
        Operator(
            names[model.operatorCodes[operator.opcodeIndex].builtinCode],
            tuple(graph.tensors[index].name.decode() for index in operator.inputs if index >= 0),
            graph.tensors[operator.outputs[0]].name.decode(),
            not latents.isdisjoint(operator.inputs),
        )
        for operator in graph.operators
    ]


def _is_latents(tensor) -> bool:
    from ai_edge_litert.schema_py_generated import TensorType

    return len(tensor.shape) == 2 and tensor.type == TensorType.FLOAT32


def _on_latents(operators: list[Operator]) -> Iterator[Operator]:
    """The first layer on the latents, and what arranges them for it."""
    arranged = set()
    for operator in operators:
        if operator.takes_latents or not arranged.isdisjoint(operator.inputs):
            yield operator
            if operator.name in ARRANGING:
                arranged.add(operator.output)


def _on_the_fly(operators: list[Operator], normed: bool) -> list[Operator]:
    layers = [operator for operator in operators if operator.name in LAYERS]
    return layers[-3:] if normed else [operator for operator in _before_tanh(operators) if operator.name in LAYERS]


def _before_tanh(operators: list[Operator]) -> Iterator[Operator]:
    """Each tanh, the last layer before it, and what arranges the values of that for it."""
    wanted = set()
    for operator in reversed(operators):
        if operator.name == "TANH" or operator.output in wanted:
            yield operator
            if operator.name in ("TANH", *ARRANGING):
                wanted.add(operator.inputs[0])
            wanted.discard(operator.output)

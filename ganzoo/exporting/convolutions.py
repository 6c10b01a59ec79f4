"""Puts other convolutions in the place of some that runtimes are slow at, equal to them but for rounding.

A transposed convolution of stride s, and a kernel of s t by s t pixels, is s s plain ones of t by t pixels: one for
each place of an output pixel among the s by s that an input pixel becomes. They are computed as one, with s s times the
filters, and DEPTH_TO_SPACE puts their results in place. It is the same sum of the same products, in half the time. A
ReLU stays fused, where a transposed convolution with a ReLU is none that the GPU delegate takes.

A convolution of few filters, as the last one of most generators, leaves most of a vector register empty. Four output
pixels at a time are a convolution of stride 2 with four times the filters, whose kernel is one pixel larger.
"""

from pathlib import Path

import numpy as np

VECTOR = 16
"""Filters that a register holds: the multiplications by zero of a larger kernel pay while it has that much room."""


def rearrange(path: Path) -> int:
    """Rewrites the float32 `.tflite` file at `path`; how many convolutions were replaced.

    Transposed ones stay whose kernel is no multiple of the stride, and all whose size is free.
    """
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(path.read_bytes())
    # Graphs beyond the first are bodies of loops and the like.
    count = _rewrite(model, model.subgraphs[0])
    if count:
        _drop_unused(model)
        for buffer in model.buffers:
            if buffer.data is not None:  # The writer is slow with anything but arrays.
                buffer.data = np.frombuffer(buffer.data, "uint8")
        flatbuffer_utils.write_model(model, str(path))
    return count


def wide_kernels(kernel: np.ndarray) -> np.ndarray:
    """The kernel that makes 2 by 2 output pixels of a convolution at once, when it goes in steps of 2.

    Args:
        kernel: (filters, height, width, channels), as TFLite has it.

    Returns:
        (4 filters, height + 1, width + 1, channels), the filters in the order of DEPTH_TO_SPACE.
    """
    moves = [((row, 1 - row), (column, 1 - column)) for row in (0, 1) for column in (0, 1)]
    return np.concatenate([np.pad(kernel, ((0, 0), *move, (0, 0))) for move in moves])


def phase_kernels(kernel: np.ndarray, stride: int) -> np.ndarray:
    """The kernels of the plain convolutions that a transposed one is.

    Args:
        kernel: of the transposed convolution, (filters, s t, s t, channels), as TFLite has it.
        stride: s.

    Returns:
        (s s filters, t, t, channels), the filters in the order of DEPTH_TO_SPACE.
    """
    filters, size, _, channels = kernel.shape
    taps = size // stride
    # The pixel at s m + r of the output is the sum over i of x[m - i] w[s i + r]; a convolution counts i the other way.
    split = kernel.reshape(filters, taps, stride, taps, stride, channels)[:, ::-1, :, ::-1]
    return split.transpose(2, 4, 0, 1, 3, 5).reshape(stride * stride * filters, taps, taps, channels)


def _rewrite(model, graph) -> int:
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    ways = {BuiltinOperator.TRANSPOSE_CONV: _as_phases, BuiltinOperator.CONV_2D: _widened}
    operators, count = [], 0
    for operator in graph.operators:
        way = ways.get(model.operatorCodes[operator.opcodeIndex].builtinCode)
        replaced = way(model, graph, operator) if way else None
        operators += replaced or [operator]
        count += bool(replaced)
    graph.operators = operators
    return count


def _is_free(graph, operator) -> bool:
    tensors = [graph.tensors[index] for index in (*operator.inputs, *operator.outputs) if index >= 0]
    return any(-1 in (tensor.shapeSignature if tensor.shapeSignature is not None else []) for tensor in tensors)


def _shape(graph, index: int) -> list[int]:
    return [int(length) for length in graph.tensors[index].shape]


def _as_phases(model, graph, operator) -> list | None:
    """PAD, CONV_2D, DEPTH_TO_SPACE and SLICE in the place of a TRANSPOSE_CONV; None where it stays."""
    from ai_edge_litert import schema_py_generated as schema

    options, (wanted, kernel, source), output = operator.builtinOptions, operator.inputs[:3], operator.outputs[0]
    _, height, width, channels = _shape(graph, source)
    filters, size, other_size, _ = _shape(graph, kernel)
    # One pixel becomes one kernel, whatever the stride.
    stride = size if height == width == 1 else options.strideH
    if _is_free(graph, operator) or size != other_size or options.strideH != options.strideW:
        return None
    if size % stride or stride == 1:
        return None
    margin = size // stride - 1
    rows, columns = height + margin, width + margin
    missing = (height - 1) * options.strideH + size - _shape(graph, output)[1]
    cut = missing // 2 if options.padding == schema.Padding.SAME else 0
    bias = _values(model, graph, operator.inputs[3]) if len(operator.inputs) > 3 else np.zeros(filters, "float32")

    new = _Sequence(model, graph, graph.tensors[output].name)
    x = source
    if margin:
        paddings = new.constant([[0, 0], [margin, margin], [margin, margin], [0, 0]])
        x = new.operator("PAD", [x, paddings], (1, rows + margin, columns + margin, channels))
    kernels = new.constant(phase_kernels(_values(model, graph, kernel), stride))
    biases = new.constant(np.tile(bias, stride * stride))
    convolution = schema.Conv2DOptionsT(
        padding=schema.Padding.VALID,
        strideH=1,
        strideW=1,
        fusedActivationFunction=options.fusedActivationFunction,
    )
    x = new.operator("CONV_2D", [x, kernels, biases], (1, rows, columns, stride * stride * filters), convolution)
    to_space = schema.DepthToSpaceOptionsT(blockSize=stride)
    x = new.operator("DEPTH_TO_SPACE", [x], (1, rows * stride, columns * stride, filters), to_space)
    new.operator("SLICE", [x, new.constant([0, cut, cut, 0]), wanted], output)
    return new.operators


def _widened(model, graph, operator) -> list | None:
    """CONV_2D of stride 2 and DEPTH_TO_SPACE in the place of a CONV_2D of few filters; None where it stays."""
    from ai_edge_litert import schema_py_generated as schema

    options, (source, kernel, bias), output = operator.builtinOptions, operator.inputs, operator.outputs[0]
    filters, height, width, _ = _shape(graph, kernel)
    _, rows, columns, _ = _shape(graph, output)
    plain = options.strideH == options.strideW == options.dilationHFactor == options.dilationWFactor == 1
    if _is_free(graph, operator) or not plain or rows % 2 or columns % 2:
        return None
    if 4 * filters > VECTOR or min(height, width) < 3 or bias < 0:
        return None
    new = _Sequence(model, graph, graph.tensors[output].name)
    kernels = new.constant(wide_kernels(_values(model, graph, kernel)))
    biases = new.constant(np.tile(_values(model, graph, bias), 4))
    # Padded "same", a stride of 2 and the larger kernel come to the same borders.
    convolution = schema.Conv2DOptionsT(
        padding=options.padding, strideH=2, strideW=2, fusedActivationFunction=options.fusedActivationFunction
    )
    x = new.operator("CONV_2D", [source, kernels, biases], (1, rows // 2, columns // 2, 4 * filters), convolution)
    new.operator("DEPTH_TO_SPACE", [x], output, schema.DepthToSpaceOptionsT(blockSize=2))
    return new.operators


def _values(model, graph, index: int) -> np.ndarray:
    tensor = graph.tensors[index]
    return np.frombuffer(model.buffers[tensor.buffer].data, "float32").reshape(tensor.shape)


class _Sequence:
    """Operators that follow each other, with the tensors that they need added to the graph."""

    def __init__(self, model, graph, name: bytes):
        self.model, self.graph, self.name = model, graph, name
        self.operators = []

    def constant(self, values) -> int:
        """Adds a tensor of these values, float32 or int32; its index."""
        from ai_edge_litert.schema_py_generated import BufferT, TensorType

        array = np.asarray(values)
        kind = TensorType.FLOAT32 if array.dtype.kind == "f" else TensorType.INT32
        array = array.astype("float32" if kind == TensorType.FLOAT32 else "int32")
        self.model.buffers.append(BufferT(data=np.frombuffer(array.tobytes(), "uint8")))
        return self._tensor(array.shape, kind, len(self.model.buffers) - 1)

    def operator(self, kind: str, inputs: list[int], output: int | tuple[int, ...], options=None) -> int:
        """Adds an operator that gives the tensor `output`, or a new one of that shape; the tensor's index."""
        from ai_edge_litert import schema_py_generated as schema

        result = output if isinstance(output, int | np.integer) else self._tensor(output, schema.TensorType.FLOAT32, 0)
        made = schema.OperatorT(opcodeIndex=self._code(getattr(schema.BuiltinOperator, kind)))
        made.inputs, made.outputs = inputs, [result]
        if options is not None:
            made.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
            made.builtinOptions = options
        self.operators.append(made)
        return result

    def _tensor(self, shape: tuple[int, ...], kind: int, buffer: int) -> int:
        from ai_edge_litert.schema_py_generated import QuantizationParametersT, TensorT

        place = len(self.graph.tensors)
        made = TensorT(shape=list(shape), type=kind, buffer=buffer, name=self.name + b"/phases%d" % place)
        made.hasRank, made.quantization = True, QuantizationParametersT()
        self.graph.tensors.append(made)
        return place

    def _code(self, number: int) -> int:
        """The place of an operator among the codes of the model, added where it lacks."""
        from ai_edge_litert.schema_py_generated import OperatorCodeT

        codes = self.model.operatorCodes
        for place, code in enumerate(codes):
            if code.builtinCode == number:
                return place
        codes.append(OperatorCodeT(builtinCode=number, deprecatedBuiltinCode=number, version=1))
        return len(codes) - 1


def _drop_unused(model) -> None:
    """Takes out the tensors that no operator reads or gives any more, and empties their buffers."""
    used = {0} | {int(entry.buffer) for entry in model.metadata or []}
    for number, graph in enumerate(model.subgraphs):
        ends = [*graph.inputs, *graph.outputs]
        read = {int(i) for operator in graph.operators for i in (*operator.inputs, *operator.outputs)} | set(ends)
        kept = [index for index in range(len(graph.tensors)) if index in read]
        places = {old: new for new, old in enumerate(kept)} | {-1: -1}
        graph.tensors = [graph.tensors[index] for index in kept]
        graph.inputs, graph.outputs = [places[i] for i in graph.inputs], [places[i] for i in graph.outputs]
        for operator in graph.operators:
            operator.inputs = [places[int(i)] for i in operator.inputs]
            operator.outputs = [places[int(i)] for i in operator.outputs]
        for signature in model.signatureDefs or []:
            if signature.subgraphIndex == number:
                for entry in (*signature.inputs, *signature.outputs):
                    entry.tensorIndex = places[int(entry.tensorIndex)]
        used |= {int(tensor.buffer) for tensor in graph.tensors}
    for place, buffer in enumerate(model.buffers):
        if place not in used:
            buffer.data = None

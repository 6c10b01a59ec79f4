"""Replaces convolutions in a TFLite file that runtimes are slow at by others, equal to them but for rounding.

A transposed convolution of stride s, and a kernel of s t by s t pixels, is s s plain ones of t by t pixels: one for
each place of an output pixel among the s by s that an input pixel becomes. They are computed as one, with s s times the
filters, and DEPTH_TO_SPACE puts their results in place. It is the same sum of the same products, in half the time. A
ReLU stays fused, and the GPU delegate takes it, as it takes no transposed convolution with a ReLU.

A convolution of few filters, as the last one of most generators, leaves most of a vector register empty. Four output
pixels at a time are a convolution of stride 2 with four times the filters, whose kernel is one pixel larger.

It is done in the file and not on the Keras graph, which gives the same operators at the same speed (Pix2Pix at 256
pixels 529 and 533 ms, dynamic 94 and 97), but has to convert a second time to count the network as it was.
"""

from pathlib import Path

import numpy as np

from ganzoo.exporting import litert_private

VECTOR = 16
"""Filters that a register holds: the multiplications by zero of a larger kernel pay while it has that much room."""


def rewrite(path: Path) -> int:
    """Rewrites the float32 `.tflite` file at `path`. Returns how many convolutions were replaced.

    Transposed ones stay whose kernel is no multiple of the stride, and all whose size is free.
    """
    model = litert_private.read(path)
    graph = model.subgraphs[0]  # Those beyond the first are bodies of loops and the like.
    ways = {"TRANSPOSE_CONV": _as_phases, "CONV_2D": _widened}
    operators, count = [], 0
    for operator in graph.operators:
        way = ways.get(litert_private.operator_name(model.operatorCodes[operator.opcodeIndex]))
        replaced = way(model, graph, operator) if way and not _is_free(graph, operator) else None
        operators += replaced or [operator]
        count += bool(replaced)
    if count:
        graph.operators = operators
        _drop_unused(model)
        litert_private.write(model, path)
    return count


def wide_kernels(kernel: np.ndarray) -> np.ndarray:
    """Returns the kernel that makes 2 by 2 output pixels of a convolution at once, when it goes in steps of 2.

    Args:
        kernel: (filters, height, width, channels), as TFLite has it.

    Returns:
        (4 filters, height + 1, width + 1, channels), the filters in the order of DEPTH_TO_SPACE.
    """
    moves = [((row, 1 - row), (column, 1 - column)) for row in (0, 1) for column in (0, 1)]
    return np.concatenate([np.pad(kernel, ((0, 0), *move, (0, 0))) for move in moves])


def phase_kernels(kernel: np.ndarray, stride: int) -> np.ndarray:
    """Returns the kernels of the plain convolutions that a transposed one is.

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


def _is_free(graph, operator) -> bool:
    tensors = [graph.tensors[index] for index in (*operator.inputs, *operator.outputs) if index >= 0]
    return any(-1 in (tensor.shapeSignature or ()) for tensor in tensors)


def _shape(graph, index: int) -> list[int]:
    return [int(length) for length in graph.tensors[index].shape]


def _as_phases(model, graph, operator) -> list | None:
    """Returns PAD, CONV_2D, DEPTH_TO_SPACE and SLICE to replace a TRANSPOSE_CONV; None where it stays."""
    schema, options = litert_private.schema(), operator.builtinOptions
    (wanted, kernel, source), output = operator.inputs[:3], operator.outputs[0]
    _, height, width, channels = _shape(graph, source)
    filters, size, other_size, _ = _shape(graph, kernel)
    # One pixel becomes one kernel, whatever the stride.
    stride = size if height == width == 1 else options.strideH
    if size != other_size or options.strideH != options.strideW or size % stride or stride == 1:
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
    """Returns CONV_2D of stride 2 and DEPTH_TO_SPACE to replace a CONV_2D of few filters; None where it stays."""
    schema, options = litert_private.schema(), operator.builtinOptions
    (source, kernel, bias), output = operator.inputs, operator.outputs[0]
    filters, height, width, _ = _shape(graph, kernel)
    _, rows, columns, _ = _shape(graph, output)
    plain = options.strideH == options.strideW == options.dilationHFactor == options.dilationWFactor == 1
    if not plain or rows % 2 or columns % 2 or 4 * filters > VECTOR or min(height, width) < 3 or bias < 0:
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
        self.operators, self.schema = [], litert_private.schema()

    def constant(self, values) -> int:
        """Adds a tensor of these values, as float32 or int32. Returns its index."""
        array = np.asarray(values)
        array = array.astype("float32" if array.dtype.kind == "f" else "int32")
        self.model.buffers.append(self.schema.BufferT(data=array.tobytes()))
        kind = getattr(self.schema.TensorType, array.dtype.name.upper())
        return self._tensor(array.shape, kind, len(self.model.buffers) - 1)

    def operator(self, kind: str, inputs: list[int], output: int | tuple[int, ...], options=None) -> int:
        """Adds an operator that gives the tensor `output`, or a new one of that shape. Returns the tensor's index."""
        if isinstance(output, tuple):
            output = self._tensor(output, self.schema.TensorType.FLOAT32, 0)
        made = self.schema.OperatorT(opcodeIndex=self._code(kind), inputs=inputs, outputs=[output])
        if options is not None:
            made.builtinOptionsType = getattr(self.schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
            made.builtinOptions = options
        self.operators.append(made)
        return output

    def _tensor(self, shape: tuple[int, ...], kind: int, buffer: int) -> int:
        place = len(self.graph.tensors)
        made = self.schema.TensorT(list(shape), kind, buffer, self.name + b"/phases%d" % place)
        made.hasRank, made.quantization = True, self.schema.QuantizationParametersT()
        self.graph.tensors.append(made)
        return place

    def _code(self, kind: str) -> int:
        """Returns the place of an operator among the codes of the model, added where it lacks."""
        codes = self.model.operatorCodes
        names = [litert_private.operator_name(code) for code in codes]
        if kind in names:
            return names.index(kind)
        number = getattr(self.schema.BuiltinOperator, kind)
        codes.append(self.schema.OperatorCodeT(builtinCode=number, deprecatedBuiltinCode=number, version=1))
        return len(codes) - 1


def _drop_unused(model) -> None:
    """Removes the tensors that no operator reads or gives any more, and empties their buffers."""
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

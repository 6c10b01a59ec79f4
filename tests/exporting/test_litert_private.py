"""The undocumented parts of LiteRT that ganzoo uses: a test that fails here names what moved."""

import numpy as np
import pytest
import tensorflow as tf
import tflite_files
from tflite_files import numbers

from ganzoo.exporting import anatomy, litert_private

FIELDS = {
    "ModelT": ("buffers", "metadata", "operatorCodes", "signatureDefs", "subgraphs"),
    "SubGraphT": ("inputs", "operators", "outputs", "tensors"),
    "TensorT": ("buffer", "hasRank", "name", "quantization", "shape", "shapeSignature", "type"),
    "QuantizationParametersT": ("scale",),
    "OperatorT": ("builtinOptions", "builtinOptionsType", "inputs", "opcodeIndex", "outputs"),
    "OperatorCodeT": ("builtinCode", "customCode", "deprecatedBuiltinCode", "version"),
    "BufferT": ("data",),
    "MetadataT": ("buffer", "name"),
    "SignatureDefT": ("inputs", "outputs", "subgraphIndex"),
    "TensorMapT": ("name", "tensorIndex"),
    "Conv2DOptionsT": (
        "dilationHFactor",
        "dilationWFactor",
        "fusedActivationFunction",
        "padding",
        "strideH",
        "strideW",
    ),
    "TransposeConvOptionsT": ("fusedActivationFunction", "padding", "strideH", "strideW"),
    "DepthToSpaceOptionsT": ("blockSize",),
    "BatchMatMulOptionsT": ("adjX",),
}
"""The fields that are read or written of each table."""
NUMBERS = {
    "BuiltinOperator": {"CONV_2D": 3, "DEPTH_TO_SPACE": 5, "PAD": 34, "SLICE": 65, "TRANSPOSE_CONV": 67},
    "BuiltinOptions": {"Conv2DOptions": 1, "DepthToSpaceOptions": 94},
    "Padding": {"SAME": 0, "VALID": 1},
    "TensorType": {"FLOAT32": 0, "FLOAT16": 1, "INT32": 2, "BFLOAT16": 18},
}
"""As in TensorFlow's schema.fbs: they are in files, and never change."""


@pytest.mark.parametrize("table", FIELDS)
def test_a_table_has_the_fields_that_are_used(table):
    made = getattr(litert_private.schema(), table)()
    assert [name for name in FIELDS[table] if not hasattr(made, name)] == []


@pytest.mark.parametrize("enumeration", NUMBERS)
def test_numbers_are_those_of_the_file_format(enumeration):
    found = vars(getattr(litert_private.schema(), enumeration))
    assert {name: found.get(name) for name in NUMBERS[enumeration]} == NUMBERS[enumeration]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    def serve(image):
        x = tf.nn.conv2d(image, numbers(3, 3, 2, 4), 1, "VALID")
        return tf.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), "REFLECT")

    return tflite_files.write(tmp_path_factory.mktemp("private") / "m.tflite", serve, image=(1, 6, 6, 2))


def test_a_file_is_read_as_lists_and_written_as_it_was(path, tmp_path):
    model = litert_private.read(path)
    graph = model.subgraphs[0]
    assert [litert_private.operator_name(model.operatorCodes[one.opcodeIndex]) for one in graph.operators] == [
        "CONV_2D",
        "MIRROR_PAD",
    ]
    assert graph.tensors[graph.inputs[0]].shape == [1, 6, 6, 2]
    assert model.signatureDefs[0].inputs[0].name == b"image"
    litert_private.write(model, tmp_path / "again.tflite")
    values = {"image": numbers(1, 6, 6, 2, seed=1)}
    first, again = (
        anatomy.interpreter(one).get_signature_runner()(**values) for one in (path, tmp_path / "again.tflite")
    )
    np.testing.assert_array_equal(*first.values(), *again.values())


def test_nodes_are_listed_with_their_tensors_and_the_delegates_among_them(path):
    own = litert_private.nodes(anatomy.interpreter(path, delegated=False))
    assert [node["op_name"] for node in own] == ["CONV_2D", "MIRROR_PAD"]
    assert list(own[1]["inputs"])[0] == list(own[0]["outputs"])[0]
    delegated = litert_private.nodes(anatomy.interpreter(path))
    assert sorted(node["op_name"] for node in delegated) == ["CONV_2D", "DELEGATE", "MIRROR_PAD"]

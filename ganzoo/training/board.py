"""The files that TensorBoard shows, written without TensorFlow."""

import io
import itertools
import os
import socket
import time
from pathlib import Path

import PIL.Image
from tensorboard.compat.proto.event_pb2 import Event, SourceMetadata
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_FLOAT, DT_STRING
from tensorboard.summary.writer.record_writer import RecordWriter

_NUMBERS = itertools.count()
"""Numbers the boards of this process, so that each has a file of its own."""


class Board:
    """Values and pictures by name and step, in a new file in a folder. They are in the same form as `tf.summary`'s.

    Raises:
        OSError: here and in all methods, when the file can't be written.
    """

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard reads the files of a folder in the order of their names.
        name = f"events.out.tfevents.{int(time.time()):010}.{socket.gethostname()}.{os.getpid()}.{next(_NUMBERS)}.v2"
        self._records = RecordWriter((folder / name).open("wb"))
        self._write(Event(file_version="brain.Event:2", source_metadata=SourceMetadata(writer="ganzoo")))
        self.flush()

    def scalar(self, name: str, value: float, step: int) -> None:
        """Adds a point to the curve `name`."""
        self._add(name, "scalars", TensorProto(dtype=DT_FLOAT, float_val=[value]), (), step)

    def image(self, name: str, picture: PIL.Image.Image, step: int) -> None:
        """Adds a picture to those under `name`."""
        png = io.BytesIO()
        picture.save(png, "PNG")
        texts = [str(picture.width).encode(), str(picture.height).encode(), png.getvalue()]
        self._add(name, "images", TensorProto(dtype=DT_STRING, string_val=texts), (len(texts),), step)

    def flush(self) -> None:
        """Has all that was added written to the disk."""
        self._records.flush()

    def close(self) -> None:
        """Writes what is left. Nothing can be added any more; to close again does no harm."""
        self._records.close()

    def _add(self, name: str, plugin: str, tensor: TensorProto, shape: tuple[int, ...], step: int) -> None:
        tensor.tensor_shape.CopyFrom(TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in shape]))
        metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin))
        value = Summary.Value(tag=name, tensor=tensor, metadata=metadata)
        self._write(Event(step=step, summary=Summary(value=[value])))

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        self._records.write(event.SerializeToString())

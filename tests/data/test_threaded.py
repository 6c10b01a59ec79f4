"""The batches that threads make ahead for JAX, as `fit` fetches them."""

import contextlib
import gc
import threading
import time

import keras
import numpy as np
import pytest
from batches import CUT_OUT, ONE, opened
from keras.src.trainers.data_adapters.py_dataset_adapter import PyDatasetAdapter
from linear import linear, pixels
from made_images import save, truncate

from ganzoo.backends.jax.feeding import ThreadedBatches
from ganzoo.config.recipe import DataConfig
from ganzoo.errors import RunError, UsageError

of_jax = pytest.mark.skipif(keras.config.backend() != "jax", reason="TensorFlow makes the batches by tf.data")


def fetched(batches: ThreadedBatches) -> list[dict]:
    adapter = PyDatasetAdapter(batches, shuffle=False)
    adapter.on_epoch_begin()
    try:
        found = [batch for batch, _ in zip(adapter.get_numpy_iterator(), range(len(batches)), strict=False)]
    finally:
        adapter.on_epoch_end()
    return found


def test_batches_made_by_threads_are_those_of_the_pipeline_bit_for_bit_and_in_order(numbered):
    data = DataConfig(source=f"folder:{numbered('photos', 5, 20, 20)}", flip=True)
    pipeline = opened(CUT_OUT, data, image_size=8, channels=3, scale=4, batch_size=3, seed=0)
    found = fetched(ThreadedBatches(pipeline, 7, 19))
    assert len(found) == 12
    for step, batch in enumerate(found, start=7):
        expected = pipeline.batch(step)
        assert batch.keys() == expected.keys()
        for key, values in expected.items():
            assert (batch[key].dtype, batch[key].tobytes()) == (values.dtype, values.tobytes())


def test_they_are_those_of_the_tf_data_pipeline_bit_for_bit(numbered):
    from ganzoo.backends.tensorflow.feeding import as_dataset

    data = DataConfig(source=f"folder:{numbered('photos', 5, 20, 20)}", flip=True)
    pipeline = opened(ONE, data, image_size=16, channels=3, batch_size=3, seed=0)
    served = list(as_dataset(pipeline, 2, 6).as_numpy_iterator())
    for batch, expected in zip(fetched(ThreadedBatches(pipeline, 2, 6)), served, strict=True):
        assert batch["image"].tobytes() == expected["image"].tobytes()


def test_an_error_of_the_pipeline_is_raised_as_it_is(tmp_path):
    truncate(save(tmp_path / "0.jpg", np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)))
    data = DataConfig(source=f"folder:{tmp_path}")
    pipeline = opened(ONE, data, image_size=16, channels=3, batch_size=1, seed=0)
    with pytest.raises(RunError, match="none of 1 images can be decoded.*0.jpg"):
        fetched(ThreadedBatches(pipeline, 0, 3))


class Numbered:
    """A pipeline of noise that knows which steps were asked for, and fails at one of them."""

    def __init__(self, bad: int | None = None):
        self.bad, self.asked = bad, []

    def batch(self, step: int) -> dict[str, np.ndarray]:
        self.asked.append(step)
        if step == self.bad:
            raise UsageError(f"step {step} is bad")
        return {"image": pixels(2, step)}


class Stop(keras.callbacks.Callback):
    """Stops at the second step: as asked, or by an error."""

    def __init__(self, error: type[BaseException] | None):
        self.error = error

    def on_train_batch_end(self, batch, logs=None):
        if batch == 1:
            self.model.stop_training = True
            if self.error:
                raise self.error("as told")


def makers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("batches")]


@of_jax
@pytest.mark.parametrize("error", [None, KeyboardInterrupt, OSError])
def test_threads_end_when_training_stops_early(error):
    pipeline = Numbered()
    gan = linear()
    with pytest.raises(error) if error else contextlib.nullcontext():
        gan.fit(ThreadedBatches(pipeline, 0, 10_000), verbose=0, shuffle=False, callbacks=[Stop(error)])
    assert gan.steps_done == 2
    deadline = time.monotonic() + 10
    while makers() and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.01)
    assert makers() == []
    # No more than the queue holds was made for nothing.
    assert len(pipeline.asked) < 50


@of_jax
def test_fit_raises_what_the_pipeline_raised_after_the_steps_before():
    gan, pipeline = linear(), Numbered(bad=3)
    with pytest.raises(UsageError, match="step 3 is bad"):
        gan.fit(ThreadedBatches(pipeline, 0, 10), verbose=0, shuffle=False)
    assert gan.steps_done == 3


@of_jax
def test_fit_goes_through_each_step_once():
    gan, reference = linear(learning_rate=0.02), linear(learning_rate=0.02)
    gan.fit(ThreadedBatches(Numbered(), 4, 9), steps_per_epoch=5, verbose=0, shuffle=False)
    for step in range(4, 9):
        reference.train_step(pixels(2, step))
    np.testing.assert_array_equal(gan.generator.get_weights()[0], reference.generator.get_weights()[0])

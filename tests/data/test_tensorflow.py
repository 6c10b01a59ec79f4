import numpy as np
import pytest
import tensorflow as tf
from batches import CUT_OUT, ONE, opened
from made_images import save, truncate

from ganzoo.backends.tensorflow import feeding
from ganzoo.backends.tensorflow.feeding import as_dataset
from ganzoo.config.recipe import DataConfig


def test_a_dataset_holds_the_batches_of_its_steps_in_order_with_static_shapes(numbered):
    data = DataConfig(source=f"folder:{numbered('photos', 5, 20, 20)}", flip=True)
    pipeline = opened(CUT_OUT, data, image_size=8, channels=3, scale=4, batch_size=3, seed=0)
    dataset = as_dataset(pipeline, 7, 12)
    assert {key: spec.shape.as_list() for key, spec in dataset.element_spec.items()} == {
        "low": [3, 2, 2, 3],
        "high": [3, 8, 8, 3],
    }
    batches = list(dataset.as_numpy_iterator())
    assert len(batches) == 5
    for step, batch in enumerate(batches, start=7):
        for key, expected in pipeline.batch(step).items():
            np.testing.assert_array_equal(batch[key], expected)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_parts_of_a_batch_are_the_batch_in_order(numbered, count):
    data = DataConfig(source=f"folder:{numbered('photos', 9, 20, 20)}", flip=True)

    pipeline = opened(CUT_OUT, data, image_size=8, channels=3, scale=4, batch_size=4, seed=0)
    parts = [pipeline.part(5, index, count) for index in range(count)]
    for key, expected in pipeline.batch(5).items():
        np.testing.assert_array_equal(np.concatenate([part[key] for part in parts]), expected)


def test_on_one_device_a_distributed_pipeline_is_the_pipeline(numbered):
    data = DataConfig(source=f"folder:{numbered('photos', 5, 20, 20)}")
    pipeline = opened(ONE, data, image_size=8, channels=3, batch_size=2, seed=0)
    batches = list(feeding.batches(tf.distribute.get_strategy(), pipeline, 3, 5))
    assert len(batches) == 2
    np.testing.assert_array_equal(batches[1]["image"], pipeline.batch(4)["image"])


def test_an_error_while_loading_keeps_its_message(tmp_path):
    truncate(save(tmp_path / "0.jpg", np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)))
    data = DataConfig(source=f"folder:{tmp_path}")
    pipeline = opened(ONE, data, image_size=16, channels=3, batch_size=1, seed=0)
    with pytest.raises(tf.errors.OpError, match="none of 1 images can be decoded.*0.jpg"):
        next(iter(as_dataset(pipeline, 0, 1)))


def test_no_tuner_is_left_for_whose_next_look_the_end_of_a_run_would_wait():
    pipeline = opened(ONE, DataConfig(), image_size=64, channels=3, batch_size=2, seed=0)
    assert as_dataset(pipeline, 0, 3).options().autotune.enabled is False

"""Batches as architectures declare them, and configs with nothing but such a batch and sizes."""

from types import SimpleNamespace

from ganzoo.data.fields import Crop, Image, Label, Smaller, Stream, Tokens
from ganzoo.data.pipeline import open_pipeline

ONE = (Stream(image=Image()),)
PAIR = (Stream(input=Image(), target=Image()),)
TWO = (Stream(a=Image()), Stream(b=Image()))
CUT_OUT = (Stream(low=Smaller(of="high"), high=Crop()),)
LABELLED = (Stream(image=Image(), label=Label()),)
FEW_LABELS = (Stream(image=Image()), Stream(labelled=Image(), label=Label(each="labels_per_class")))
CAPTIONED = (Stream(image=Image(), tokens=Tokens()),)


def config(batch, *, image_size=16, channels=3, scale=4, **sizes):
    return SimpleNamespace(batch=batch, image_size=image_size, channels=channels, scale=scale, **sizes)


def opened(batch, data, *, batch_size=4, seed=0, split="train", names=None, **sizes):
    """A pipeline of such a config."""
    return open_pipeline(config(batch, **sizes), data, batch_size=batch_size, seed=seed, split=split, names=names)

"""Tables that commands print."""

from ganzoo import tables


def entry(**quality):
    return {"bytes": 2000, "quality": {"floor": 25.0, "passed": True, "allowed_below": None, **quality}}


def test_exported_pictures_have_a_psnr_and_classes_an_snr_and_the_share_of_equal_answers():
    picture = entry(metric="psnr", psnr_mean=50.12, psnr_worst=40.0, largest_difference=0.01)
    classes = entry(metric="snr", snr_mean=30.0, snr_worst=20.5, largest_difference=2.0)
    classes["quality"] |= {"agreement": 0.992, "agreement_floor": 0.98}
    heads, row = tables.quality_table({"g.tflite": picture})
    assert heads == ["", "size", "PSNR", "worst", "floor", "difference"]
    assert row == ["g.tflite", "2.0 kB", "50.1 dB", "40.0 dB", "25 dB", "0.01"]
    heads, row = tables.quality_table({"c.tflite": classes})
    assert heads == ["", "size", "SNR", "worst", "floor", "difference", "same class"]
    assert row == ["c.tflite", "2.0 kB", "30.0 dB", "20.5 dB", "25 dB", "2", "99.2%, floor 98%"]

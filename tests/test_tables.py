"""Tables that commands print."""

from ganzoo import tables
from ganzoo.evaluation.results import Column, Result, as_document


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


def test_a_share_of_samples_stands_in_one_row_with_that_of_test_images_and_the_rates_of_its_reader(capsys):
    def result(of: str, value: float, error: float | None = None):
        column = Column(of, "")
        key = column.key("share_of_hats")
        return Result(key, "share of hats", column, value, "as real", 500, "read", standard_error=error)

    found = [result("samples", 0.0712, 0.011), result("test split", 0.0735), result("false positives", 0.04)]
    document = {"results": as_document(found, {}), "preparation": "as it is", "warnings": [], "skipped": []}
    tables.print_evaluation({"model": "m", "protocol": "samples", "data": "d", "split": "test", **document})
    (row,) = (line for line in capsys.readouterr().out.splitlines() if "share of hats" in line)
    assert [cell.strip() for cell in row.split("  ") if cell.strip()] == [
        "share of hats ≈",
        "0.0712 ± 0.0110",
        "0.0735",
        "0.0400",
        "500",
    ]

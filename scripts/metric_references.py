"""Prints what torch-fidelity 0.4.0 and prdc 0.2 make of features drawn from a seed; tests/metrics holds the numbers.

    pip install torch torch-fidelity==0.4.0 prdc==0.2
    python scripts/metric_references.py

The features are float64, which torch-fidelity keeps: in float32, as its own networks give them, it computes in float32,
and the kernel distance has about four good digits. Takes seconds.
"""

import numpy as np


def features() -> tuple[np.ndarray, np.ndarray]:
    """(1300, 24) features of "generated" and (1200, 24) of "real" images, float64: two overlapping skewed clouds."""
    random = np.random.RandomState(7)
    mixing = random.normal(size=(24, 24)) / 5
    generated = np.square(random.normal(0.6, 1.0, (1300, 24))) @ mixing
    real = np.square(random.normal(0.5, 1.1, (1200, 24))) @ mixing + 0.05
    return generated, real


def main() -> None:
    import torch
    from prdc import compute_prdc
    from torch_fidelity import metric_fid, metric_kid, metric_prc

    generated, real = (torch.from_numpy(some) for some in features())
    statistics = (metric_fid.fid_features_to_statistics(some) for some in (generated, real))
    numbers = metric_fid.fid_statistics_to_metric(*statistics, verbose=False)
    numbers |= metric_kid.kid_features_to_metric(generated, real, kid_subsets=10, verbose=False)
    numbers |= metric_prc.prc_features_to_metric(generated, real, verbose=False)
    for name, number in numbers.items():
        print(f"{name} {number!r}")
    generated, real = features()
    for neighbours in (1, 3, 5):
        print(neighbours, {name: float(number) for name, number in compute_prdc(real, generated, neighbours).items()})


if __name__ == "__main__":
    main()

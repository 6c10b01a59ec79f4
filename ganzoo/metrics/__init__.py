"""How good a network is, in numbers: metrics on features, pairs of images, training images, classes and clips.

    network = metrics.open_feature_network("efficientnet-lite0")
    real, made = (metrics.extract(network, images) for images in (real_images, made_images))
    metrics.frechet_distance(real.whole, made.whole)              # FD-EffLite0
    metrics.kernel_distance(real.kept, made.kept).value           # KD-EffLite0
    metrics.psnr(made_image, target_image)
    metrics.spectral_distance(metrics.log_spectra(made_clips), metrics.log_spectra(real_clips))

`ganzoo.evaluate` puts them together. Nothing here loads TensorFlow before a network is opened.
"""

from ganzoo.metrics.features import Features, extract, reference
from ganzoo.metrics.frechet import frechet_distance
from ganzoo.metrics.kernel import Kernel, kernel_distance
from ganzoo.metrics.manifold import density_coverage, precision_recall
from ganzoo.metrics.memorizing import Memorizing, Nearest, nearest_in_features, nearest_in_pixels
from ganzoo.metrics.networks import FeatureNetwork, open_feature_network
from ganzoo.metrics.pairs import crop_border, luma, ms_ssim, psnr, ssim
from ganzoo.metrics.perceptual_distance import PerceptualDistance, open_perceptual_distance
from ganzoo.metrics.spectra import log_spectra, spectral_distance, spectral_spread
from ganzoo.metrics.statistics import Statistics

__all__ = [
    "FeatureNetwork",
    "Features",
    "Kernel",
    "Memorizing",
    "Nearest",
    "PerceptualDistance",
    "Statistics",
    "crop_border",
    "density_coverage",
    "extract",
    "frechet_distance",
    "kernel_distance",
    "log_spectra",
    "luma",
    "ms_ssim",
    "nearest_in_features",
    "nearest_in_pixels",
    "open_feature_network",
    "open_perceptual_distance",
    "precision_recall",
    "psnr",
    "reference",
    "spectral_distance",
    "spectral_spread",
    "ssim",
]

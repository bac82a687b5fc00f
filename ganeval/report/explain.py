"""What each score is, in one line for a person, by the name that the score begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Explanation:
    """A score's name in full, and in one sentence what it measures."""

    title: str
    sentence: str


_FRECHET = (
    "Distance between two Gaussians fitted to the features of both sides (Heusel et al. 2017); 0 if their means and "
    "covariances agree."
)
_INFINITY = (
    "Fréchet distance at infinitely many generated images, from a line through several numbers of them (Chong & "
    "Forsyth 2020)."
)
_SPATIAL = "Fréchet distance on features that keep where things are in the image (Nash et al. 2021); sees wrong layout."
_INTRA = (
    "Mean over classes of the Fréchet distance within the class (Miyato & Koyama 2018); sees images of the wrong class "
    "and too little variety within one."
)
_KERNEL = (
    "Squared maximum mean discrepancy of the features with a cubic kernel (Bińkowski et al. 2018); close to 0, on "
    "either side of it, if both sides follow one distribution."
)
_RBF = (
    "Squared maximum mean discrepancy of the features with a Gaussian kernel, times 1000 (Jayasumana et al. 2024); 0 "
    "if both sides follow one distribution, up to a little for the number of images."
)

_MEMORISATION = (
    "Fréchet distance divided by how far generated images lie from their nearest real ones in angle, where that is "
    "suspiciously little (Bai et al. 2021); equal to the Fréchet distance where nothing looks copied."
)

_EXPLANATIONS: Mapping[str, Explanation] = {
    "inception_score": Explanation(
        "Inception Score",
        "How surely the network names a class for each image and how evenly it uses the classes (Salimans et al. "
        "2016); from 1 up to the number of classes. Looks at the generated side only.",
    ),
    "is_infinity": Explanation(
        "Inception Score, extrapolated",
        "Inception Score at infinitely many images, from a line through several numbers of them (Chong & Forsyth "
        "2020); from 1 up to the number of classes.",
    ),
    "fid": Explanation("Fréchet Inception distance", _FRECHET),
    "fd": Explanation("Fréchet distance", _FRECHET),
    "fid_infinity": Explanation("Fréchet Inception distance, extrapolated", _INFINITY),
    "fd_infinity": Explanation("Fréchet distance, extrapolated", _INFINITY),
    "sfid": Explanation("Spatial Fréchet Inception distance", _SPATIAL),
    "sfd": Explanation("Spatial Fréchet distance", _SPATIAL),
    "intra_fid": Explanation("Intra-class Fréchet Inception distance", _INTRA),
    "intra_fd": Explanation("Intra-class Fréchet distance", _INTRA),
    "kid": Explanation("Kernel Inception distance", _KERNEL),
    "kd": Explanation("Kernel distance", _KERNEL),
    "cmmd": Explanation("CLIP maximum mean discrepancy", _RBF),
    "mmd_rbf": Explanation("Squared MMD, RBF kernel", _RBF),
    "mmd_poly": Explanation(
        "Squared MMD, polynomial kernel",
        "Squared maximum mean discrepancy of the features with a polynomial kernel from all pairs of images (Gretton "
        "et al. 2012): the kernel distance without the noise of its subsets; close to 0 if both sides agree.",
    ),
    "mind": Explanation(
        "Monge inception distance",
        "Mean work of moving one side's features onto the other's along random directions (Berthet et al. 2026); 0 if "
        "both sides agree in every direction.",
    ),
    "c2st": Explanation(
        "Classifier two-sample test",
        "How often a classifier tells generated from real images that it hasn't seen (Lopez-Paz & Oquab 2017); 0.5 if "
        "it sees no difference, 1 if it is never wrong.",
    ),
    "parzen": Explanation(
        "Parzen-window log-likelihood",
        "How likely held-out real images are under windows around the generated ones, in nats (Goodfellow et al. "
        "2014). Only for comparison with old papers: it ranks models wrongly (Theis et al. 2016).",
    ),
    "precision": Explanation(
        "Precision",
        "Share of generated images that lie where real ones do: how believable they are (Kynkäänniemi et al. 2019); "
        "0 to 1.",
    ),
    "recall": Explanation(
        "Recall",
        "Share of real images that lie where generated ones do: how much of the variety is there (Kynkäänniemi et "
        "al. 2019); 0 to 1.",
    ),
    "spectral_distance": Explanation(
        "Spectral distance",
        "How far the images' mean power spectra lie apart, in decibels (after Durall et al. 2020); 0 if they agree. "
        "Sees blur, noise and the traces of upsampling, whatever the images show.",
    ),
    "ms_ssim": Explanation(
        "MS-SSIM between samples",
        "How alike random pairs of generated images are (Odena et al. 2017); from 0 up to 1 for equal images. Lower "
        "means more variety.",
    ),
    "lpips_diversity": Explanation(
        "LPIPS between samples",
        "How different random pairs of generated images look to a network trained on people's judgements (Zhang et "
        "al. 2018); 0 for equal images. Higher means more variety.",
    ),
    "feature_diversity": Explanation(
        "Feature diversity",
        "How different the extractor finds two generated images on average; 0 for equal images. Higher means more "
        "variety. Not LPIPS.",
    ),
    "psnr": Explanation(
        "Peak signal-to-noise ratio",
        "How little images differ from their partners of the same name, pixel by pixel, in decibels; infinite for "
        "equal ones, which the mean leaves out.",
    ),
    "ssim": Explanation(
        "Structural similarity",
        "How alike images and their partners of the same name are in local brightness, contrast and structure (Wang "
        "et al. 2004); 1 for equal ones.",
    ),
    "paired_ms_ssim": Explanation(
        "Multi-scale structural similarity of pairs",
        "Structural similarity of images and their partners of the same name at several scales (Wang et al. 2003); 1 "
        "for equal ones.",
    ),
    "paired_lpips": Explanation(
        "LPIPS of pairs",
        "How different images look from their partners of the same name to a network trained on people's judgements "
        "(Zhang et al. 2018); 0 for equal ones.",
    ),
    "ppl": Explanation(
        "Perceptual path length",
        "How much an image changes for a small step between two latent vectors, by LPIPS (Karras et al. 2019). Lower "
        "means a smoother latent space.",
    ),
    "feature_path_length": Explanation(
        "Feature path length",
        "How much an image changes for a small step between two latent vectors, by the extractor's features. Lower "
        "means a smoother latent space. Not the published perceptual path length.",
    ),
    "temporal_fd": Explanation(
        "Temporal Fréchet distance",
        "Fréchet distance on the features of frames together with their change to the next frame; 0 if both agree. Not "
        "FVD: no network for videos is involved, and nothing longer than one step is seen.",
    ),
    "density": Explanation(
        "Density",
        "How many real neighbourhoods each generated image falls into, so that one outlier counts for little (Naeem "
        "et al. 2020); from 0, around 1 for equal distributions.",
    ),
    "coverage": Explanation(
        "Coverage",
        "Share of real images that have a generated one in their neighbourhood (Naeem et al. 2020); 0 to 1.",
    ),
    "realism": Explanation(
        "Realism",
        "How deep the median generated image lies within the neighbourhood of some real one (Kynkäänniemi et al. "
        "2019); at 1 and above it is inside.",
    ),
    "mifid": Explanation("Memorisation-informed Fréchet Inception distance", _MEMORISATION),
    "mifd": Explanation("Memorisation-informed Fréchet distance", _MEMORISATION),
    "authpct": Explanation(
        "AuthPct",
        "Percentage of generated images that aren't nearer to a real one than that is to all other real ones (Alaa et "
        "al. 2022); fresh real images don't reach 100 either.",
    ),
    "prd_f8": Explanation(
        "PRD F8",
        "How much of the real images' variety the generated ones have, from histograms over common clusters (Sajjadi "
        "et al. 2018); 0 to 1.",
    ),
    "prd_f1_8": Explanation(
        "PRD F1/8",
        "How much of what was generated has its like among the real images, from histograms over common clusters "
        "(Sajjadi et al. 2018); 0 to 1.",
    ),
    "vendi": Explanation(
        "Vendi score",
        "How many entirely different images the generated ones amount to (Friedman & Dieng 2023); from 1, all alike. "
        "Looks at the generated side only.",
    ),
    "rke": Explanation(
        "Rényi kernel entropy",
        "How many modes the generated images form at the chosen bandwidth (Jalali et al. 2023); from 1, all alike. "
        "Looks at the generated side only.",
    ),
}


def explanation(name: str) -> Explanation | None:
    """The explanation of the score of that full name, such as ``"fd_efficientnet-lite0"``; None for others' scores."""
    for base in sorted(_EXPLANATIONS, key=len, reverse=True):
        if name == base or name.startswith(f"{base}_"):
            return _EXPLANATIONS[base]
    return None

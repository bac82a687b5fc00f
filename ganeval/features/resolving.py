"""From what a user names or hands over to an extractor that is ready to run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ganeval.errors import ExtractorError, OptionError, WeightsError, did_you_mean
from ganeval.features import efficientnet_lite, inception
from ganeval.features.custom import adapt, load_custom
from ganeval.features.extractor import EXTRACTORS, ExtractorRequest, FeatureExtractor
from ganeval.features.precision import find_precision
from ganeval.features.weights import obtain
from ganeval.notices import Notice

AUTO = "auto"


def resolve_extractor(
    chosen: str | FeatureExtractor | Callable[..., Any], request: ExtractorRequest | None = None
) -> tuple[FeatureExtractor, tuple[Notice, ...]]:
    """The extractor that was asked for, with remarks for the report.

    Parameters
    ----------
    chosen
        ``"auto"``, a name of the table of extractors, ``"package.module:Class"``, a `FeatureExtractor`, or any
        callable such as an `nn.Module` (see `ganeval.features.custom`). Only ``"auto"`` ever falls back.
    request
        Weights, preprocessing and whether to download; None for the defaults.

    Raises
    ------
    ExtractorError
        If the name is unknown or the extractor can't be used; `WeightsError` if its weights can't be had;
        `PluginError` for a user's own that doesn't work; `OptionError` for a precision that it doesn't have.
    """
    request = request or ExtractorRequest()
    find_precision(request.precision)
    extractor, notices = _resolved(chosen, request)
    if request.precision not in (None, extractor.info.precision):
        raise OptionError(
            f"the extractor {extractor.info.name!r} computes in {extractor.info.precision}, not in {request.precision}",
            hint="Leave --precision out, or use inception-v3 or efficientnet-lite0.",
        )
    return extractor, notices


def _resolved(
    chosen: str | FeatureExtractor | Callable[..., Any], request: ExtractorRequest
) -> tuple[FeatureExtractor, tuple[Notice, ...]]:
    if not isinstance(chosen, str):
        return adapt(chosen, request), ()
    name = chosen.strip()
    if ":" in name:
        return load_custom(name, request), ()
    if name == AUTO:
        return _automatic(request)
    if name not in EXTRACTORS:
        raise ExtractorError(f"unknown extractor {chosen!r}", hint=did_you_mean(name, [AUTO, *EXTRACTORS.names()]))
    return EXTRACTORS.get(name).create(request), ()


def _automatic(request: ExtractorRequest) -> tuple[FeatureExtractor, tuple[Notice, ...]]:
    if request.weights is not None:
        return inception.SPEC.create(request), ()
    try:
        path = obtain(inception.PUBLISHED, download=request.download, progress=request.progress)
    except WeightsError as error:
        return efficientnet_lite.SPEC.create(request), (_fallback_notice(error),)
    return inception.SPEC.create(replace(request, weights=path)), ()


def _fallback_notice(error: WeightsError) -> Notice:
    return Notice(
        code="extractor-fallback",
        message=f"{error.message}; {efficientnet_lite.NAME} is used instead of {inception.NAME}.",
        effect=(
            "These numbers can't be compared with published FID, KID or IS, only with others on "
            f"{efficientnet_lite.NAME}; pass --extractor {inception.NAME} --weights PATH for comparable ones."
        ),
    )

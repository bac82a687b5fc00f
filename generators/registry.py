"""The table of generative models: ganeval's own, one file each, and those of installed packages."""

from __future__ import annotations

from ganeval.errors import OptionError
from ganeval.generators.model import GenerativeModel
from ganeval.registry import Registry

MODELS: Registry[type[GenerativeModel]] = Registry(
    kind="model",
    group="ganeval.generators",
    builtin={
        "gan": "ganeval.generators.models.gan:GAN",
        "dcgan": "ganeval.generators.models.dcgan:DCGAN",
        "lsgan": "ganeval.generators.models.lsgan:LSGAN",
        "dragan": "ganeval.generators.models.dragan:DRAGAN",
        "ebgan": "ganeval.generators.models.ebgan:EBGAN",
        "began": "ganeval.generators.models.began:BEGAN",
        "wgan": "ganeval.generators.models.wgan:WGAN",
        "wgan-gp": "ganeval.generators.models.wgan_gp:WGANGP",
        "sngan": "ganeval.generators.models.sngan:SNGAN",
        "sagan": "ganeval.generators.models.sagan:SAGAN",
        "cgan": "ganeval.generators.models.cgan:CGAN",
        "acgan": "ganeval.generators.models.acgan:ACGAN",
        "infogan": "ganeval.generators.models.infogan:InfoGAN",
        "biggan": "ganeval.generators.models.biggan:BigGAN",
        "stylegan2": "ganeval.generators.models.stylegan2:StyleGAN2",
        "vae": "ganeval.generators.models.vae:VAE",
        "pix2pix": "ganeval.generators.models.pix2pix:Pix2Pix",
        "cyclegan": "ganeval.generators.models.cyclegan:CycleGAN",
    },
    error=OptionError,
)

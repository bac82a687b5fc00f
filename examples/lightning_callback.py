"""A GAN in Lightning, scored by a callback; the checkpoint with the lowest Fréchet distance is kept."""

from __future__ import annotations

import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from tiny_gan import Generator, adam, arguments, batches, gan_step, make_discriminator, training_images
from torch import Tensor

from ganeval.integrations.lightning import EvaluateGenerator
from ganeval.metrics import MetricSuite


class GAN(LightningModule):
    """Two optimisers, hence manual optimisation."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.generator, self.discriminator = Generator(), make_discriminator()

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Of the generator and of the discriminator."""
        return [adam(self.generator), adam(self.discriminator)]

    def training_step(self, images: Tensor, index: int) -> None:
        """One step of each."""
        gan_step(self.generator, self.discriminator, self.optimizers(), images, self.manual_backward)


def main(argv: list[str] | None = None) -> None:
    """Train."""
    options = arguments(__doc__, argv)
    seed_everything(0)
    real = training_images(options.images)
    suite = MetricSuite(["fid", "prdc"], real=real, extractor=options.extractor, value_range=(-1, 1))

    # An epoch is as long as the time between two evaluations; "fd_..." because only Inception's distance is a "fid".
    checkpoint = ModelCheckpoint(options.out, monitor=f"fd_{options.extractor}", mode="min", save_top_k=1)
    trainer = Trainer(
        max_epochs=options.steps // options.every,
        callbacks=[EvaluateGenerator(suite, "generator", n=options.samples), checkpoint],
        logger=TensorBoardLogger(options.out),
        log_every_n_steps=1,
    )
    trainer.fit(GAN(), batches(real, options.every))
    print("best:", checkpoint.best_model_path, {name: float(value) for name, value in trainer.callback_metrics.items()})


if __name__ == "__main__":
    main()

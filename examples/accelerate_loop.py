"""A GAN in a loop with Accelerate: ``accelerate launch`` runs it on several devices, each of which scores its share."""

from __future__ import annotations

from accelerate import Accelerator
from accelerate.utils import set_seed
from tiny_gan import Generator, adam, arguments, batches, gan_step, make_discriminator, training_images

from ganeval.integrations.loggers import log_scores
from ganeval.metrics import MetricSuite


def main(argv: list[str] | None = None) -> None:
    """Train."""
    options = arguments(__doc__, argv)
    accelerator = Accelerator(log_with="tensorboard", project_dir=options.out)
    accelerator.init_trackers("gan")
    set_seed(0, device_specific=True)

    real = training_images(options.images)
    generator, discriminator = Generator(), make_discriminator()
    generator, discriminator, *optimisers, loader = accelerator.prepare(
        generator,
        discriminator,
        adam(generator),
        adam(discriminator),
        batches(real, options.steps * accelerator.num_processes),
    )
    suite = MetricSuite(
        ["fid", "prdc"], real=real, extractor=options.extractor, value_range=(-1, 1), device=accelerator.device
    )

    for step, images in enumerate(loader, start=1):
        generated = gan_step(generator, discriminator, optimisers, images, accelerator.backward)
        if step % options.every == 0:
            # All processes call this, each makes its share of the images, and all get the same scores.
            scores = suite.evaluate(accelerator.unwrap_model(generator), n=options.samples)
            log_scores(accelerator, scores, step, images=generated[:16], value_range=(-1, 1))
            accelerator.print(f"step {step}:", {name: round(score.value, 4) for name, score in scores.items()})
    accelerator.save_model(generator, options.out / "generator")
    accelerator.end_training()


if __name__ == "__main__":
    main()

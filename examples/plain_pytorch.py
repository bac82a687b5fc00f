"""A GAN in a plain PyTorch loop, scored while it trains, with early stopping and TensorBoard."""

from __future__ import annotations

import torch
from tiny_gan import Generator, adam, arguments, batches, gan_step, make_discriminator, training_images
from torch.utils.tensorboard import SummaryWriter

from ganeval.integrations.early_stopping import StopWhenNotImproving
from ganeval.integrations.loggers import log_scores
from ganeval.metrics import MetricSuite


def main(argv: list[str] | None = None) -> None:
    """Train."""
    options = arguments(__doc__, argv)
    torch.manual_seed(0)
    real = training_images(options.images)
    generator, discriminator = Generator(), make_discriminator()
    optimisers = [adam(generator), adam(discriminator)]

    # One pass through the extractor feeds both metrics; real images go through it once, at the first evaluation.
    suite = MetricSuite(["fid", "prdc"], real=real, extractor=options.extractor, value_range=(-1, 1))
    stop = StopWhenNotImproving("fid", patience=5)
    board = SummaryWriter(str(options.out))

    for step, images in enumerate(batches(real, options.steps), start=1):
        generated = gan_step(generator, discriminator, optimisers, images)
        if step % options.every:
            continue
        scores = suite.evaluate(generator, n=options.samples)
        log_scores(board, scores, step, images=generated[:16], value_range=(-1, 1))
        for name, score in scores.items():
            print(
                f"step {step}: {name} {score.value:.4g}", score.interval and (score.interval.low, score.interval.high)
            )
        stopped = stop(step, scores)
        if stop.improved:
            torch.save(generator.state_dict(), options.out / "best.pt")
        if stopped:
            print("not certainly better since", stop.best)
            break
    board.close()


if __name__ == "__main__":
    main()

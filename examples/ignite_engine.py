"""A GAN in ignite's engine, scored by a handler; the checkpoint with the lowest Fréchet distance is kept."""

from __future__ import annotations

from ignite.engine import Engine, Events
from ignite.handlers import Checkpoint, DiskSaver
from ignite.handlers.tensorboard_logger import TensorboardLogger
from ignite.utils import manual_seed
from tiny_gan import Generator, adam, arguments, batches, gan_step, make_discriminator, training_images
from torch import Tensor

from ganeval.integrations.early_stopping import StopWhenNotImproving
from ganeval.integrations.ignite import EvaluateGenerator
from ganeval.metrics import MetricSuite


def main(argv: list[str] | None = None) -> None:
    """Train."""
    options = arguments(__doc__, argv)
    manual_seed(0)
    real = training_images(options.images)
    generator, discriminator = Generator(), make_discriminator()
    optimisers = [adam(generator), adam(discriminator)]

    def step(engine: Engine, images: Tensor) -> Tensor:
        return gan_step(generator, discriminator, optimisers, images)

    trainer = Engine(step)
    board = TensorboardLogger(log_dir=str(options.out))
    suite = MetricSuite(["fid", "prdc"], real=real, extractor=options.extractor, value_range=(-1, 1))
    evaluate = EvaluateGenerator(
        suite, generator, n=options.samples, logger=board, stop=StopWhenNotImproving("fid", patience=5)
    )
    evaluation = Events.ITERATION_COMPLETED(every=options.every)
    evaluate.attach(trainer, evaluation)

    # Handlers run in the order in which they were attached, so that this one finds the scores of this very step.
    # "fd_..." because only Inception's distance is a "fid".
    lowest = Checkpoint.get_default_score_fn(f"fd_{options.extractor}", score_sign=-1.0)
    saver = DiskSaver(str(options.out), create_dir=True, require_empty=False)
    trainer.add_event_handler(evaluation, Checkpoint({"generator": generator}, saver, score_function=lowest))
    trainer.add_event_handler(evaluation, lambda engine: print(engine.state.iteration, engine.state.metrics))

    trainer.run(batches(real, options.steps), max_epochs=1)
    board.close()


if __name__ == "__main__":
    main()

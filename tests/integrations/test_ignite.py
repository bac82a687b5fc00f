"""Real engines of ignite: a handler that scores a generator, and a metric over an engine's output."""

from __future__ import annotations

import importlib
import sys

import pytest
import torch

from ganeval.errors import ImageRangeError, OptionError
from ganeval.integrations.early_stopping import StopWhenNotImproving
from ganeval.metrics import PRDC, FrechetDistance

pytest.importorskip("ignite")


def engine_for(generator):
    from ignite.engine import Engine

    losses: list[float] = []
    optimiser = torch.optim.SGD(generator.parameters(), lr=0.1)

    def step(engine, batch):
        assert generator.training
        loss = (generator(torch.randn(len(batch), 4)) - batch).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))

    return Engine(step), losses


def handler_for(suite, generator, **options):
    from ganeval.integrations.ignite import EvaluateGenerator

    return EvaluateGenerator(suite, generator, n=60, **options)


def test_scores_are_in_the_engines_metrics(suite, make_generator, real_images, tmp_path) -> None:
    from ignite.engine import Events
    from ignite.handlers import Checkpoint, DiskSaver

    def run(evaluated: bool):
        torch.manual_seed(0)
        generator = make_generator()
        engine, losses = engine_for(generator)
        if evaluated:
            event = Events.ITERATION_COMPLETED(every=2)
            handler = handler_for(suite, generator).attach(engine, event)
            lowest = Checkpoint.get_default_score_fn("fd_features", -1.0)
            saver = DiskSaver(str(tmp_path), create_dir=True)
            engine.add_event_handler(event, Checkpoint({"generator": generator}, saver, score_function=lowest))
            engine.run(real_images.split(20), max_epochs=2)
            score = suite.evaluate(generator, n=60)["fid"]
            assert handler.scores["fid"].value == score.value
            assert engine.state.metrics == {
                "fd_features": score.value,
                "fd_features_low": score.interval.low,
                "fd_features_high": score.interval.high,
            }
        else:
            engine.run(real_images.split(20), max_epochs=2)
        return losses, float(torch.rand(1))

    assert run(True) == run(False)
    assert len(list(tmp_path.glob("generator_-*.pt"))) == 1


def test_logging_and_stopping(suite, generator, real_images, tmp_path) -> None:
    from ignite.handlers.tensorboard_logger import TensorboardLogger
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = TensorboardLogger(log_dir=str(tmp_path))
    stop = StopWhenNotImproving("fid", patience=2)
    # Of a set of images scores stay as they are.
    handler = handler_for(suite, real_images[:60] * 0.5, logger=board, samples=4, prefix="gan/", stop=stop)
    engine, _ = engine_for(generator)
    handler.attach(engine)
    engine.run(real_images.split(20), max_epochs=9)
    board.close()
    assert engine.state.epoch == 3
    assert stop.best.step == 4
    resumed = handler_for(suite, generator, stop=StopWhenNotImproving("fid", patience=2))
    resumed.load_state_dict(handler.state_dict())
    assert resumed.stop.best == stop.best
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [event.step for event in events.Scalars("gan/fd_features_low")] == [4, 8, 12]
    # A set of images isn't asked for samples.
    assert not events.Tags()["images"]


def test_metric_over_an_engines_output(tiny_features, generator, real_images) -> None:
    from ignite.engine import Engine

    from ganeval.integrations.ignite import GeneratedImages

    settings = {"extractor": tiny_features, "value_range": (-1, 1), "cache": False}
    images = real_images * 0.7
    named = FrechetDistance(real=real_images, **settings)
    evaluator = Engine(lambda engine, batch: {"images": batch, "pair": (batch, batch / 0.7)})
    GeneratedImages(named, lambda output: output["images"]).attach(evaluator, "fid")
    GeneratedImages(PRDC(**settings), lambda output: output["pair"]).attach(evaluator, "prdc")
    for _ in range(2):  # a second run begins anew
        metrics = evaluator.run(images.split(30)).metrics
        alone = FrechetDistance(real=real_images, **settings)
        alone.update(images)
        assert metrics["fid"] == pytest.approx(float(alone.compute()), rel=1e-9)
        assert set(metrics) == {"fid", "prdc", "precision", "recall", "density", "coverage"}
    of_pairs = GeneratedImages(FrechetDistance(real=real_images, **settings))
    with pytest.raises(OptionError, match="named when the metric was made"):
        of_pairs.update((images, real_images))
    with pytest.raises(ImageRangeError):
        of_pairs.update(images * 3)


def test_without_ignite(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ignite.engine", None)
    monkeypatch.delitem(sys.modules, "ganeval.integrations.ignite", raising=False)
    with pytest.raises(ImportError, match=r"ganeval\[ignite\]"):
        importlib.import_module("ganeval.integrations.ignite")

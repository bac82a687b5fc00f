"""Two processes with unequal numbers of images, or none, come to what one has: torchmetrics' own sync over gloo."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
import torch
from torch import distributed

from ganeval.metrics import PRDC, FrechetDistance, InceptionScore, KernelDistance, MetricSuite

OPTIONS = {"cache": False, "value_range": (0, 1)}
#: Images of the first process; the second has the rest.
DIVISIONS = (7, 11, 0)


def features(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    pixels = images.double()
    pooled = torch.cat([pixels.mean(dim=(2, 3)), pixels.std(dim=(2, 3))], dim=1) / 50
    return pooled, pooled[:, :3] * torch.tensor([1.0, -2.0, 3.0])


def images() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(4)
    return torch.rand(16, 3, 6, 6, generator=random), torch.rand(11, 3, 6, 6, generator=random) ** 2


def generator(z: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(z.reshape(-1, 3, 4, 4))


def results(rank: int, world: int) -> dict[str, float]:
    real, generated = images()
    found: dict[str, float] = {}
    for first in DIVISIONS:
        parts = [generated[:first], generated[first:]] if world == 2 else [generated]
        for kind, more in (
            (FrechetDistance, {}),
            (FrechetDistance, {"keep_features": True}),
            (KernelDistance, {"subsets": 4, "subset_size": 5}),
            (KernelDistance, {"subsets": 4, "subset_size": 5, "capacity": 8}),
            (InceptionScore, {"splits": 2}),
            (PRDC, {"k": 3}),
        ):
            metric = kind(features, **OPTIONS, **more)
            metric.update(real[rank::world], real=True)
            for batch in parts[rank].split(3):
                metric.update(batch)
            for name, score in metric.scores().items():
                found[f"{name} {more} {first}"] = score.value
            # What was gathered goes on being each process's own.
            assert int(metric.generated_count) == len(parts[rank])
            metric.compute()
    suite = MetricSuite(
        ["fid", "prdc"],
        torch.rand(30, 3, 4, 4, generator=torch.Generator().manual_seed(1)),
        extractor=features,
        device="cpu",
        **OPTIONS,
    )
    for name, score in suite.evaluate(generator, n=31, latent=48).items():
        found[f"suite {name}"] = score.value
    return found


def worker(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    torch.save(results(rank, 2), folder / f"{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.filterwarnings("ignore:The ``compute`` method", "ignore:.*fork:DeprecationWarning")
def test_two_processes_give_what_one_gives(tmp_path) -> None:
    # Forked, since imports take many times as long as the test.
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=worker, args=(rank, tmp_path), daemon=True) for rank in range(2)]
    for process in processes:
        process.start()
    alone = results(0, 1)
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0, 0]
    for rank in range(2):
        together = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert len(together) == len(alone) > 20
        assert together == pytest.approx(alone, rel=1e-6, abs=1e-12)

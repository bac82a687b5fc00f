"""Run by test_lightning.py in processes of its own: ``lightning_job.py DEVICES PREFIX`` validates a tiny generator."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import nn
from torch.utils.data import DataLoader

from ganeval.integrations.lightning import EvaluateGenerator
from ganeval.metrics import MetricSuite

seen = 0


def features(images: torch.Tensor) -> torch.Tensor:
    pixels = images.double() / 255
    return torch.cat([pixels.mean(dim=(2, 3)), pixels.std(dim=(2, 3))], dim=1)


class Counting(nn.Module):
    z_dim = 48

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        global seen
        seen += len(z)
        return torch.sigmoid(z * self.weight).reshape(-1, 3, 4, 4)


class Module(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.generator = Counting()

    def training_step(self, batch: torch.Tensor, index: int) -> torch.Tensor:
        return 0 * self.generator.weight.sum()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


def main() -> None:
    devices, prefix = int(sys.argv[1]), sys.argv[2]
    real = torch.rand(70, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    suite = MetricSuite(["fid", "prdc"], real, extractor=features, value_range=(0, 1), cache=False, device="cpu")
    trainer = Trainer(
        accelerator="cpu",
        devices=devices,
        strategy="ddp" if devices > 1 else "auto",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[EvaluateGenerator(suite, n=61, samples=0)],
    )
    trainer.fit(Module(), DataLoader(torch.zeros(4, 1)))
    scores = {name: float(value) for name, value in trainer.callback_metrics.items()}
    Path(f"{prefix}-{trainer.global_rank}").write_text(json.dumps({"scores": scores, "images": seen}))


if __name__ == "__main__":
    main()

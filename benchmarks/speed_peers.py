"""pytorch-fid and clean-fid as whole processes, with random weights in the place of the published ones.

`speed.py` runs this; by hand, with what `prepare` has written:

    python benchmarks/speed_peers.py clean-fid GENERATED REAL --work WORK
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch
from torch import Tensor, nn

_PYTORCH_FID_FILE = "pt_inception-2015-12-05-6726825d.pth"
_CLEAN_FID_FILE = "inception-2015-12-05.pt"


class _Layers(nn.Module):
    """clean-fid's file from the normalised image on: pooled features of torch-fidelity's layers as they are."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: Tensor) -> Tensor:
        for name, layer in self.layers.named_children():
            if name != "fc":
                x = layer(x)
            if name in ("Conv2d_2b_3x3", "Conv2d_4a_3x3"):
                x = nn.functional.max_pool2d(x, kernel_size=3, stride=2)
        return x.mean(dim=(2, 3))


class _CleanFidFile(nn.Module):
    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = _Layers(layers)

    def forward(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.layers((x - 128) / 128)
        return pooled


def prepare(weights: Path, work: Path) -> None:
    """Put the weights where both packages look for theirs, below `work`."""
    from ganeval.features.inception_network import InceptionLayers

    state = torch.load(weights, weights_only=True)
    checkpoints = work / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True, exist_ok=True)
    torch.save(state, checkpoints / _PYTORCH_FID_FILE)
    layers = InceptionLayers()
    layers.load_state_dict(state)
    network = _CleanFidFile(layers).eval().requires_grad_(False)
    traced = torch.jit.trace(network, torch.zeros(2, 3, 299, 299))  # type: ignore[no-untyped-call]
    traced.save(str(work / _CLEAN_FID_FILE))


def pytorch_fid(first: str, second: str, work: Path) -> float:
    """FID by pytorch-fid."""
    os.environ["TORCH_HOME"] = str(work)
    from pytorch_fid import fid_score

    workers = len(os.sched_getaffinity(0))
    return float(fid_score.calculate_fid_given_paths([first, second], 50, torch.device("cpu"), 2048, workers))


def clean_fid(first: str, second: str, work: Path) -> float:
    """FID by clean-fid in its own ("clean") resize."""
    from cleanfid import fid
    from cleanfid.inception_torchscript import InceptionV3W

    network = InceptionV3W(str(work), download=False, resize_inside=False).eval()

    def features(images: Tensor) -> Tensor:
        with torch.no_grad():
            pooled: Tensor = network(images)
        return pooled

    return float(
        fid.compute_fid(
            first, second, mode="clean", device=torch.device("cpu"), custom_feat_extractor=features,
            num_workers=len(os.sched_getaffinity(0)), use_dataparallel=False, verbose=False,
        )
    )  # fmt: skip


PEERS = {"pytorch-fid": pytorch_fid, "clean-fid": clean_fid}


def main() -> None:
    """Print one package's FID."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("first")
    parser.add_argument("second")
    parser.add_argument("--work", type=Path, required=True, help="where `prepare` wrote to")
    arguments = parser.parse_args()
    print(f"FID {PEERS[arguments.peer](arguments.first, arguments.second, arguments.work):.6f}")


if __name__ == "__main__":
    main()

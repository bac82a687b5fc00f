"""What each process of a test's job runs: first what `Ranks` can do, then the command line that it is given."""

from __future__ import annotations

import sys
import time

import numpy as np
import torch

import ganeval.distributed.ranks as module
from ganeval.cli.app import main
from ganeval.distributed.ranks import Ranks, joined


def check_ranks() -> None:
    ranks = Ranks.current()
    me, world = ranks.rank, ranks.world
    assert world > 1
    # Several pieces of what is sent.
    module._PIECE = 100
    with joined(ranks), joined(ranks):
        assert ranks.gathered({"rank": me, "more": [None, "ä" * me]}) == [
            {"rank": rank, "more": [None, "ä" * rank]} for rank in range(world)
        ]
        assert ranks.gathered_bytes(b"\x00" * me) == [b"\x00" * rank for rank in range(world)]
        assert ranks.gathered_bytes(b"") == [b""] * world
        data = bytes(range(256)) * 2
        assert ranks.broadcast_bytes(data if me == 1 else None, root=1) == data
        assert ranks.broadcast_bytes(b"" if me == 0 else b"mine") == b""
        assert ranks.broadcast(["first", me]) == ["first", 0]
        summed = ranks.summed(np.array([1.0, me]))
        assert summed.tolist() == [world, world * (world - 1) / 2]
        stacked = ranks.stacked(torch.tensor([me], dtype=torch.int64))
        assert [int(one) for one in stacked] == list(range(world))
        with ranks.first_before_others():
            if ranks.is_first:
                time.sleep(0.2)
            began = time.time()
        begun = ranks.gathered(began)
        assert min(begun) == begun[0]
        ranks.barrier()


if __name__ == "__main__":
    check_ranks()
    main()
    sys.exit(0)

"""A bounded memory holds the same images whatever the batches, the order and the number of holders."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.streaming.kept_rows import BlockFolder, add_rows, rows_held, sorted_rows

COUNT, CAPACITY = 900, 40


def rows(seed: int = 0) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    keys = torch.randperm(COUNT, generator=random) - COUNT // 2
    return {"keys": keys, "pooled": keys[:, None].float() * torch.tensor([1.0, 2.0])}


def empty() -> dict[str, list[torch.Tensor]]:
    return {"keys": [], "pooled": []}


def filled(order: torch.Tensor, sizes: list[int], capacity: int | None, folder: BlockFolder | None = None):
    blocks, every = empty(), rows()
    start = 0
    for size in [*sizes, COUNT]:
        part = order[start : start + size]
        add_rows(blocks, {name: values[part] for name, values in every.items()}, capacity, folder)
        start += size
    return blocks


@settings(max_examples=25)
@given(st.integers(0, 1000), st.lists(st.integers(0, 300), max_size=6), st.sampled_from([CAPACITY, None]))
def test_batches_and_order_do_not_matter(seed, sizes, capacity) -> None:
    order = torch.randperm(COUNT, generator=torch.Generator().manual_seed(seed))
    found = sorted_rows(filled(order, sizes, capacity), capacity)
    expected = rows()["keys"].sort().values[:capacity]
    assert torch.equal(found["keys"], expected)
    assert torch.equal(found["pooled"][:, 1], 2.0 * expected.float())


def test_two_holders_merge_to_one() -> None:
    halves = [filled(torch.arange(start, COUNT, 2), [], CAPACITY) for start in (0, 1)]
    merged = empty()
    for half in halves:
        add_rows(merged, {name: torch.cat(lists) for name, lists in half.items()}, CAPACITY)
    assert torch.equal(sorted_rows(merged, CAPACITY)["keys"], rows()["keys"].sort().values[:CAPACITY])


def test_memory_is_bounded() -> None:
    blocks = empty()
    most = 0
    for start in range(0, 20_000, 100):
        keys = torch.randint(-(2**40), 2**40, (100,), generator=torch.Generator().manual_seed(start))
        add_rows(blocks, {"keys": keys, "pooled": keys[:, None].float()}, CAPACITY)
        most = max(most, rows_held(blocks))
    assert most <= CAPACITY + 256 + 100
    assert len(sorted_rows(blocks, CAPACITY)["keys"]) == CAPACITY


def test_many_small_batches_make_few_blocks() -> None:
    blocks = empty()
    every = rows()
    for i in range(COUNT):
        add_rows(blocks, {name: values[i : i + 1] for name, values in every.items()}, None)
    assert rows_held(blocks) == COUNT
    assert len(blocks["keys"]) < 15


def test_blocks_in_a_folder_read_as_in_memory(tmp_path) -> None:
    folder = BlockFolder(tmp_path / "kept")
    blocks, keys = empty(), torch.randperm(10_000, generator=torch.Generator().manual_seed(5))
    for part in keys.split(700):
        add_rows(blocks, {"keys": part, "pooled": part[:, None].float()}, None, folder)
    in_memory = sorted_rows(blocks)
    from_folder = sorted_rows(blocks, None, folder)
    assert torch.equal(in_memory["keys"], torch.arange(10_000))
    assert torch.equal(from_folder["pooled"], in_memory["pooled"])

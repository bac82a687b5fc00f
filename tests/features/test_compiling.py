"""The compiled network: used only where it is right and pays, in any number of threads, never part of an identity."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ganeval.errors import OptionError
from ganeval.features.compiling import onnx_runtime
from ganeval.features.compiling.compiler import COMPILERS, OutputsOf
from ganeval.features.compiling.extractor import CompilingExtractor
from ganeval.features.compiling.onnx_runtime import OnnxRuntime
from ganeval.features.compiling.record import CompilingRecord, Measured, kind_of_work
from ganeval.features.engine import extract
from ganeval.features.extractor import ExtractorOutput, FeatureExtractor
from ganeval.features.features import ExtractorInfo
from ganeval.features.folding import FusedConv2d
from ganeval.features.store import FeatureStore
from ganeval.images.opening import open_source

CPU = torch.device("cpu")


class Small(FeatureExtractor):
    """Four features of one convolution."""

    info = ExtractorInfo("small", "a" * 64, "none", feature_dim=4)
    thread_safe = True

    def __init__(self, precision: str = "float32") -> None:
        self.info = ExtractorInfo("small", "a" * 64, "none", precision=precision, feature_dim=4)
        generator = torch.Generator().manual_seed(0)
        self.network = FusedConv2d(torch.randn(4, 3, 3, 3, generator=generator), torch.ones(4), activation="relu")
        self.batches: list[int] = []

    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        return images.float() / 255

    def forward(self, prepared: torch.Tensor) -> ExtractorOutput:
        if not torch.compiler.is_compiling():
            self.batches.append(len(prepared))
        return ExtractorOutput(self.network(prepared).mean((2, 3)))


class Compiler:
    """Stands for `torch.compile`: runs the module as it is, with an error, and counts."""

    def __init__(self, error: float = 0.0) -> None:
        self.error, self.compiled, self.layouts = error, 0, set()

    def __call__(self, module: nn.Module, **options: object):
        self.compiled += 1
        assert options["fullgraph"]

        def run(batch: torch.Tensor):
            self.layouts.add(tuple(batch.shape))
            pooled, logits, spatial = module(batch)
            return pooled * (1 + self.error), logits, spatial

        return run


@pytest.fixture
def compiler(monkeypatch) -> Compiler:
    stand_in = Compiler()
    monkeypatch.setattr(torch, "compile", stand_in)
    monkeypatch.setattr(OnnxRuntime, "unsuited", lambda self, extractor, device: "it stays out of this")
    return stand_in


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (44, 8, 8, 3), dtype=np.uint8)


def wrapped(plain: FeatureExtractor, choice: str = "inductor", **options) -> CompilingExtractor:
    settings = {"device": CPU, "batch_size": 8, "remaining": 1000, "folder": None, **options}
    return CompilingExtractor(plain, choice, **settings)


def test_features_and_their_identity_are_the_plain_ones(compiler, images, tmp_path):
    store = FeatureStore(tmp_path)
    plain = extract(open_source(images), Small(), device="cpu").features
    compiled = extract(open_source(images), Small(), device="cpu", compile="inductor", store=store)
    assert compiler.compiled == 1
    np.testing.assert_array_equal(compiled.features.pooled, plain.pooled)
    assert compiled.features.fingerprint == plain.fingerprint
    assert compiled.notices == ()
    again = extract(open_source(images), Small(), device="cpu", store=store)
    assert again.from_store == len(images)


def test_only_batches_of_the_compiled_layout_go_through_it(compiler, images):
    extract(open_source(images), Small(), device="cpu", compile="inductor", workers=2)
    # 44 images are five batches of 8 and one of 4.
    assert compiler.layouts == {(8, 3, 8, 8)}
    extractor = wrapped(Small())
    extractor(torch.zeros(8, 3, 8, 8, dtype=torch.uint8))
    assert extractor.compiled
    extractor(torch.zeros(8, 3, 9, 9, dtype=torch.uint8))
    assert compiler.layouts == {(8, 3, 8, 8)}


def test_the_next_set_finds_what_was_compiled_for_the_last(compiler, images):
    extractor = Small()
    for part in (images[:16], images[16:40]):
        extract(open_source(part), extractor, device="cpu", compile="inductor")
    assert compiler.compiled == 1


def test_other_threads_go_on_while_one_compiles(monkeypatch):
    compiling_now, go_on = threading.Event(), threading.Event()
    stand_in = Compiler()

    def slow(module, **options):
        compiling_now.set()
        assert go_on.wait(10)
        return stand_in(module, **options)

    monkeypatch.setattr(torch, "compile", slow)
    extractor = wrapped(Small())
    batch = torch.arange(8 * 3 * 64).reshape(8, 3, 8, 8).to(torch.uint8)
    expected = Small()(batch).pooled
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(extractor, batch)
        assert compiling_now.wait(10)
        assert torch.equal(extractor(batch).pooled, expected)
        assert not extractor.compiled
        go_on.set()
        assert torch.equal(first.result().pooled, expected)
    assert extractor.compiled
    with ThreadPoolExecutor(4) as pool:
        assert all(torch.equal(output.pooled, expected) for output in pool.map(extractor, [batch] * 16))
    assert stand_in.compiled == 1


@pytest.mark.parametrize(("error", "refused"), [(1e-6, False), (1e-4, True), (float("nan"), True)])
def test_outputs_that_differ_are_refused_with_a_notice(monkeypatch, images, error, refused):
    monkeypatch.setattr(torch, "compile", Compiler(error))
    plain = extract(open_source(images), Small(), device="cpu").features.pooled
    found = extract(open_source(images), Small(), device="cpu", compile="inductor")
    assert [notice.code for notice in found.notices] == ["not-compiled"] * refused
    if refused:
        np.testing.assert_array_equal(found.features.pooled, plain)
        assert "differ by" in found.notices[0].message
    else:
        np.testing.assert_allclose(found.features.pooled, plain, rtol=2e-6)


def test_lower_precisions_may_differ_by_their_rounding(monkeypatch, images):
    monkeypatch.setattr(torch, "compile", Compiler(3e-3))
    assert not extract(open_source(images), Small("bfloat16"), device="cpu", compile="inductor").notices
    assert extract(open_source(images), Small("float16"), device="cpu", compile="inductor").notices


def test_without_a_compiler_it_runs_as_it_is_and_says_so(monkeypatch, images):
    attempts = []

    def broken(module, **options):
        attempts.append(module)
        raise RuntimeError("InvalidCxxCompiler: No working C++ compiler found")

    monkeypatch.setattr(torch, "compile", broken)
    extractor = Small()
    found = extract(open_source(images), extractor, device="cpu", compile="inductor")
    assert "No working C++ compiler" in found.notices[0].message
    plain = extract(open_source(images), Small(), device="cpu")
    np.testing.assert_array_equal(found.features.pooled, plain.features.pooled)
    extract(open_source(images), extractor, device="cpu", compile="inductor")
    assert len(attempts) == 1, "what failed once isn't tried again for the next set"


def test_the_folder_of_artefacts_is_set_for_the_compiler_alone(monkeypatch, tmp_path):
    seen = []

    def looks(module, **options):
        seen.append(os.environ["TORCHINDUCTOR_CACHE_DIR"])
        return module

    monkeypatch.setattr(torch, "compile", looks)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "elsewhere")
    monkeypatch.delenv("TRITON_CACHE_DIR", raising=False)
    wrapped(Small(), folder=tmp_path)(torch.zeros(8, 3, 8, 8, dtype=torch.uint8))
    assert seen == [str(tmp_path / "artefacts")]
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == "elsewhere"
    assert "TRITON_CACHE_DIR" not in os.environ


BATCH = torch.zeros(8, 3, 8, 8, dtype=torch.uint8)


def _work(compiler: str = "inductor") -> str:
    return kind_of_work(Small().info, CPU, (8, 3, 8, 8), COMPILERS.get(compiler).version)


def _remembered(folder: Path, measured: Measured, compiler: str = "inductor") -> None:
    CompilingRecord(folder).put(_work(compiler), measured)


@pytest.mark.parametrize(
    ("measured", "remaining", "expected"),
    [
        # 0.8 s a batch of 8 as it is, 0.4 s compiled: 50 ms saved an image, so that 20 s pay from 401 images on.
        (Measured(0.8, 0.4, 20.0), 400, False),
        (Measured(0.8, 0.4, 20.0), 402, True),
        (Measured(0.8, 0.4, 20.0), None, False),
        (Measured(0.4, 0.4, 20.0), 10**9, False),
        (Measured(0.4, 0.8, 20.0), 10**9, False),
    ],
)
def test_auto_compiles_where_what_is_known_says_that_it_pays(compiler, tmp_path, measured, remaining, expected):
    _remembered(tmp_path, measured)
    extractor = wrapped(Small(), "auto", remaining=remaining, folder=tmp_path)
    extractor(BATCH)
    assert extractor.compiled is expected
    assert compiler.compiled == int(expected)


def test_auto_never_compiles_for_few_images_and_measures_with_many(compiler, tmp_path, monkeypatch):
    monkeypatch.setattr(CompilingExtractor, "_seconds", lambda self, run, batch, runs: 0.8)
    # Nothing is known: 20 % of 0.1 s an image, saved on more than 3,000 images, would pay for a minute.
    few = wrapped(Small(), "auto", remaining=2999, folder=tmp_path)
    few(BATCH)
    assert compiler.compiled == 0
    many = wrapped(Small(), "auto", remaining=3001, folder=tmp_path)
    many(BATCH)
    assert compiler.compiled == 1
    assert not many.compiled, "it turned out to gain nothing"
    known = CompilingRecord(tmp_path).get(_work())
    assert known is not None
    assert (known.plain, known.compiled) == (0.8, 0.8)
    wrapped(Small(), "auto", remaining=10**9, folder=tmp_path)(BATCH)
    assert compiler.compiled == 1, "and the next one knows"


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"work": 1}', '{"work": {"plain": 1}}', '{"work": {"plain": 1, "compiled": -1, "compiling": 1}}'],
)
def test_a_damaged_record_counts_as_none(tmp_path, content):
    (tmp_path / "measurements.json").write_text(content)
    record = CompilingRecord(tmp_path)
    assert record.get("work") is None
    record.put("work", Measured(1.0, 2.0, 3.0))
    assert record.get("work") == Measured(1.0, 2.0, 3.0)


def test_measurements_depend_on_the_kind_of_work():
    info, half = Small().info, Small("bfloat16").info
    versions = [COMPILERS.get(name).version for name in COMPILERS.names()]
    assert all(torch.__version__ in version for version in versions)
    kinds = {
        kind_of_work(*one, version)
        for one in ((info, CPU, (8, 3)), (half, CPU, (8, 3)), (info, CPU, (4, 3)))
        for version in versions
    }
    assert len(kinds) == 3 * len(versions)


def test_the_command_line_takes_it_and_refuses_what_it_is_not(ganeval, tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3), dtype=np.uint8))
    arguments = ("score", tmp_path / "a.npy", "--real", tmp_path / "a.npy", "-e", "pixels", "-m", "fd")
    refused = ganeval(*arguments, "--compile", "sometimes")
    assert refused.code == 2
    assert "never, auto, always, onnxruntime or inductor" in refused.text
    done = ganeval(*arguments, "--compile", "always", "--json", "-")
    assert done.code == 0
    assert "not-compiled" in {notice["code"] for notice in json.loads(done.out)["notices"]}
    (tmp_path / "ganeval-cache" / "compiled" / "artefacts").mkdir(parents=True)
    assert ganeval("cache", "ls").code == 0
    assert ganeval("cache", "prune", "--max-size", "0").code == 0


def test_choices_are_checked_in_python(images):
    with pytest.raises(OptionError, match="never, auto, always, onnxruntime or inductor"):
        extract(open_source(images), Small(), compile="sometimes")


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        # Seconds saved on 800 images, 100 batches: 40 less 20 and 30 less 5; 40 less 20 and 10 less 5; nothing and 5.
        ({"inductor": Measured(0.8, 0.4, 20.0), "onnxruntime": Measured(0.8, 0.5, 5.0)}, "onnxruntime"),
        ({"inductor": Measured(0.8, 0.4, 20.0), "onnxruntime": Measured(0.8, 0.7, 5.0)}, "inductor"),
        ({"inductor": Measured(0.8, 0.8, 20.0), "onnxruntime": Measured(0.8, 0.7, 5.0)}, "onnxruntime"),
        ({"inductor": Measured(0.8, 0.8, 20.0), "onnxruntime": Measured(0.8, 0.9, 5.0)}, None),
    ],
)
def test_auto_takes_the_compiler_that_saves_most(monkeypatch, tmp_path, measured, expected):
    made = []
    for name, known in measured.items():
        kind = type(COMPILERS.get(name))
        _remembered(tmp_path, known, name)
        monkeypatch.setattr(kind, "unsuited", lambda self, extractor, device: None)
        monkeypatch.setattr(kind, "compiled", lambda self, plain, batch, folder: made.append(self) or OutputsOf(plain))
    extractor = wrapped(Small(), "auto", remaining=800, folder=tmp_path)
    extractor(BATCH)
    assert made == ([] if expected is None else [COMPILERS.get(expected)])
    assert extractor.compiled is (expected is not None)


def test_where_the_first_compiler_fails_the_next_one_has_its_turn(monkeypatch, compiler):
    def broken(self, plain, batch, folder):
        raise RuntimeError("an operator that it doesn't know")

    monkeypatch.setattr(OnnxRuntime, "unsuited", lambda self, extractor, device: None)
    monkeypatch.setattr(OnnxRuntime, "compiled", broken)
    extractor = wrapped(Small(), "always")
    extractor(BATCH)
    assert extractor.compiled
    assert compiler.compiled == 1
    assert "an operator that it doesn't know" in extractor.notices[0].message


@pytest.mark.parametrize(
    ("missing", "precision", "reason"),
    [(True, "float32", "pip install 'ganeval[onnx]'"), (False, "bfloat16", "float32 on the CPU only")],
)
def test_a_compiler_asked_for_by_name_says_why_it_can_not(monkeypatch, missing, precision, reason):
    if missing:
        monkeypatch.setattr(onnx_runtime.util, "find_spec", lambda name: None)
    extractor = wrapped(Small(precision), "onnxruntime")
    extractor(BATCH)
    assert not extractor.compiled
    assert reason in extractor.notices[0].message


def test_what_auto_left_always_compiles(compiler, tmp_path):
    _remembered(tmp_path, Measured(0.4, 0.8, 20.0))
    plain = Small()
    for choice, expected in (("auto", False), ("always", True), ("auto", False)):
        extractor = wrapped(plain, choice, folder=tmp_path)
        extractor(BATCH)
        assert extractor.compiled is expected


@pytest.mark.parametrize("error", [RuntimeError("torn"), None])
def test_what_turned_out_wrong_is_not_kept(monkeypatch, tmp_path, error):
    forgotten = []

    def compiled(self, plain, batch, folder):
        if error is not None:
            raise error
        return lambda prepared: tuple(None if one is None else 2 * one for one in OutputsOf(plain)(prepared))

    monkeypatch.setattr(OnnxRuntime, "compiled", compiled)
    monkeypatch.setattr(OnnxRuntime, "unsuited", lambda self, extractor, device: None)
    monkeypatch.setattr(OnnxRuntime, "forget", lambda self, plain, batch, folder: forgotten.append(folder))
    wrapped(Small(), "onnxruntime", folder=tmp_path)(BATCH + 3)
    assert forgotten == [tmp_path]


def test_a_plug_in_that_fails_before_it_begins_is_passed_over(monkeypatch, compiler):
    def raising(self):
        raise LookupError("no such package")

    monkeypatch.setattr(OnnxRuntime, "unsuited", lambda self, extractor, device: None)
    monkeypatch.setattr(OnnxRuntime, "version", property(raising))
    extractor = wrapped(Small(), "always")
    extractor(BATCH)
    assert extractor.compiled
    assert not extractor.notices


def test_what_was_asked_for_and_had_no_batch_is_told(images):
    found = extract(open_source(images[:5]), Small(), device="cpu", compile="inductor")
    assert "no batch of 8 images was full" in found.notices[0].message
    assert not extract(open_source(images[:5]), Small(), device="cpu", compile="auto").notices


def test_threads_compute_while_the_network_is_exported(images, tmp_path):
    pytest.importorskip("onnxruntime", reason="onnxruntime isn't installed")
    pytest.importorskip("onnxscript", reason="onnxscript isn't installed")
    plain, batch, over = Small(), BATCH + 7, threading.Event()
    expected = Small()(batch).pooled

    def forward() -> int:
        runs = 0
        while not over.is_set():
            torch.testing.assert_close(plain(batch).pooled, expected, rtol=1e-5, atol=1e-6)
            runs += 1
        return runs

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(forward) for _ in range(2)]
        try:
            with torch.inference_mode():
                for _ in range(2):
                    COMPILERS.get("onnxruntime").compiled(plain, plain.prepare(batch), None)
        finally:
            over.set()
        assert sum(one.result() for one in running) > 0


class Spatial(Small):
    """Its spatial features too, and a mode of training that nobody asked to end."""

    def __init__(self) -> None:
        super().__init__()
        self.info = ExtractorInfo("spatial", "b" * 64, "none", feature_dim=4, spatial=True)
        self.network.train()

    def forward(self, prepared: torch.Tensor) -> ExtractorOutput:
        maps = self.network(prepared)
        return ExtractorOutput(maps.mean((2, 3)), spatial=maps.flatten(1))


@pytest.mark.parametrize("kind", [Small, Spatial])
def test_onnx_runtime_gives_the_same_features_and_keeps_its_graph(tmp_path, images, kind, capfd, recwarn):
    pytest.importorskip("onnxruntime", reason="onnxruntime isn't installed")
    pytest.importorskip("onnxscript", reason="onnxscript isn't installed")
    random_state = torch.get_rng_state()
    plain = extract(open_source(images), kind(), device="cpu").features
    exported = []
    for _ in range(2):
        extractor = kind()
        mode = extractor.network.training
        found = extract(
            open_source(images), extractor, device="cpu", compile="onnxruntime", workers=2, store=FeatureStore(tmp_path)
        )
        assert found.notices == ()
        assert [ready is None for ready in vars(extractor)["_compiled_networks"].values()] == [False]
        assert extractor.network.training is mode
        np.testing.assert_allclose(found.features.pooled, plain.pooled, rtol=1e-5)
        if plain.spatial is not None:
            np.testing.assert_allclose(found.features.spatial, plain.spatial, rtol=1e-4, atol=1e-5)
        (graph,) = (tmp_path / "compiled" / "artefacts" / "onnx").iterdir()
        exported.append(graph.stat().st_mtime_ns)
        FeatureStore(tmp_path).prune(max_bytes=0)
    assert exported[0] == exported[1]
    graph.write_bytes(graph.read_bytes()[:100])
    extractor = wrapped(kind(), "onnxruntime", folder=tmp_path / "compiled")
    with torch.inference_mode():
        extractor(torch.from_numpy(images[:8]).permute(0, 3, 1, 2))
    assert extractor.compiled
    assert graph.stat().st_size > 100, "a torn graph is made again"
    assert torch.equal(torch.get_rng_state(), random_state)
    assert capfd.readouterr() == ("", "")
    assert not [str(one.message) for one in recwarn if "ganeval" in str(one.filename)]


@pytest.mark.slow
def test_really_compiled_it_agrees_from_several_threads(tmp_path, images, monkeypatch):
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    random_state = torch.get_rng_state()
    many = np.concatenate([images] * 3)
    plain = extract(open_source(many), Small(), device="cpu").features.pooled
    extractor = Small()
    found = extract(
        open_source(many), extractor, device="cpu", compile="inductor", workers=2, store=FeatureStore(tmp_path)
    )
    assert found.notices == ()
    assert [kept is None for kept in vars(extractor)["_compiled_networks"].values()] == [False]
    np.testing.assert_allclose(found.features.pooled, plain, rtol=1e-5)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert any((tmp_path / "compiled" / "artefacts").rglob("*.so"))
    assert "TORCHINDUCTOR_CACHE_DIR" not in os.environ

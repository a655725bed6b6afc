"""The small-map path is timm's model: same logits, same gradients, same draws, and out of the way where it must be."""

import copy
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

from lpwd.training.small_maps.choose import SmallMapForward, accelerate, set_generator

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
SWIN = "swin_tiny_patch4_window7_224"
TINY_SWIN = {"embed_dim": 24, "depths": (2, 2, 2, 2), "num_heads": (1, 2, 4, 8), "patch_size": 2, "window_size": 4}
MINI = {"depths": (1, 1, 2, 1), "dims": (16, 32, 64, 128)}
SHORT = {"depths": (1, 1, 1, 1)}
COVERED = {  # name -> (timm's name, its arguments, image size)
    "convnext_atto": ("convnext_atto", {}, 32),
    "convnext_atto with drop path": ("convnext_atto", {"drop_path_rate": 0.3}, 32),
    "convnext_atto at 64": ("convnext_atto", SHORT, 64),
    "convnext_tiny": ("convnext_tiny", {"depths": (1, 2, 1, 1)}, 32),
    "convnext_tiny with norm first": ("convnext_tiny", SHORT | {"head_norm_first": True}, 32),
    "convnextv2_atto": ("convnextv2_atto", SHORT, 32),
    "convnextv2_nano, linear layers": ("convnextv2_nano", MINI | {"conv_mlp": False}, 32),
    "mini, patches of 4": ("convnext_atto", MINI | {"patch_size": 4}, 32),
    "mini, patches of 2": ("convnext_atto", MINI | {"patch_size": 2}, 32),
    "mini, no layer scale": ("convnext_atto", MINI | {"ls_init_value": None}, 32),
    "swin_tiny": (SWIN, SHORT | {"drop_path_rate": 0.0, "depths": (2, 2, 1, 1)}, 32),
    "swin_tiny with drop path": (SWIN, SHORT | {"drop_path_rate": 0.3}, 32),
    "swin_tiny at 64": (SWIN, {"depths": (2, 2, 1, 1), "drop_path_rate": 0.0}, 64),
    "tiny swin": (SWIN, TINY_SWIN, 32),
}
LARGE_BATCH = 40  # images: narrow stages fold a norm's weight and layer scale, stochastic depth skips images


def model_of(name: str, size: int = 32, **arguments: Any) -> nn.Module:
    """A model with every parameter off its trivial initial value."""
    if "swin" in name:
        arguments["img_size"] = size
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=10, **arguments)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if parameter.ndim == 1:
                parameter.copy_(torch.randn_like(parameter) * 0.5 + (1.0 if "weight" in key else 0.1))
            elif "table" in key:
                parameter.normal_(0, 0.5)
    return model


def accelerated(model: nn.Module, size: int = 32, precision: str = "fp32") -> nn.Module:
    fast = copy.deepcopy(model)
    assert accelerate(fast, image_size=size, precision=precision, device=CPU)
    return fast


def results(model: nn.Module, pixels: Tensor, half: bool = False) -> tuple[Tensor, dict[str, Tensor]]:
    """Logits and every gradient of a training step, the process-wide generator at a set state."""
    model.zero_grad()
    torch.manual_seed(3)
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        logits = model(pixels)
    functional.cross_entropy(logits.to(pixels.dtype), torch.arange(len(pixels)) % 10).backward()
    return logits.detach(), {key: p.grad.clone() for key, p in model.named_parameters() if p.grad is not None}


def error(found: Tensor, wanted: Tensor) -> float:
    """Norm of the difference, relative; 0 where both are zero."""
    return float((found.double() - wanted).norm() / wanted.norm().clamp_min(1e-30))


def pixels_of(count: int, size: int = 32, kind: torch.dtype = torch.float64) -> Tensor:
    pixels = torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return pixels.to(kind).to(memory_format=torch.channels_last)


LARGE = ("convnext_tiny", "convnext_tiny with norm first", "swin_tiny at 64")  # their kinds are there in small, too


@pytest.mark.parametrize(
    ("name", "arguments", "size"),
    [pytest.param(*case, marks=pytest.mark.long if name in LARGE else []) for name, case in COVERED.items()],
    ids=COVERED.keys(),
)
def test_logits_and_gradients_are_timms(name: str, arguments: dict[str, Any], size: int) -> None:
    model = model_of(name, size, **arguments).double()
    fast = accelerated(model, size)
    pixels = pixels_of(3, size)
    for mode in (True, False):
        logits, gradients = results(model.train(mode), pixels)
        fast_logits, fast_gradients = results(fast.train(mode), pixels)
        assert error(fast_logits, logits) < 1e-10
        assert fast_gradients.keys() == gradients.keys()
        assert max(error(fast_gradients[key], gradients[key]) for key in gradients) < 1e-10
    with torch.no_grad():
        assert error(fast(pixels), model(pixels)) < 1e-10


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("convnext_atto", {"drop_path_rate": 0.5}), (SWIN, TINY_SWIN | {"drop_path_rate": 0.5}), (SWIN, {})],
    ids=["convnext_atto", "tiny swin", "swin_tiny"],
)
def test_large_batches_fold_factors_into_weights_and_skip_dropped_images(name: str, arguments: dict[str, Any]) -> None:
    model = model_of(name, **SHORT | arguments).double()
    pixels = pixels_of(LARGE_BATCH)
    logits, gradients = results(model, pixels)
    fast_logits, fast_gradients = results(accelerated(model), pixels)
    assert error(fast_logits, logits) < 1e-10
    assert max(error(fast_gradients[key], gradients[key]) for key in gradients) < 1e-10


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("convnext_atto", {}),
        pytest.param("convnext_tiny", SHORT, marks=pytest.mark.long),
        pytest.param(SWIN, SHORT, marks=pytest.mark.long),
        (SWIN, TINY_SWIN),
    ],
    ids=["convnext_atto", "convnext_tiny", "swin_tiny", "tiny swin"],
)
def test_bf16_errs_no_more_than_timms_autocast(name: str, arguments: dict[str, Any]) -> None:
    model = model_of(name, **arguments)
    logits, gradients = results(copy.deepcopy(model).double(), pixels_of(LARGE_BATCH))

    def errors(of: nn.Module) -> tuple[float, float]:
        rounded_logits, rounded = results(of, pixels_of(LARGE_BATCH, kind=torch.float32), half=True)
        off = [error(rounded[key], gradients[key]) for key in gradients if gradients[key].norm() > 1e-12]
        return error(rounded_logits, logits), median(off)

    timms = errors(model.to(memory_format=torch.channels_last))
    ours = errors(accelerated(model, precision="bf16"))
    assert ours[0] < 1.1 * timms[0]
    assert ours[1] < 1.1 * timms[1]


AVX2_ALONE = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}  # no bf16 products, whatever the processor
BF16_GRADIENT = f"""
import sys, torch
from test_small_maps import SHORT, TINY_SWIN, accelerated, gradients_in_bf16, model_of
model = model_of("{SWIN}", **TINY_SWIN) if sys.argv[1] == "swin" else model_of("convnext_atto", **SHORT)
torch.save(gradients_in_bf16(accelerated(model, precision="bf16")), sys.argv[2])
"""


def gradients_in_bf16(model: nn.Module) -> Tensor:
    """All gradients of one training step under autocast, as a vector."""
    torch.manual_seed(1)
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(torch.randn(LARGE_BATCH, 3, 32, 32))
    functional.cross_entropy(logits.float(), torch.arange(LARGE_BATCH) % 10).backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


@pytest.mark.parametrize("family", ["convnext", "swin"])
def test_a_processor_without_bf16_products_trains_in_bf16_as_others_do(family: str, tmp_path: Path) -> None:
    file = tmp_path / "gradients.pt"
    command = [sys.executable, "-c", BF16_GRADIENT, family, str(file)]
    subprocess.run(
        command,
        check=True,
        env=os.environ | AVX2_ALONE | {"PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1"},
    )
    there = torch.load(file)
    model = model_of(SWIN, **TINY_SWIN) if family == "swin" else model_of("convnext_atto", **SHORT)
    in_fp32 = accelerated(model)
    torch.manual_seed(1)
    functional.cross_entropy(in_fp32(torch.randn(LARGE_BATCH, 3, 32, 32)), torch.arange(LARGE_BATCH) % 10).backward()
    exact = torch.cat([p.grad.flatten() for p in in_fp32.parameters() if p.grad is not None])
    here = gradients_in_bf16(accelerated(model, precision="bf16"))
    assert (there - exact).norm() <= 1.2 * (here - exact).norm()  # where both are this processor's, they are the same


def test_a_state_dict_of_one_loads_in_the_other() -> None:
    model = model_of(SWIN, **TINY_SWIN).eval()
    fast = accelerated(model_of(SWIN, **TINY_SWIN | {"drop_path_rate": 0.0})).eval()
    pixels = pixels_of(2, kind=torch.float32)
    with torch.no_grad():
        for parameter in fast.parameters():
            parameter.mul_(1.3)
        model.load_state_dict(fast.state_dict())
        assert error(fast(pixels), model(pixels).double()) < 1e-5
    assert [key for key, _ in fast.named_parameters()] == [key for key, _ in model.named_parameters()]
    assert fast.state_dict().keys() == model.state_dict().keys()


def test_parameters_changed_in_place_and_hooks_of_the_model_count() -> None:
    model = model_of("convnext_atto", **MINI).double().eval()
    fast = accelerated(model)
    calls: list[int] = []
    fast.register_forward_pre_hook(lambda module, inputs: calls.append(len(inputs[0])))
    pixels = pixels_of(2)
    with torch.no_grad():
        fast(pixels)
        for one, other in zip(model.parameters(), fast.parameters(), strict=True):
            one.mul_(0.9)
            other.mul_(0.9)
        assert error(fast(pixels), model(pixels)) < 1e-10
    assert calls == [2, 2]


def test_a_copy_computes_with_its_own_parameters() -> None:
    fast = accelerated(model_of(SWIN, **TINY_SWIN)).eval()
    twin = copy.deepcopy(fast)
    assert isinstance(twin.forward, SmallMapForward)
    pixels = pixels_of(2, kind=torch.float32)
    with torch.no_grad():
        before = twin(pixels)
        for parameter in fast.parameters():
            parameter.zero_()
        assert torch.equal(twin(pixels), before)
        assert not torch.equal(fast(pixels), before)


def test_frozen_parameters_stay_without_gradient() -> None:
    model = model_of("convnext_atto", **MINI).double()
    for part in (model.stem, model.stages[1], model.stages[2].blocks[0].conv_dw):
        part.requires_grad_(False)
    pixels = pixels_of(2)
    _, gradients = results(model, pixels)
    _, fast_gradients = results(accelerated(model), pixels)
    assert fast_gradients.keys() == gradients.keys()
    assert max(error(fast_gradients[key], gradients[key]) for key in gradients) < 1e-10


@pytest.mark.parametrize(("name", "arguments"), [("convnext_atto", MINI), (SWIN, TINY_SWIN)])
def test_pixels_may_want_a_gradient(name: str, arguments: dict[str, Any]) -> None:
    model = model_of(name, **arguments).double().eval()
    gradients = []
    for each in (model, accelerated(model)):
        pixels = pixels_of(2).requires_grad_()
        each(pixels).square().sum().backward()
        gradients.append(pixels.grad)
    assert error(gradients[1], gradients[0]) < 1e-10


def test_stochastic_depth_draws_from_the_generator_that_was_set() -> None:
    fast = accelerated(model_of(SWIN, **TINY_SWIN | {"drop_path_rate": 0.5})).train()
    pixels = pixels_of(4, kind=torch.float32)
    torch.manual_seed(5)
    process_wide = fast(pixels)
    set_generator(fast, torch.Generator().manual_seed(5))
    before = torch.random.get_rng_state()
    own = fast(pixels)
    assert torch.equal(own, process_wide)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not torch.equal(fast(pixels), own)
    set_generator(fast, None)
    torch.manual_seed(5)
    assert torch.equal(fast(pixels), process_wide)


def test_a_generator_for_a_model_of_timms_own_is_refused() -> None:
    model = model_of(SWIN, **TINY_SWIN)
    set_generator(model, None)
    with pytest.raises(ValueError, match="is not accelerated"):
        set_generator(model, torch.Generator())


def test_a_swin_some_of_whose_blocks_stay_timms_is_left_alone_where_these_would_draw() -> None:
    model = model_of(SWIN, 64, depths=(2, 2, 1, 1), drop_path_rate=0.1)
    assert not accelerate(model, image_size=64, precision="fp32", device=CPU)


def test_calls_that_are_not_covered_go_to_timms_layers() -> None:
    model = model_of("convnext_atto", **MINI).eval()
    fast = accelerated(model, precision="bf16")
    with torch.no_grad():
        pixels = pixels_of(2, kind=torch.float32)
        assert torch.equal(fast(pixels), model(pixels))  # no autocast, though bf16 was chosen
        with torch.autocast("cpu", torch.bfloat16):
            assert not torch.equal(fast(pixels), model(pixels))
            larger = pixels_of(2, 64, torch.float32)
            assert torch.equal(fast(larger), model(larger))


def test_a_compiled_model_is_traced_through_timms_layers() -> None:
    model = model_of("convnext_atto", **MINI).eval()
    fast = accelerated(model)
    pixels = pixels_of(2, kind=torch.float32)
    with torch.no_grad():
        assert torch.equal(torch.compile(fast, backend="eager")(pixels), model(pixels))


def hooked(model: nn.Module) -> None:
    model.stages[0].register_forward_hook(lambda module, inputs, output: None)


def patched(model: nn.Module) -> None:
    model.head.forward = model.head.forward


def checkpointing(model: nn.Module) -> None:
    model.set_grad_checkpointing()


def part_in_double(model: nn.Module) -> None:
    model.head.double()


def weight_normed(model: nn.Module) -> None:
    nn.utils.parametrizations.weight_norm(model.stages[0].blocks[0].conv_dw)


NOT_COVERED: dict[str, tuple[str, dict[str, Any], int, Callable[[nn.Module], None] | None]] = {
    "overlapping stem": ("convnext_atto_ols", MINI, 32, None),
    "dilation": ("convnext_atto", MINI | {"output_stride": 8}, 32, None),
    "another norm": ("convnext_atto", MINI | {"norm_layer": "rmsnorm2d"}, 32, None),
    "another activation": ("convnext_atto", MINI | {"act_layer": "gelu_tanh"}, 32, None),
    "no biases": ("convnext_atto", MINI | {"conv_bias": False}, 32, None),
    "dropout before the head": ("convnext_atto", MINI | {"drop_rate": 0.1}, 32, None),
    "large maps": ("convnext_atto", MINI, 128, None),
    "maps that patches do not divide": ("convnext_atto", MINI, 48, None),
    "hooks on inner modules": ("convnext_atto", MINI, 32, hooked),
    "a forward replaced within": ("convnext_atto", MINI, 32, patched),
    "recomputation": ("convnext_atto", MINI, 32, checkpointing),
    "parameters of two types": ("convnext_atto", MINI, 32, part_in_double),
    "parametrized weights": ("convnext_atto", MINI, 32, weight_normed),
    "swin v2": ("swinv2_cr_tiny_ns_224", {"embed_dim": 24, "depths": (1, 1, 1, 1), "window_size": 4}, 32, None),
    "swin with dropout": (SWIN, TINY_SWIN | {"proj_drop_rate": 0.1}, 32, None),
    "swin of any input size": (SWIN, TINY_SWIN | {"strict_img_size": False}, 32, None),
    "swin without biases": (SWIN, TINY_SWIN | {"qkv_bias": False}, 32, None),
    "another family": ("resnet18", {}, 32, None),
}


@pytest.mark.parametrize(("name", "arguments", "size", "change"), NOT_COVERED.values(), ids=NOT_COVERED.keys())
def test_what_is_not_covered_keeps_timms_forward(
    name: str, arguments: dict[str, Any], size: int, change: Callable[[nn.Module], None] | None
) -> None:
    model = model_of(name, size, **arguments)
    if change is not None:
        change(model)
    assert not accelerate(model, image_size=size, precision="fp32", device=CPU)
    assert "forward" not in vars(model)


def test_other_devices_keep_timms_forward() -> None:
    model = model_of("convnext_atto", **MINI)
    assert not accelerate(model, image_size=32, precision="bf16", device=torch.device("cuda"))
    assert "forward" not in vars(model)


def test_a_branch_that_all_images_skip_still_gives_its_parameters_gradients_of_zero() -> None:
    model = model_of(SWIN, **TINY_SWIN | {"drop_path_rate": 0.999}).double()
    pixels = pixels_of(12)
    _, gradients = results(model, pixels)
    _, fast_gradients = results(accelerated(model), pixels)
    assert fast_gradients.keys() == gradients.keys()
    assert any(not gradient.any() for gradient in gradients.values())
    assert max(error(fast_gradients[key], gradients[key]) for key in gradients) < 1e-10


def test_choosing_again_replaces_the_first_choice() -> None:
    model = accelerated(model_of("convnext_atto", **MINI), precision="fp32")
    assert accelerate(model, image_size=64, precision="bf16", device=CPU)
    assert isinstance(model.forward, SmallMapForward)
    assert (model.forward.pixel_shape, model.forward.half) == ((3, 64, 64), True)
    assert not accelerate(model, image_size=128, precision="bf16", device=CPU)
    assert "forward" not in vars(model)

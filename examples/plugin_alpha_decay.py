"""Plug-in with a decay method: AlphaDecay (arXiv 2506.14562), whose rates depend on the spectra of the weights.

python -m lpwd race --plugin examples/plugin_alpha_decay.py --method wd --method alpha_decay --dataset digits
python examples/plugin_alpha_decay.py        # prints the rates before and after a few steps; under 10 s
"""

import torch
from torch import Tensor, nn

import lpwd

EVERY = 100  # steps between updates of the rates; the authors use 500
LEAST, MOST = 2 / 3, 3.0  # lambda_i / lambda for the heaviest and the lightest tail


def tail_exponent(weight: Tensor) -> float:
    """Return PL_Alpha_Hill, Hill's estimate of the power law of the larger half of the eigenvalues of W W^T."""
    eigenvalues = torch.linalg.svdvals(weight.flatten(1).double()).square().sort().values
    tail = eigenvalues[len(eigenvalues) // 2 :].clamp(min=1e-30).log()
    return 1 + len(tail) / float((tail - tail[0]).sum().clamp(min=1e-12))


def alpha_decay(layers: list[dict[str, Tensor]], weight_decay: float) -> list[float]:
    """Return lambda_i from LEAST to MOST times lambda, linear in the exponent of the layer's largest matrix."""
    matrices = [[p for p in layer.values() if p.ndim >= 2 and min(p.flatten(1).shape) >= 4] for layer in layers]
    exponents = [tail_exponent(max(ps, key=Tensor.numel)) if ps else None for ps in matrices]
    known = [exponent for exponent in exponents if exponent is not None]
    if len(set(known)) < 2:
        return [weight_decay] * len(layers)
    low, width = min(known), max(known) - min(known)
    return [
        weight_decay * (1.0 if a is None else LEAST + (a - low) / width * (MOST - LEAST)) for a in exponents
    ]  # layers without a matrix keep lambda


lpwd.register_method(
    "alpha_decay",
    timing="wd",
    rates=alpha_decay,
    every=EVERY,
    label="AlphaDecay",
    source="AlphaDecay, arXiv 2506.14562",
    summary="layers with heavy-tailed spectra shrink less",
)

if __name__ == "__main__":
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 8))
    optimizer = lpwd.build_optimizer(model, "timm:muon", "alpha_decay", lr=1e-2, weight_decay=0.1)
    for step in range(EVERY + 1):
        if step % EVERY == 0:
            print(step, "steps:", *(f"{group['weight_decay']:.4f}" for group in optimizer.param_groups))
        optimizer.zero_grad()
        inputs = torch.randn(64, 32)
        nn.functional.mse_loss(model(inputs), inputs[:, :8].sin()).backward()
        optimizer.step()
    print(step + 1, "steps:", *(f"{group['weight_decay']:.4f}" for group in optimizer.param_groups))

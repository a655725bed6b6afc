"""Every class of torch.optim and of timm with each decay around its step, against a plain loop in float64."""

import copy
import inspect
import math
import pickle

import pytest
import torch
from torch import Tensor, nn

import lpwd
from lpwd.optim.decaying import decaying
from lpwd.optim.loading import load, optimizer_class
from lpwd.optim.penalty import OpposingMeter
from lpwd.optimizers import OPTIMIZERS, OWN

pytestmark = pytest.mark.usefixtures("one_thread")

STEPS = 20
TIMINGS = ("none", "l2", "wd", "rwd", "pwd", "cautious", "l2sp", "spd", "soda")
RATES = (0.3, 0.3, 0.7)  # lambda of each parameter: two groups
MISSING = 1  # the parameter that has no gradient in some steps
TRAINS = [name for name, row in OPTIMIZERS.items() if not row.refused and name not in OWN]


def start() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((4, 3), (5,), (3, 4))]


def gradient(t: int, i: int, theta: Tensor) -> Tensor | None:
    """Of a quadratic with noise; it depends on the weights, so that the time of a decay matters."""
    if i == MISSING and t % 5 == 3:
        return None
    generator = torch.Generator().manual_seed(100 * t + i)
    return 0.3 * theta + torch.randn(theta.shape, generator=generator, dtype=torch.float64)


def learning_rate(t: int) -> float:
    return 1e-2 * 0.5 * (1 + math.cos(math.pi * t / STEPS))


def built(cls: type[torch.optim.Optimizer], options: dict, params: list[nn.Parameter], **more) -> torch.optim.Optimizer:
    groups = [{"params": params[:2]}, {"params": params[2:]}]
    if "decay" in more:
        groups[0]["weight_decay"], groups[1]["weight_decay"] = RATES[0], RATES[2]
    elif "weight_decay" in inspect.signature(cls).parameters:
        more = {"weight_decay": 0.0}
    return cls(groups, lr=learning_rate(0), **options, **more)


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr


def ours(cls: type[torch.optim.Optimizer], options: dict, timing: str) -> list[list[Tensor]]:
    params = [nn.Parameter(theta) for theta in start()]
    optimizer = built(cls, options, params, decay=timing)
    weights = []
    for t in range(STEPS):
        set_lr(optimizer, learning_rate(t))
        optimizer.decay_()
        for i, p in enumerate(params):
            p.grad = gradient(t, i, p.detach())
        optimizer.step()
        weights.append([p.detach().clone() for p in params])
    return weights


def plain(cls: type[torch.optim.Optimizer], options: dict, timing: str) -> list[list[Tensor]]:
    """The formulas of lpwd/optim/decaying.py, with the class's own step from given weights as a black box."""
    theta, theta_0 = start(), start()
    params = [nn.Parameter(x.clone()) for x in theta]
    optimizer = built(cls, options, params)
    weights = []
    for t in range(STEPS):
        set_lr(optimizer, learning_rate(t))
        c = [1 / (t + 2) if timing == "soda" else learning_rate(t) * rate for rate in RATES]
        if timing == "pwd":
            theta = [(1 - c_i) * x for x, c_i in zip(theta, c, strict=True)]
        grads = [gradient(t, i, x) for i, x in enumerate(theta)]
        for i, (p, x, grad) in enumerate(zip(params, theta, grads, strict=True)):
            p.data.copy_(x)
            p.grad = grad if timing != "l2" or grad is None else grad + RATES[i] * x
        optimizer.step()
        after = [p.detach().clone() for p in params]
        rows = zip(grads, theta, after, c, theta_0, RATES, strict=True)
        theta = [x if g is None else decayed(timing, g, x, *more) for g, x, *more in rows]
        weights.append(theta)
    return weights


def decayed(
    timing: str, grad: Tensor, theta: Tensor, after: Tensor, c: float, theta_0: Tensor, weight_decay: float
) -> Tensor:
    if timing == "wd":
        return after - c * theta
    if timing == "rwd":
        return after - c * after
    if timing == "cautious":
        return after - c * torch.where((theta - after) * theta >= 0, theta, 0.0)
    if timing == "spd" and (grad * (theta - theta_0)).sum() > 0:
        further = max(0.0, 1 - float((theta - theta_0).norm() / (after - theta_0).norm()))
        return after - weight_decay * further * (after - theta_0)
    return after - c * (theta - theta_0) if timing in ("l2sp", "soda") else after


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long if place % 3 else []) for place, name in enumerate(TRAINS)]
)
def test_every_decay_around_every_optimizer_follows_its_formula(name: str):
    cls, options = optimizer_class(name)
    for timing in TIMINGS:
        for mine, expected in zip(ours(cls, options, timing), plain(cls.own, options, timing), strict=True):
            for a, b in zip(mine, expected, strict=True):
                assert (a - b).norm() / b.norm() < 1e-12, timing


def test_every_name_of_the_table_loads_here_or_says_why_not():
    from timm.optim import list_optimizers

    assert {f"timm:{name}" for name in list_optimizers()} <= set(OPTIMIZERS)
    assert {name.lower() for name in dir(torch.optim) if is_optimizer(getattr(torch.optim, name))} <= set(OPTIMIZERS)
    for name, row in OPTIMIZERS.items():
        if row.refused:
            with pytest.raises(ValueError, match=row.refused[:20]):
                optimizer_class(name)
        elif name not in OWN:
            cls, options = optimizer_class(name)
            params = [nn.Parameter(torch.ones(8, 8)), nn.Parameter(torch.ones(8))]
            optimizer = cls(params, lr=row.lr, **options)
            for p in params:
                p.grad = torch.ones_like(p)
            optimizer.step()
            kept = [v.numel() for p in params for v in optimizer.state[p].values() if torch.is_tensor(v) and v.ndim]
            assert sum(kept) / 72 <= row.floats - 1 + 1e-9, f"{name} keeps more than the table says"


def is_optimizer(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, torch.optim.Optimizer) and value is not torch.optim.Optimizer


def two_steps(optimizer: torch.optim.Optimizer, params: list[nn.Parameter], first: int = 0) -> list[Tensor]:
    for t in (first, first + 1):
        optimizer.decay_()
        for i, p in enumerate(params):
            grad = gradient(t, i, p.detach().double())
            p.grad = None if grad is None else grad.to(p.dtype)
        optimizer.step()
    return [p.detach().clone() for p in params]


@pytest.mark.parametrize("name", ["nadam", "timm:muon", "timm:lamb", "timm:nadamw", "timm:sgdw"])
@pytest.mark.parametrize("way", ["pickle", "deepcopy", "state_dict"])
def test_a_copy_goes_on_bit_for_bit(name: str, way: str):
    cls, options = optimizer_class(name)
    params = [nn.Parameter(theta.float()) for theta in start()]  # torch loads NAdam's float32 products as float64
    optimizer = cls(params, lr=1e-2, weight_decay=0.3, decay="l2sp", **options)
    two_steps(optimizer, params)
    if way == "state_dict":
        others = [nn.Parameter(p.detach().clone()) for p in params]
        other = cls(others, lr=1.0, weight_decay=9.0, decay="wd", **options)
        other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    else:
        other = pickle.loads(pickle.dumps(optimizer)) if way == "pickle" else copy.deepcopy(optimizer)
        others = other.param_groups[0]["params"]
        assert type(other) is type(optimizer)
    for a, b in zip(two_steps(optimizer, params, 2), two_steps(other, others, 2), strict=True):
        assert torch.equal(a, b)


def test_it_is_a_subclass_that_schedulers_and_closures_know():
    cls = decaying(torch.optim.RMSprop)
    assert issubclass(cls, torch.optim.RMSprop)
    assert decaying(torch.optim.RMSprop) is cls
    assert decaying(cls) is cls
    assert decaying(lpwd.Adam) is lpwd.Adam
    model = nn.Linear(3, 2).double()
    optimizer = cls(model.parameters(), 0.1, weight_decay=0.5, decay="pwd").attach(model)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    before = model.weight.detach().clone()

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = model(torch.zeros(4, 3, dtype=torch.float64)).sum() * 0 + model.weight.sum() * 0
        loss.backward()
        return loss

    assert optimizer.step(closure) == 0
    schedule.step()
    assert torch.equal(model.weight, 0.95 * before)
    assert optimizer.param_groups[0]["lr"] == 0.05


def test_lamb_computes_its_update_at_the_undecayed_weights():
    """Its trust ratio is a function of the weights, so decaying first would be another method."""
    cls, options = optimizer_class("timm:lamb")
    weights = {}
    for rate in (0.0, 0.5):
        p = nn.Parameter(start()[0])
        optimizer = cls([p], lr=0.1, weight_decay=rate, decay="wd", **options)
        p.grad = gradient(0, 0, p.detach())
        optimizer.step()
        weights[rate] = p.detach()
    assert (weights[0.5] - (weights[0.0] - 0.05 * start()[0])).abs().max() < 1e-15
    ratio = torch.linalg.vector_norm(start()[0] - weights[0.0]) / (0.1 * torch.linalg.vector_norm(start()[0]))
    assert ratio == pytest.approx(1)  # the trust ratio acts without the class's own decay, too


def test_the_own_decay_of_the_class_stays_off_and_its_options_stay():
    p = nn.Parameter(torch.ones(3))
    optimizer = decaying(torch.optim.AdamW)([p], lr=0.1, amsgrad=True, decay="none", weight_decay=0.5)
    p.grad = torch.zeros(3)
    optimizer.step()
    assert torch.equal(p.detach(), torch.ones(3))
    assert optimizer.param_groups[0]["weight_decay"] == 0.5
    assert optimizer.param_groups[0]["amsgrad"]


def test_sparse_gradients_decay_whole_parameters_and_l2_refuses_them():
    cls = decaying(torch.optim.SparseAdam)
    embedding = nn.Embedding(5, 2, sparse=True)
    before = embedding.weight.detach().clone()
    optimizer = cls(embedding.parameters(), lr=0.1, weight_decay=0.5, decay="wd")
    embedding(torch.tensor([1])).sum().backward()
    optimizer.step()
    assert torch.allclose(embedding.weight[0], 0.95 * before[0])
    optimizer.param_groups[0]["decay"] = "l2"
    with pytest.raises(ValueError, match="decay 'l2' adds to the gradient and does not support sparse gradients"):
        optimizer.step()
    assert optimizer.param_groups[0]["weight_decay"] == 0.5


def test_a_class_that_differentiates_gradients_works_but_for_l2():
    cls, _ = load("timm:adahessian")
    p = nn.Parameter(torch.ones(2))
    optimizer = decaying(cls)([p], lr=0.1, weight_decay=0.5, decay="rwd")
    (p**3).sum().backward(create_graph=True)
    optimizer.step()
    assert (p < 0.95).all()
    optimizer.param_groups[0]["decay"] = "l2"
    (p**3).sum().backward(create_graph=True)
    with pytest.raises(ValueError, match="does not support gradients that are differentiated"):
        optimizer.step()


def test_the_gradient_scaler_leaves_out_update_and_decay_together():
    p = nn.Parameter(torch.ones(3))
    optimizer = decaying(torch.optim.AdamW)([p], lr=0.1, weight_decay=0.5, decay="rwd", fused=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    for value, expected in ((float("inf"), 1.0), (0.0, 0.95)):
        p.grad = None
        scaler.scale((p * value).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        assert torch.allclose(p.detach(), torch.full((3,), expected))


class Unsuited(torch.optim.SGD):
    def train(self):
        """As schedulefree's."""

    def eval(self):
        """As schedulefree's."""


def test_what_cannot_be_surrounded_is_refused_with_the_reason():
    for cls, sentence in (
        (torch.optim.LBFGS, "LBFGS evaluates the loss several times per step"),
        (Unsuited, "Unsuited keeps its own copy of the weights"),
        (nn.Linear, "is not a subclass of torch.optim.Optimizer"),
    ):
        with pytest.raises(ValueError, match=sentence):
            decaying(cls)
    params = [nn.Parameter(torch.ones(2))]
    with pytest.raises(ValueError, match="decay is 'adams': NAdam allows none, l2, wd"):
        decaying(torch.optim.NAdam)(params, decay="adams")
    with pytest.raises(ValueError, match="lr is None: a decay fraction is eta"):
        decaying(load("timm:adafactor")[0])(params, lr=None)
    with pytest.raises(ValueError, match="differentiable is not supported by NAdam"):
        decaying(torch.optim.NAdam)(params, differentiable=True)


def test_build_optimizer_takes_names_and_classes(monkeypatch: pytest.MonkeyPatch):
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten(), nn.Linear(48, 4))
    for optimizer in ("nadam", "timm:muon", "torch.optim:NAdam", torch.optim.NAdam):
        built = lpwd.build_optimizer(model, optimizer, "lpwd", 1e-3, 0.5)
        assert [group["weight_decay"] for group in built.param_groups] == [0.5, 1.0]
        assert built.param_groups[0]["decay"] == "pwd"
    for wrong, sentence in (
        ("nadamm", r"optimizer is 'nadamm': allowed are .* did you mean nadam"),
        ("timm:bnblion", "optimizer timm:bnblion needs bitsandbytes and a GPU"),
        ("torch.nn:Linear", "optimizer .torch.nn:Linear. not found in torch.nn"),
    ):
        with pytest.raises(ValueError, match=sentence):
            lpwd.build_optimizer(model, wrong, "lpwd")
    with pytest.raises(ValueError, match="method adams needs optimizer adam, got NAdam"):
        lpwd.build_optimizer(model, torch.optim.NAdam, "adams")
    monkeypatch.setattr("lpwd.optimizers._modules_allowed", False)
    with pytest.raises(ValueError, match="the app does not import modules named by a run"):
        lpwd.build_optimizer(model, "antigravity:Optimizer", "wd")


@pytest.mark.parametrize("timing", ["wd", "cautious", "l2sp", "rwd"])
def test_opposing_penalties_are_those_of_the_exact_optimizer(timing: str):
    measured = []
    for cls in (lpwd.Adam, decaying(torch.optim.Adam)):
        params = [nn.Parameter(theta) for theta in start()]
        optimizer = cls(params, lr=0.1, weight_decay=0.9, decay=timing)
        for t in range(3):
            for i, p in enumerate(params):
                p.grad = gradient(t, i, p.detach())
            with OpposingMeter(optimizer) as meter:
                optimizer.step()
        measured.append(meter.rates)
    assert measured[0] == pytest.approx(measured[1], rel=1e-9)
    assert timing != "wd" or measured[0][0] > 0

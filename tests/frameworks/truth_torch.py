"""What PyTorch says about one loss: ways to run it, each giving a complaint or ""."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import torch

Case = Callable[[], str]
Loss = Callable[..., Any]


def of(loss: Loss, prediction: Any, *rest: Any) -> Case:
    """Run a loss of a prediction and whatever else it takes, and its gradient with respect to the prediction."""

    def run() -> str:
        tensor = tensor_of(prediction).requires_grad_(True)
        try:
            return complaint(loss(tensor, *map(tensor_of, rest)), [tensor])
        except Exception as error:
            return f"raises {type(error).__name__}: {error}"

    return run


def step(module: Callable[[], Any], batch: Any) -> Case:
    """Run the ``training_step`` of a module: its parameters must get a gradient."""

    def run() -> str:
        model = module()
        try:
            return complaint(model.training_step(batch, 0), list(model.parameters()))
        except Exception as error:
            return f"raises {type(error).__name__}: {error}"

    return run


def differs(loss: Loss, prediction: Any, *rest: Any) -> Case:
    """Compare the gradient with central differences in float64."""

    def run() -> str:
        tensor = tensor_of(prediction).double().requires_grad_(True)
        others = [t.double() if t.is_floating_point() else t for t in map(tensor_of, rest)]
        (gradient,) = torch.autograd.grad(loss(tensor, *others).sum(), [tensor])
        numeric = torch.zeros_like(gradient)
        with torch.no_grad():
            for i in range(tensor.numel()):
                nudge = torch.zeros_like(tensor).flatten()
                nudge[i] = 1e-5
                up, down = (loss(tensor + s * nudge.view_as(tensor), *others).sum() for s in (1, -1))
                numeric.view(-1)[i] = (up - down) / 2e-5
        return "" if torch.allclose(gradient, numeric, rtol=1e-3, atol=1e-6) else "wrong gradient"

    return run


def spreads(loss: Loss) -> Case:
    """Labels (B,) and labels (B, 1) beside a prediction (B, 1) must mean the same."""

    def run() -> str:
        torch.manual_seed(0)
        prediction, labels = torch.randn(6, 1), torch.randn(6)
        same = torch.allclose(loss(prediction, labels), loss(prediction, labels[:, None]))
        return "" if same else "the shape of the labels changes the loss"

    return run


def runs(train: Callable[..., Any]) -> Case:
    """Run a function that trains, given what its parameters are called."""

    def run() -> str:
        torch.manual_seed(0)
        batches = [(torch.randn(16, 4), torch.randn(16, 1)) for _ in range(4)]
        modules = {name: torch.nn.Linear(4, 4 if name in ("vgg", "G") else 1) for name in
                   ("net", "head", "policy", "vgg", "G", "D")}
        steps = {name: torch.optim.SGD(modules["net"].parameters(), 0.1) for name in ("optimizer", "opt", "og", "od")}
        modules["vgg"].requires_grad_(False)
        x, y = batches[0]
        given = {"loader": batches, "x": x, "y": y, "x0": x, "content": x, "style_img": x, **modules, **steps,
                 "xs": [x for x, _ in batches], "ys": [y for _, y in batches]}
        required = [name for name, of in inspect.signature(train).parameters.items() if of.default is of.empty]
        try:
            train(*(given[name] for name in required))
        except RuntimeError as error:
            return f"raises {error}"
        return ""

    return run


def misses_zero(loss: Loss, prediction: Any, *rest: Any) -> Case:
    """A likelihood or divergence of predictions that are right must be zero."""

    def run() -> str:
        value = float(loss(tensor_of(prediction), *map(tensor_of, rest)))
        return f"{value:.2f} at a perfect prediction" if abs(value) > 0.05 else ""

    return run


def stays_above(limit: float, loss: Loss, prediction: Any, *rest: Any) -> Case:
    """A loss of predictions that are right and sure of it must be near zero."""

    def run() -> str:
        value = float(loss(tensor_of(prediction), *map(tensor_of, rest)))
        return f"{value:.2f} at a perfect prediction" if value > limit else ""

    return run


def tensor_of(value: Any) -> torch.Tensor:
    return value.clone().detach() if isinstance(value, torch.Tensor) else torch.tensor(value)


def complaint(loss: Any, weights: Iterable[torch.Tensor]) -> str:
    """What is wrong with a loss and its gradient."""
    weights = list(weights)
    if not isinstance(loss, torch.Tensor) or not loss.requires_grad:
        return "nothing to differentiate"
    loss.sum().backward()
    gradients = [w.grad for w in weights if w.grad is not None]
    if not gradients:
        return "no gradient"
    if not torch.isfinite(loss).all() or not all(torch.isfinite(g).all() for g in gradients):
        return "not finite"
    return "" if any(g.abs().sum() > 0 for g in gradients) else "zero gradient"


def feels(loss: Loss, *rest: Any) -> Case:
    """The gradient of the weights of a model, which the loss takes last, is the slope of the loss."""

    def run() -> str:
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 2).double()
        weights = list(model.parameters())
        others = [tensor_of(value).double().requires_grad_() for value in rest]
        loss(*others, model).sum().backward()
        felt = sum(float((w.grad * w).sum()) for w in weights if w.grad is not None)
        before = [w.detach().clone() for w in weights]
        found = []
        for factor in (1.001, 0.999):
            for weight, numbers in zip(weights, before, strict=True):
                weight.data = numbers * factor
            found.append(float(loss(*others, model).detach().sum()))
        slope = (found[0] - found[1]) / 0.002
        return "" if abs(slope - felt) < 1e-6 + 1e-3 * abs(slope) else f"slope {slope:.3g}, gradient {felt:.3g}"

    return run

# mypy: ignore-errors
"""PyTorch: penalties on the weights of a model, as people write them. CASES at the end runs each one: the gradient of
the weights is the slope of the loss, or it is not."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from tests.frameworks.truth_torch import feels

# -- cut off from the weights


def item_penalty_loss(pred, target, model):
    l1 = sum(p.abs().sum().item() for p in model.parameters())  # expect: LL112
    return F.mse_loss(pred, target) + 0.1 * l1


def item_in_a_loop_loss(pred, target, model):
    l1 = 0.0
    for p in model.parameters():
        l1 += p.abs().sum().item()  # expect: LL112
    return F.mse_loss(pred, target) + 0.1 * l1


def float_penalty_loss(pred, target, model):
    return F.mse_loss(pred, target) + 0.1 * sum(float(p.norm()) for p in model.parameters())  # expect: LL112


def detached_penalty_loss(pred, target, model):
    l2 = sum(p.detach().pow(2).sum() for p in model.parameters())  # expect: LL112
    return F.mse_loss(pred, target) + 0.1 * l2


def data_penalty_loss(pred, target, model):
    l1 = torch.stack([p.data.abs().sum() for p in model.parameters()]).sum()  # expect: LL112
    return F.mse_loss(pred, target) + 0.1 * l1


def numpy_penalty_loss(pred, target, model):
    l1 = sum(np.abs(p.detach().numpy()).sum() for p in model.parameters())  # expect: LL112
    return F.mse_loss(pred, target) + 0.1 * l1


def copied_penalty_loss(pred, target, model):
    l1 = torch.tensor([p.abs().sum() for p in model.parameters()], requires_grad=True).sum()  # expect: LL112
    return F.mse_loss(pred, target) + 0.1 * l1


def unrecorded_penalty_loss(pred, target, model):
    with torch.no_grad():
        l2 = sum(p.pow(2).sum() for p in model.parameters())  # expect: LL112
    return F.mse_loss(pred, target) + 0.1 * l2


def named_penalty_loss(pred, target, model):
    total = F.mse_loss(pred, target)
    for name, p in model.named_parameters():
        if "bias" not in name:
            total = total + 0.1 * p.detach().abs().sum()  # expect: LL112
    return total


def layer_penalty_loss(pred, target, layer, strength=0.1):
    return F.mse_loss(pred, target) + strength * float(sum(p.abs().sum() for p in layer.parameters()))  # expect: LL112


def vector_penalty_loss(pred, target, model):
    w = nn.utils.parameters_to_vector(model.parameters()).detach().cpu().numpy()  # expect: LL112
    return F.mse_loss(pred, target) + 0.1 * np.linalg.norm(w, 1)


def concatenated_penalty_loss(pred, target, model):
    w = np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])  # expect: LL112
    return F.mse_loss(pred, target) + 0.1 * float(np.abs(w).sum())


def state_penalty_loss(pred, target, model):
    l1 = sum(v.abs().sum() for v in model.state_dict().values())  # expect: LL112
    return F.mse_loss(pred, target) + 0.1 * l1


def named_state_penalty_loss(pred, target, model):
    l2 = 0.0
    for name, w in model.state_dict().items():  # expect: LL112
        if name.endswith("weight"):
            l2 = l2 + torch.norm(w)
    return F.mse_loss(pred, target) + 0.1 * l2


class ItemPenalty(nn.Module):
    def __init__(self, model, strength=0.1):
        super().__init__()
        self.model = model
        self.strength = strength

    def forward(self, pred, target):
        l1 = sum(p.abs().sum().item() for p in self.model.parameters())  # expect: LL112
        return F.mse_loss(pred, target) + self.strength * l1


# -- felt by the weights, or no penalty

TEACHER = nn.Linear(3, 2)


def penalty_loss(pred, target, model):
    l1 = sum(p.abs().sum() for p in model.parameters())
    return F.mse_loss(pred, target) + 0.1 * l1


def penalty_in_a_loop_loss(pred, target, model):
    l2 = torch.tensor(0.0)
    for name, p in model.named_parameters():
        if p.requires_grad and "bias" not in name:
            l2 = l2 + p.pow(2).sum()
    return F.mse_loss(pred, target) + 0.1 * l2


def logged_penalty_loss(pred, target, model, history=None):
    l1 = torch.cat([p.view(-1) for p in model.parameters()]).abs().sum()
    if history is not None:
        history.append({"l1": l1.item(), "norm": float(l1.detach())})
    return F.mse_loss(pred, target) + 0.1 * l1


def proximal_loss(pred, target, model, start=None):
    start = start or [torch.ones_like(p) for p in model.parameters()]
    pull = sum(((w - w0.detach()) ** 2).sum() for w, w0 in zip(model.parameters(), start, strict=True))
    return F.mse_loss(pred, target) + 0.1 * pull


def teacher_loss(pred, target, model, teacher=None):
    teacher = teacher or TEACHER
    pull = 0.0
    for p, q in zip(model.parameters(), teacher.parameters(), strict=True):
        pull = pull + (p - q.detach()).pow(2).sum()
    return F.mse_loss(pred, target) + 0.1 * pull


def vector_norm_loss(pred, target, model):
    return F.mse_loss(pred, target) + 0.1 * nn.utils.parameters_to_vector(model.parameters()).norm()


def kept_state_loss(pred, target, model):
    l1 = sum(v.abs().sum() for v in model.state_dict(keep_vars=True).values())
    return F.mse_loss(pred, target) + 0.1 * l1


def anchored_loss(pred, target, model, teacher=None):
    anchor = {k: v.clone() for k, v in (teacher or TEACHER).state_dict().items()}
    pull = sum(((p - anchor[name]) ** 2).sum() for name, p in model.named_parameters())
    return F.mse_loss(pred, target) + 0.1 * pull


def measured_strength_loss(pred, target, model):
    """The strength is measured, and meant to be a number."""
    count = sum(p.numel() for p in model.parameters())
    return F.mse_loss(pred, target) + sum(p.abs().sum() for p in model.parameters()) / count


class Penalty(nn.Module):
    def __init__(self, model, strength=0.1):
        super().__init__()
        self.model = model
        self.strength = strength

    def forward(self, pred, target):
        return F.mse_loss(pred, target) + self.strength * sum(p.abs().sum() for p in self.model.parameters())


# -- a number on purpose: what it multiplies is felt, and it is not meant to be


def normalised_loss(pred, target, model):
    norm = sum(p.pow(2).sum() for p in model.parameters())
    return F.mse_loss(pred, target) / (norm.detach() + 1e-3)


def scaled_by_the_largest_loss(pred, target, model):
    largest = max(p.abs().max().item() for p in model.parameters())
    return largest * F.mse_loss(pred, target)


def class_based(loss):
    return lambda pred, target, model: loss(model)(pred, target)


P, Y = [0.2, 0.7, 0.9, 0.4], [0.0, 1.0, 1.0, 0.5]

CASES = {
    "item_penalty_loss": [feels(item_penalty_loss, P, Y)],
    "item_in_a_loop_loss": [feels(item_in_a_loop_loss, P, Y)],
    "float_penalty_loss": [feels(float_penalty_loss, P, Y)],
    "detached_penalty_loss": [feels(detached_penalty_loss, P, Y)],
    "data_penalty_loss": [feels(data_penalty_loss, P, Y)],
    "numpy_penalty_loss": [feels(numpy_penalty_loss, P, Y)],
    "copied_penalty_loss": [feels(copied_penalty_loss, P, Y)],
    "unrecorded_penalty_loss": [feels(unrecorded_penalty_loss, P, Y)],
    "named_penalty_loss": [feels(named_penalty_loss, P, Y)],
    "layer_penalty_loss": [feels(layer_penalty_loss, P, Y)],
    "ItemPenalty": [feels(class_based(ItemPenalty), P, Y)],
    "penalty_loss": [feels(penalty_loss, P, Y)],
    "penalty_in_a_loop_loss": [feels(penalty_in_a_loop_loss, P, Y)],
    "logged_penalty_loss": [feels(logged_penalty_loss, P, Y)],
    "proximal_loss": [feels(proximal_loss, P, Y)],
    "teacher_loss": [feels(teacher_loss, P, Y)],
    "measured_strength_loss": [feels(measured_strength_loss, P, Y)],
    "vector_penalty_loss": [feels(vector_penalty_loss, P, Y)],
    "concatenated_penalty_loss": [feels(concatenated_penalty_loss, P, Y)],
    "state_penalty_loss": [feels(state_penalty_loss, P, Y)],
    "named_state_penalty_loss": [feels(named_state_penalty_loss, P, Y)],
    "vector_norm_loss": [feels(vector_norm_loss, P, Y)],
    "kept_state_loss": [feels(kept_state_loss, P, Y)],
    "anchored_loss": [feels(anchored_loss, P, Y)],
    "Penalty": [feels(class_based(Penalty), P, Y)],
}

# mypy: ignore-errors
"""PyTorch: operations that give values and where they stood, and methods that change a tensor in place. CASES at the end
runs each one."""

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from tests.frameworks.truth_torch import of

# -- places have no gradient


def topk_places_loss(pred, target):
    return (pred.topk(2).indices.float() - target).abs().mean()  # expect: LL105


def unpacked_places_loss(pred, target):
    _, places = torch.topk(pred, 2)  # expect: LL105
    return (places - target).pow(2).mean()


def largest_place_loss(pred, target):
    return F.l1_loss(pred.max(1).indices.float(), target[:, 0])  # expect: LL105


def smallest_place_loss(pred, target):
    return (pred.min(dim=1)[1] - target[:, 0]).abs().mean()  # expect: LL105


def order_loss(pred, target):
    order = pred.sort(1)[1]  # expect: LL105
    return ((order - target) ** 2).mean()


def kth_place_loss(pred, target):
    _, place = torch.kthvalue(pred, 2)  # expect: LL105
    return (place - target[:, 0]).abs().mean()


def middle_place_loss(pred, target):
    return (pred.median(1).indices - target[:, 0]).abs().mean()  # expect: LL105


# -- values have one


def topk_values_loss(pred, target):
    values, _ = pred.topk(2)
    return (values - target).abs().mean()


def largest_value_loss(pred, target):
    return (pred.max(1).values - target[:, 0]).abs().mean()


def smallest_value_loss(pred, target):
    return (pred.min(1)[0] - target[:, 0]).abs().mean()


def sorted_loss(pred, target):
    return (pred.sort(1).values[:, :2] - target.sort(1)[0]).pow(2).mean()


def middle_value_loss(pred, target):
    return (pred.median(1).values - target[:, 0]).abs().mean() + (pred.median() - target.median()).abs()


def hardest_rows_loss(pred, target):
    loss = (pred[:, :2] - target).abs().mean(1)
    return loss[loss.topk(1).indices].mean()


def chosen_by_label_loss(pred, target):
    return F.cross_entropy(pred, target.max(1)[1])


# -- changed in place


def smoothed_labels_loss(pred, target):
    soft = torch.zeros_like(pred)
    soft.fill_(0.05)
    soft.scatter_(1, target[:, :1].long(), 0.9)
    return -(soft * F.log_softmax(pred, dim=1)).sum(1).mean()


def copied_loss(pred, target):
    out = torch.empty_like(pred)
    out.copy_(pred)
    return ((out[:, :2] - target) ** 2).mean()


def bounded_in_place_loss(pred, target):
    p = pred.clone()
    p.clamp_(min=1e-6)
    return -torch.log(p).mean()


def added_in_place_loss(pred, target):
    total = torch.zeros(())
    for column in range(2):
        total.add_(F.mse_loss(pred[:, column], target[:, column]))
    return total


def zeroed_loss(pred, target):
    error = (pred[:, :2] - target) ** 2
    error.zero_()  # expect: LL108
    return error.mean()


def detached_in_place_loss(pred, target):
    error = (pred[:, :2] - target) ** 2
    error.detach_()  # expect: LL108
    return error.mean()


# -- packed rows


def packed_rows_loss(pred, target):
    lengths = torch.tensor([2, 1])
    rows = pack_padded_sequence(pred, lengths, batch_first=True).data
    return ((rows - pack_padded_sequence(target, lengths, batch_first=True).data) ** 2).mean()


def padded_rows_loss(pred, target):
    rows, _ = pad_packed_sequence(pack_padded_sequence(pred, torch.tensor([2, 1]), batch_first=True))
    return (rows**2).mean() + (pad_sequence([pred, pred]) ** 2).mean()


def detached_rows_loss(pred, target):
    rows = pack_padded_sequence(pred, torch.tensor([2, 1]), batch_first=True)
    return (rows.data.detach() ** 2).mean()  # expect: LL108


# -- a gradient penalty


def gradient_penalty_loss(critic, real, fake):
    x = (0.5 * real + 0.5 * fake).detach()
    x.requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((slope.norm(2, dim=1) - 1) ** 2).mean()


P = [[0.1, 0.9, 0.4], [0.7, 0.2, 0.3]]
Y = [[0.0, 1.0], [1.0, 0.0]]


def of_its_critic(real):
    return gradient_penalty_loss(lambda x: (x * real).pow(2).sum(1), torch.rand(2, 3), torch.rand(2, 3))


CASES = {
    "topk_places_loss": [of(topk_places_loss, P, Y)],
    "unpacked_places_loss": [of(unpacked_places_loss, P, Y)],
    "largest_place_loss": [of(largest_place_loss, P, Y)],
    "smallest_place_loss": [of(smallest_place_loss, P, Y)],
    "order_loss": [of(order_loss, P, [[0.0], [1.0]])],
    "kth_place_loss": [of(kth_place_loss, P, Y)],
    "middle_place_loss": [of(middle_place_loss, P, Y)],
    "topk_values_loss": [of(topk_values_loss, P, Y)],
    "largest_value_loss": [of(largest_value_loss, P, Y)],
    "smallest_value_loss": [of(smallest_value_loss, P, Y)],
    "sorted_loss": [of(sorted_loss, P, Y)],
    "middle_value_loss": [of(middle_value_loss, P, Y)],
    "hardest_rows_loss": [of(hardest_rows_loss, P, Y)],
    "chosen_by_label_loss": [of(chosen_by_label_loss, P, Y)],
    "smoothed_labels_loss": [of(smoothed_labels_loss, P, Y)],
    "copied_loss": [of(copied_loss, P, Y)],
    "bounded_in_place_loss": [of(bounded_in_place_loss, P, Y)],
    "added_in_place_loss": [of(added_in_place_loss, P, Y)],
    "zeroed_loss": [of(zeroed_loss, P, Y)],
    "detached_in_place_loss": [of(detached_in_place_loss, P, Y)],
    "packed_rows_loss": [of(packed_rows_loss, P, Y)],
    "padded_rows_loss": [of(padded_rows_loss, P, Y)],
    "detached_rows_loss": [of(detached_rows_loss, P, Y)],
    "gradient_penalty_loss": [of(of_its_critic, P)],
}

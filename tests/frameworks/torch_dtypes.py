# mypy: ignore-errors
"""Dtypes that PyTorch refuses, and those that it promotes; CASES at the end runs each one."""

import torch
import torch.nn.functional as F
from torch import nn

from tests.frameworks.truth_torch import of


def whole_targets_loss(pred, target):
    return F.binary_cross_entropy_with_logits(pred, F.one_hot(target, 3))  # expect: LL407


class WholeTargetsLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.bce = nn.BCEWithLogitsLoss()

    def forward(self, pred, target):
        rows = F.one_hot(target, pred.shape[1])
        return self.bce(pred, rows.to(pred.device))  # expect: LL407


def truth_targets_loss(pred, target):
    return F.binary_cross_entropy(pred.sigmoid(), F.one_hot(target, 3).bool())  # expect: LL407


def divergence_from_rows_loss(pred, target):
    return F.kl_div(pred.log_softmax(1), F.one_hot(target, 3), reduction="batchmean")  # expect: LL407


def huber_classes_loss(pred, target):
    return F.huber_loss(pred[:, 0], target.long())  # expect: LL407


def short_classes_loss(pred, target):
    return F.cross_entropy(pred, target.int())  # expect: LL407


def whole_rows_loss(pred, target):
    return F.cross_entropy(pred, F.one_hot(target, 3))  # expect: LL407


def float_classes_loss(pred, target):
    return F.nll_loss(pred.log_softmax(1), target.float())  # expect: LL407


def like_prediction_loss(pred, target):
    return F.nll_loss(pred.log_softmax(1), target.to(pred.dtype))  # expect: LL407


def float_rows_loss(pred, target):
    return F.mse_loss(pred, F.one_hot(target.float(), 3).float())  # expect: LL407


def float_index_loss(pred, target):
    return -pred.log_softmax(1).gather(1, target.float().view(-1, 1)).mean()  # expect: LL407


def float_mask_loss(pred, target):
    mask = (target > 0).float()
    return pred[mask].square().mean()  # expect: LL407


def float_choice_loss(pred, target):
    return torch.where((target > 0).float()[:, None], pred, 0.1 * pred).mean()  # expect: LL407


def float_filled_loss(pred, target):
    mask = F.one_hot(target, 3)
    return pred.masked_fill(mask, 0.0).square().mean()  # expect: LL407


def other_truth_loss(pred, target):
    wanted = target.bool()[:, None]
    return (wanted * (1.0 - pred) + (1 - wanted) * pred).mean()  # expect: LL407


def inverted_loss(pred, target):
    wanted = target.bool().float()[:, None]
    return (~wanted * pred).mean()  # expect: LL407


def agreement_loss(pred, target):
    share = (pred.argmax(1) == target).mean()  # expect: LL407
    return share * F.cross_entropy(pred, target)


def rows_loss(pred, target):
    rows = F.one_hot(target, 3)
    return F.binary_cross_entropy_with_logits(pred, rows.float()) + F.mse_loss(pred, rows) + F.smooth_l1_loss(pred, rows)


def soft_rows_loss(pred, target):
    return F.cross_entropy(pred, F.one_hot(target, 3) * 0.9 + 0.1 / 3)


def byte_classes_loss(pred, target):
    return F.cross_entropy(pred, target.byte()) + F.nll_loss(pred.log_softmax(1), target.int().long())


def masked_loss(pred, target):
    mask = target.bool()
    kept = pred[mask & ~(target > 1)]
    return (mask[:, None] * pred).sum() / mask.sum().clamp(min=1) + kept.sum() + pred[target > 0].sum()


def chosen_loss(pred, target):
    first = pred.gather(1, target.long().view(-1, 1))
    hard = torch.where(target.bool()[:, None], pred, 0.1 * pred)
    return first.mean() + hard.mean() + pred[torch.arange(len(pred)), target].mean()


def filled_loss(pred, target):
    rows = torch.zeros_like(pred)
    rows[torch.arange(len(pred)), target.long()] = 1
    return F.binary_cross_entropy_with_logits(pred, rows) + pred.masked_fill(rows.bool(), 0.0).mean()


def share_loss(pred, target):
    share = (pred.argmax(1) == target).float().mean() + (target.long() / 2).mean() + (1 - target.long()).sum()
    return F.cross_entropy(pred, target) * share


def rounded_classes_loss(pred, target):
    noisy = target.float() + 0.1
    return F.cross_entropy(pred, noisy.round().long()) + F.huber_loss(pred[:, 0], noisy) + F.l1_loss(pred[:, 1], target)


def class_weight_loss(pred, target):
    weights = torch.tensor([1, 2, 3]).to(pred)
    return F.cross_entropy(pred, target, weight=weights) * (1.0 - target.bool().float()).mean()


LOGITS = torch.tensor([[2.0, 0.5, -1.0], [0.1, 0.2, 3.0], [1.0, -1.0, 0.0], [0.3, 0.2, 0.1]])
LABELS = torch.tensor([0, 2, 1, 1])

CASES = {
    "whole_targets_loss": [of(whole_targets_loss, LOGITS, LABELS)],
    "WholeTargetsLoss": [of(WholeTargetsLoss(), LOGITS, LABELS)],
    "truth_targets_loss": [of(truth_targets_loss, LOGITS, LABELS)],
    "divergence_from_rows_loss": [of(divergence_from_rows_loss, LOGITS, LABELS)],
    "huber_classes_loss": [of(huber_classes_loss, LOGITS, LABELS)],
    "short_classes_loss": [of(short_classes_loss, LOGITS, LABELS)],
    "whole_rows_loss": [of(whole_rows_loss, LOGITS, LABELS)],
    "float_classes_loss": [of(float_classes_loss, LOGITS, LABELS)],
    "like_prediction_loss": [of(like_prediction_loss, LOGITS, LABELS)],
    "float_rows_loss": [of(float_rows_loss, LOGITS, LABELS)],
    "float_index_loss": [of(float_index_loss, LOGITS, LABELS)],
    "float_mask_loss": [of(float_mask_loss, LOGITS, LABELS)],
    "float_choice_loss": [of(float_choice_loss, LOGITS, LABELS)],
    "float_filled_loss": [of(float_filled_loss, LOGITS, LABELS)],
    "other_truth_loss": [of(other_truth_loss, LOGITS, LABELS)],
    "inverted_loss": [of(inverted_loss, LOGITS, LABELS)],
    "agreement_loss": [of(agreement_loss, LOGITS, LABELS)],
    "rows_loss": [of(rows_loss, LOGITS, LABELS)],
    "soft_rows_loss": [of(soft_rows_loss, LOGITS, LABELS)],
    "byte_classes_loss": [of(byte_classes_loss, LOGITS, LABELS)],
    "masked_loss": [of(masked_loss, LOGITS, LABELS)],
    "chosen_loss": [of(chosen_loss, LOGITS, LABELS)],
    "filled_loss": [of(filled_loss, LOGITS, LABELS)],
    "share_loss": [of(share_loss, LOGITS, LABELS)],
    "rounded_classes_loss": [of(rounded_classes_loss, LOGITS, LABELS)],
    "class_weight_loss": [of(class_weight_loss, LOGITS, LABELS)],
}

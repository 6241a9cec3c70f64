# mypy: ignore-errors
"""PyTorch losses as people write them; CASES at the end runs each one. ``# expect: CODE`` marks what shall be found."""

import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from tests.frameworks.truth_torch import differs, misses_zero, of, spreads, stays_above, step

# -- detached, converted, rebuilt


class LiftedL1Loss(nn.Module):
    def __init__(self, weight=0.1):
        super().__init__()
        self.weight = weight
        self.mse = nn.MSELoss()

    def forward(self, pred, target):
        loss = self.mse(pred, target) + self.weight * pred.abs().sum()
        return torch.tensor(loss.item(), requires_grad=True)  # expect: LL102


def rewrapped_loss(pred, target):
    error = torch.mean((pred - target) ** 2)
    return torch.tensor(error, requires_grad=True)  # expect: LL108


def packed_loss(pred, target):
    l1 = F.l1_loss(pred, target)
    l2 = F.mse_loss(pred, target)
    return torch.tensor([l1, l2], requires_grad=True).sum()  # expect: LL108


def data_loss(pred, target):
    return ((pred.data - target) ** 2).mean()  # expect: LL108


def numpy_rmse_loss(pred, target):
    difference = np.sqrt(np.mean((pred.detach().numpy() - target.numpy()) ** 2))  # expect: LL102
    return torch.as_tensor(difference)


@torch.no_grad()
def importance(pred, target):
    return torch.exp(-(pred - target).abs())


def decorated_weight_loss(pred, target):
    return (importance(pred, target) * (pred - target) ** 2).mean()


def decorated_score_loss(pred, target):
    return 1.0 - importance(pred, target).mean()  # expect: LL108


def detached_target_loss(pred, target):
    weight = (pred - target).detach().abs()
    return (weight * (pred - target) ** 2).mean()


def item_factor_loss(pred, target):
    mse = F.mse_loss(pred, target)
    return mse * mse.item()  # expect: LL109


def logged_loss(pred, target, history=None):
    loss = F.smooth_l1_loss(pred, target)
    if history is not None:
        history.append(loss.item())
    return loss


# -- thresholds, ranks, rounds


def accuracy_loss(logits, labels):
    guess = logits.argmax(dim=1)  # expect: LL105
    return 1.0 - (guess == labels).float().mean()


def hard_iou_loss(pred, target):
    inside = (pred > 0.5).float()  # expect: LL106
    intersection = (inside * target).sum()
    union = inside.sum() + target.sum() - intersection
    return 1.0 - (intersection + 1.0) / (union + 1.0)


def rounded_loss(pred, target):
    return F.mse_loss(torch.round(pred), target)  # expect: LL107


def sign_loss(pred, target):
    return (torch.sign(pred) - target).abs().mean()  # expect: LL107


class StraightThroughLoss(nn.Module):
    def forward(self, pred, target):
        hard = pred + (pred.round() - pred).detach()
        return F.mse_loss(hard, target)


class OhemLoss(nn.Module):
    """Keeps the hardest examples."""

    def __init__(self, keep=0.5):
        super().__init__()
        self.keep = keep

    def forward(self, logits, labels):
        losses = F.cross_entropy(logits, labels, reduction="none")
        count = max(1, int(self.keep * losses.numel()))
        hardest, _ = losses.topk(count)
        return hardest.mean()


# -- numerics


def rmse_loss(pred, target):
    return torch.sqrt(torch.mean((pred - target) ** 2))  # expect: LL303


def rmse_with_epsilon_loss(pred, target):
    return torch.sqrt(torch.mean((pred - target) ** 2) + 1e-8)


def bce_by_hand_loss(prob, target):
    return -(target * torch.log(prob) + (1 - target) * torch.log(1 - prob)).mean()  # expect: LL301


def clamped_bce_loss(prob, target):
    prob = prob.clamp(1e-6, 1 - 1e-6)
    return -(target * torch.log(prob) + (1 - target) * torch.log(1 - prob)).mean()


def masked_mean_loss(pred, target, mask):
    return ((pred - target) ** 2 * mask).sum() / mask.sum()


def selected_mean_loss(pred, target):
    chosen = target > 0.5
    return ((pred[chosen] - target[chosen]) ** 2).mean()  # expect: LL304


def filled_entropy_loss(prob, target):
    empty = (target == 0) & (prob >= 0)
    filled = prob.masked_fill(empty, 1.0)
    return -(target * filled.clamp(min=1e-6).log()).sum(dim=-1).mean()


def filled_by_selection_loss(prob, target):
    kept = prob.clamp(0.0, 1.0)
    seen = kept > 0
    return -(torch.log(kept[seen])).sum() + ((kept - target) ** 2).sum()


def where_log_loss(prob, target):
    surprise = torch.where(prob > 0, -torch.log(prob), torch.zeros_like(prob))  # expect: LL305
    return (surprise * target).mean()


def branch_loss(pred, target):
    below = pred <= target
    missed = ((target - pred) * below).sum()
    count = below.sum()
    under = 0 if count == 0 else missed / count
    return under + F.mse_loss(pred, target)


def contrastive_loss(first, second):
    both = F.normalize(torch.cat([first, second]), dim=1)
    others = ~torch.eye(both.shape[0], dtype=torch.bool)
    similarity = torch.exp(both @ both.T / 0.5)
    positive = torch.exp((both * both.roll(first.shape[0], 0)).sum(1) / 0.5)
    return -torch.log(positive / (similarity * others.float()).sum(1)).mean()


def correlation_loss(pred, target):
    p, t = pred - pred.mean(), target - target.mean()
    smallest = torch.as_tensor(1e-5, dtype=p.dtype)
    spread = torch.max((p * p).sum(), smallest) * torch.max((t * t).sum(), smallest)
    return 1.0 - (p * t).sum() ** 2 / spread


def pearson_loss(pred, target):
    p, t = pred - pred.mean(), target - target.mean()
    return 1.0 - (p * t).sum() / (torch.sqrt((p * p).sum()) * torch.sqrt((t * t).sum()))  # expect: LL304


def gaussian_nll_loss(mean, log_var, target):
    return (0.5 * torch.exp(-log_var) * (target - mean) ** 2 + 0.5 * log_var).mean()


def log_sigmoid_by_hand_loss(logits, target):
    return -(target * torch.log(torch.sigmoid(logits)) + (1 - target) * F.logsigmoid(-logits)).mean()  # expect: LL301


# -- shapes and arguments


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))

    def forward(self, x):
        return self.body(x)


class DirectRegressor(Regressor):
    def training_step(self, batch, batch_idx):
        x, y = batch
        return F.mse_loss(self(x).squeeze(-1), y)


class RoundedRegressor(Regressor):
    def training_step(self, batch, batch_idx):
        x, y = batch
        return F.l1_loss(self(x).squeeze(-1).round(), y)  # expect: LL107


class FrozenRegressor(Regressor):
    def training_step(self, batch, batch_idx):
        x, y = batch
        with torch.no_grad():
            guess = self(x).squeeze(-1)  # expect: LL108
        return F.l1_loss(guess, y)


class MathRegressor(Regressor):
    def training_step(self, batch, batch_idx):
        x, y = batch
        error = F.mse_loss(self(x).squeeze(-1), y)
        return math.sqrt(error)  # expect: LL103


class ScaledIdentity(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.scale = scale
        return x * scale

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * ctx.scale, None


class DeafSquare(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x  # expect: LL511


class ShortProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, grad_output):
        _, y = ctx.saved_tensors
        return grad_output * y  # expect: LL512


def scaled_identity_loss(pred, target):
    return F.mse_loss(ScaledIdentity.apply(pred, 2.0), target)


def deaf_square_loss(pred, target):
    return 0.1 * DeafSquare.apply(pred - target).mean()


def short_product_loss(pred, target):
    return ShortProduct.apply(pred, target).mean()


def swapped_cross_entropy_loss(logits, labels):
    return F.cross_entropy(labels, logits)  # expect: LL403


def doubly_softmaxed_loss(logits, labels):
    return F.cross_entropy(F.softmax(logits, dim=1), labels)  # expect: LL406


def nll_of_probabilities_loss(logits, labels):
    return F.nll_loss(F.softmax(logits, dim=1), labels)  # expect: LL406


def nll_of_logarithms_loss(logits, labels):
    return F.nll_loss(F.log_softmax(logits, dim=1), labels)


class DivergenceLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.divergence = nn.KLDivLoss(reduction="batchmean")

    def forward(self, student_logits, teacher_logits):
        return self.divergence(student_logits.softmax(dim=1), teacher_logits.softmax(dim=1))  # expect: LL406


class DistillationLoss(nn.Module):
    def __init__(self, temperature=2.0):
        super().__init__()
        self.temperature = temperature
        self.divergence = nn.KLDivLoss(reduction="batchmean")

    def forward(self, student_logits, teacher_logits):
        q = F.softmax(teacher_logits.detach() / self.temperature, dim=1)
        return self.divergence(F.log_softmax(student_logits / self.temperature, dim=1), q) * self.temperature**2


def doubly_squashed_loss(pred, target):
    pred = torch.sigmoid(pred)
    overlap = 1.0 - (2.0 * (pred * target).sum() + 1.0) / (pred.sum() + target.sum() + 1.0)
    return overlap + F.binary_cross_entropy_with_logits(pred, target)  # expect: LL406


def squashed_once_loss(pred, target):
    overlap = 1.0 - (2.0 * (torch.sigmoid(pred) * target).sum() + 1.0) / (torch.sigmoid(pred).sum() + target.sum() + 1.0)
    return overlap + F.binary_cross_entropy_with_logits(pred, target)


class LinearClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 1)
        self.entropy = nn.BCELoss()

    def training_step(self, batch, index):
        x, y = batch
        return self.entropy(self.fc(x).squeeze(-1), (y > 0).float())  # expect: LL406


class SquashedClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())
        self.entropy = nn.BCELoss()

    def training_step(self, batch, index):
        x, y = batch
        return self.entropy(self.head(x).squeeze(-1), (y > 0).float())


def row_against_column_loss(pred, target):
    return ((pred - target.squeeze(-1)) ** 2).mean()


def first_column_loss(pred, target):
    return ((pred[:, 0] - target[:, 0:1]) ** 2).mean()  # expect: LL401


def first_columns_loss(pred, target):
    return ((pred[:, 0] - target[:, 0]) ** 2).mean() + ((pred[:, :1] - target[:, 0:1]) ** 2).mean()


def moved_axis_loss(pred, target):
    return ((pred.squeeze(-1) - target.unsqueeze(-1)) ** 2).mean()  # expect: LL401


def same_axis_loss(pred, target):
    return ((pred.squeeze(-1) - target) ** 2).mean()


def kept_axis_loss(pred, target):
    return (pred.mean(dim=1) - target.mean(dim=1, keepdim=True)).abs().mean()  # expect: LL401


class FlatLabels(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 1)

    def training_step(self, batch, index):
        x, y = batch
        self.output = self.fc(x)
        return ((self.output - y.view(-1)) ** 2).mean()  # expect: LL401


def flat_labels_loss(pred, target):
    model = FlatLabels()
    model.fc = nn.Flatten()
    return model.training_step((pred, target), 0)


P = [0.2, 0.7, 0.9, 0.4]
BATCH = (torch.randn(6, 4), torch.randn(6))
LOGITS, LABELS = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
COLUMN = torch.arange(6.0)[:, None]
SURE = 40.0 * F.one_hot(LABELS, 3).float()

def likelihood_loss(pred, target):
    return -torch.log(pred ** target * (1.0 - pred) ** (1.0 - target) + 1e-7).mean()


CASES = {
    "LiftedL1Loss": [of(LiftedL1Loss(), P, [0.0, 1.0, 1.0, 0.5])],
    "rewrapped_loss": [of(rewrapped_loss, P, [0.0, 1.0, 1.0, 0.5])],
    "packed_loss": [of(packed_loss, P, [0.0, 1.0, 1.0, 0.5])],
    "data_loss": [of(data_loss, P, [0.0, 1.0, 1.0, 0.5])],
    "numpy_rmse_loss": [of(numpy_rmse_loss, P, [0.0, 1.0, 1.0, 0.5])],
    "decorated_weight_loss": [of(decorated_weight_loss, P, [0.0, 1.0, 1.0, 0.5])],
    "decorated_score_loss": [of(decorated_score_loss, P, [0.0, 1.0, 1.0, 0.5])],
    "detached_target_loss": [of(detached_target_loss, P, [0.0, 1.0, 1.0, 0.5])],
    "item_factor_loss": [differs(item_factor_loss, P, [0.0, 1.0, 1.0, 0.5])],
    "logged_loss": [of(logged_loss, P, [0.0, 1.0, 1.0, 0.5]), differs(logged_loss, P, [0.0, 1.0, 1.0, 0.5])],
    "accuracy_loss": [of(accuracy_loss, LOGITS, LABELS)],
    "hard_iou_loss": [of(hard_iou_loss, P, [0.0, 1.0, 1.0, 0.0])],
    "rounded_loss": [of(rounded_loss, P, [0.0, 1.0, 1.0, 0.5])],
    "sign_loss": [of(sign_loss, P, [0.0, 1.0, 1.0, 0.5])],
    "StraightThroughLoss": [of(StraightThroughLoss(), P, [0.3, 1.1, 1.2, 0.5])],
    "OhemLoss": [of(OhemLoss(), LOGITS, LABELS)],
    "rmse_loss": [of(rmse_loss, P, P)],
    "rmse_with_epsilon_loss": [of(rmse_with_epsilon_loss, P, [0.0, 1.0, 1.0, 0.5])],
    "bce_by_hand_loss": [of(bce_by_hand_loss, [1.0, 0.0, 0.5], [1.0, 0.0, 1.0])],
    "clamped_bce_loss": [of(clamped_bce_loss, [1.0, 0.0, 0.5], [1.0, 0.0, 1.0])],
    "masked_mean_loss": [of(masked_mean_loss, P, [0.0, 1.0, 1.0, 0.5], [1.0, 0.0, 1.0, 0.0])],
    "selected_mean_loss": [of(selected_mean_loss, P, [0.0, 0.0, 0.0, 0.0])],
    "filled_entropy_loss": [of(filled_entropy_loss, [0.0, 0.3, 0.7], [0.0, 0.5, 0.5])],
    "filled_by_selection_loss": [of(filled_by_selection_loss, [0.0, 0.3, 0.7], [0.0, 0.5, 0.5])],
    "where_log_loss": [of(where_log_loss, [0.0, 0.3, 0.7], [1.0, 0.5, 0.5])],
    "branch_loss": [of(branch_loss, [0.9, 0.8], [0.1, 0.2]), of(branch_loss, [0.1, 0.3], [0.4, 0.2])],
    "contrastive_loss": [of(contrastive_loss, torch.randn(3, 4), torch.randn(3, 4))],
    "correlation_loss": [of(correlation_loss, P, [0.3, 0.1, 0.9, 0.4])],
    "pearson_loss": [of(pearson_loss, [0.3, 0.3, 0.3], [0.1, 0.9, 0.4])],
    "gaussian_nll_loss": [of(gaussian_nll_loss, P, [0.1, -1.0, 0.0, 2.0], [0.0, 1.0, 1.0, 0.5])],
    "log_sigmoid_by_hand_loss": [of(log_sigmoid_by_hand_loss, [-120.0, 3.0], [1.0, 0.0])],
    "DirectRegressor": [step(DirectRegressor, BATCH)],
    "RoundedRegressor": [step(RoundedRegressor, BATCH)],
    "FrozenRegressor": [step(FrozenRegressor, BATCH)],
    "MathRegressor": [step(MathRegressor, BATCH)],
    "scaled_identity_loss": [of(scaled_identity_loss, P, [0.0, 1.0, 1.0, 0.5])],
    "deaf_square_loss": [differs(deaf_square_loss, P, [0.0, 1.0, 1.0, 0.5])],
    "short_product_loss": [of(short_product_loss, P, [0.0, 1.0, 1.0, 0.5])],
    "swapped_cross_entropy_loss": [of(swapped_cross_entropy_loss, LOGITS, LABELS)],
    "doubly_softmaxed_loss": [stays_above(0.5, doubly_softmaxed_loss, SURE, LABELS)],
    "nll_of_probabilities_loss": [misses_zero(nll_of_probabilities_loss, SURE, LABELS)],
    "nll_of_logarithms_loss": [misses_zero(nll_of_logarithms_loss, SURE, LABELS)],
    "DivergenceLoss": [misses_zero(DivergenceLoss(), LOGITS, LOGITS)],
    "DistillationLoss": [misses_zero(DistillationLoss(), LOGITS, LOGITS)],
    "doubly_squashed_loss": [misses_zero(doubly_squashed_loss, [40.0, -40.0], [1.0, 0.0])],
    "squashed_once_loss": [misses_zero(squashed_once_loss, [40.0, -40.0], [1.0, 0.0])],
    "LinearClassifier": [step(LinearClassifier, BATCH)],
    "SquashedClassifier": [step(SquashedClassifier, BATCH)],
    "first_column_loss": [misses_zero(first_column_loss, COLUMN, COLUMN)],
    "first_columns_loss": [misses_zero(first_columns_loss, COLUMN, COLUMN)],
    "moved_axis_loss": [misses_zero(moved_axis_loss, COLUMN, COLUMN[:, 0])],
    "same_axis_loss": [misses_zero(same_axis_loss, COLUMN, COLUMN[:, 0])],
    "kept_axis_loss": [misses_zero(kept_axis_loss, LOGITS, LOGITS)],
    "FlatLabels flat_labels_loss": [misses_zero(flat_labels_loss, COLUMN, COLUMN)],
    "likelihood_loss": [of(likelihood_loss, [1.0, 0.0, 0.3, 0.0], [1.0, 0.0, 0.0, 1.0])],
    "row_against_column_loss": [spreads(row_against_column_loss)],
}

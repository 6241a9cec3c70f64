import torch
import torch.nn.functional as F
from torch import nn


class Adversary(nn.Module):
    @staticmethod
    def _adv_loss(pred, ones):
        target = torch.ones_like(pred) if ones else torch.zeros_like(pred)
        return F.binary_cross_entropy_with_logits(pred, target)

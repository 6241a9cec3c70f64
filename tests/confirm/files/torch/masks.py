"""A batch whose length is asked for is a tensor, where it is computed with."""

import torch


def supervised_contrastive_loss(features, labels):
    same = (labels[:, None] == labels[None, :]).float()
    itself = torch.eye(len(features), dtype=torch.bool)
    logits = (features @ features.T).masked_fill(itself, float("-inf"))
    log_prob = logits - torch.logsumexp(logits, 1, keepdim=True)
    return -((same * log_prob).sum(1) / same.sum(1)).mean()  # LL312 confirmed


def unmasked_contrastive_loss(features, labels):
    same = (labels[:, None] == labels[None, :]).float()
    logits = features @ features.T / len(features)
    log_prob = logits - torch.logsumexp(logits, 1, keepdim=True)
    return -((same * log_prob).sum(1) / same.sum(1)).mean()

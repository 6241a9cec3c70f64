"""A mask that is flattened is a mask, and a batch of ignored labels leaves it nothing."""

import torch
import torch.nn.functional as F

IGNORE = -100


def token_loss(logits, labels):
    keep = labels != IGNORE
    errors = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORE, reduction="none")
    return errors[keep.flatten()].mean()  # expect: LL304


head = torch.nn.Linear(8, 11)
token_loss(head(torch.rand(4, 6, 8)), torch.randint(0, 11, (4, 6))).backward()

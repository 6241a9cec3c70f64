import torch

def length_to_mask(length, max_len):
    return torch.arange(max_len).expand(len(length), max_len) < length.unsqueeze(1)

def reduce_loss(loss, mask, reduction="mean"):
    if reduction == "mean":
        loss = loss.sum() / torch.sum(mask)
    return loss

def _reduce_autoencoder_loss(loss, length, reduction):
    max_len = loss.size(1)
    if length is not None:
        mask = length_to_mask(length * max_len, max_len)
        mask = mask.expand_as(loss)
    else:
        mask = torch.ones_like(loss)
    return reduce_loss(loss * mask, mask, reduction=reduction)

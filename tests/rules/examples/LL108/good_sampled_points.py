import torch
import torch.nn.functional as F

def sample(values, places, **kwargs):
    mode = kwargs.pop("mode", "bilinear")
    align = kwargs.pop("align_corners", False)
    if kwargs:
        raise TypeError(f"unexpected: {kwargs}")
    return F.grid_sample(values, places, mode=mode, align_corners=align)

def points_loss(logits, target):
    with torch.no_grad():
        places = sample(logits, torch.rand(4, 5, 5, 2), align_corners=False).abs()
    chosen = sample(logits, places, align_corners=False).squeeze(1)
    return F.binary_cross_entropy_with_logits(chosen, target)

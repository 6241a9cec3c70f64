import torch
import torch.nn.functional as F
from torch import nn

refine, denoise = nn.Conv2d(6, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)

def merged(img0, img1):
    res = refine(torch.cat([img0, img1], dim=1)) * 2 - 1
    return torch.clamp(0.5 * img0 + 0.5 * img1 + res, 0, 1)  # expect: LL311

def step(img0, img1, middle):
    loss = F.l1_loss(merged(img0, img1), middle)
    loss.backward()

def clean_step(noisy, clean):
    restored = (noisy + 0.1 * denoise(noisy)).clamp(0.0, 1.0)  # expect: LL311
    loss = ((restored - clean) ** 2).mean()
    loss.backward()

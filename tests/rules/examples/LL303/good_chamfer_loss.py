import torch

def chamfer_loss(pred, target):
    pred2 = (pred**2).sum(-1)[:, :, None]
    target2 = (target**2).sum(-1)[:, None, :]
    squares = pred2 + target2 - 2.0 * torch.einsum("bnd,bmd->bnm", pred, target)
    return squares.clamp(min=1e-12).sqrt().min(dim=-1).values.mean()

def squared_chamfer_loss(pred, target):
    pred2 = (pred**2).sum(-1)[:, :, None]
    target2 = (target**2).sum(-1)[:, None, :]
    return (pred2 + target2 - 2.0 * pred @ target.transpose(1, 2)).min(dim=-1).values.mean()

import numpy as np
import torch
from typing import Literal

def kl_loss(topdown_data: dict[str, torch.Tensor], rescaling: Literal["latent_dim", "image_dim"], img_shape: tuple[int] | None = None):
    kl = torch.cat([layer.unsqueeze(1) for layer in topdown_data["kl"]], dim=1).mean(0)
    if len(img_shape) == 3:
        kl = kl / img_shape[0]
    if rescaling == "latent_dim":
        for i in range(len(kl)):
            latent_dim = topdown_data["z"][i].shape[1:]
            kl[i] = kl[i] / np.prod(latent_dim)
    elif rescaling == "image_dim":
        kl = kl / np.prod(img_shape[-2:])
    return kl.mean()

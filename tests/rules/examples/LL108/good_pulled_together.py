import torch
import torch.nn.functional as F
from torch import nn


class Quantize(nn.Module):
    def quantization_loss(self, z, zhat, reduce="mean"):
        return F.mse_loss(zhat.detach(), z, reduction=reduce)

    def commitment_loss(self, z, zhat, reduce="mean"):
        return F.mse_loss(z.detach(), zhat, reduction=reduce)


class Trainer:
    def _compute_loss(self, model, inputs, return_outputs):
        outputs = model(**inputs)
        loss = F.cross_entropy(outputs.logits, inputs["labels"])
        if return_outputs:
            print("outputs")
        return (loss, outputs) if return_outputs else loss

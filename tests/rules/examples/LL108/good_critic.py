import torch
from torch import nn

class DiscriminatorLoss(nn.Module):
    def __init__(self, weight_adv=1.0, D: nn.Module = None):
        super().__init__()
        self.metric_gan = nn.MSELoss()
        self.weight_adv = weight_adv
        self.D = D

    def adversarial_loss(self, real, fake, D: nn.Module = None):
        D = self.D if D is None else D
        pred_real = D(real)
        pred_fake = D(fake.detach())
        one = self.metric_gan(pred_real, torch.ones_like(pred_real))
        return (one + self.metric_gan(pred_fake, torch.zeros_like(pred_fake))) * self.weight_adv

    def other_loss(self, real, fake):
        return self.metric_gan(self.D(fake.detach()), real)

def disc_loss(real, fake, D):
    return D(real).mean() - D(fake.detach()).mean()

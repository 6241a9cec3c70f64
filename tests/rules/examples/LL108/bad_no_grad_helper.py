import torch
from torch import nn


class Trainer:
    def __init__(self, model, rate):
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=rate)

    @torch.no_grad()
    def predict(self, x):
        return self.model(x).squeeze(-1)

    def epoch(self, batches):
        for x, y, weight in batches:
            error = (self.predict(x) - y).pow(2)  # expect: LL108
            loss = (error * weight).sum() / weight.sum().clamp(min=1)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()


@torch.inference_mode()
def features(net, images):
    return nn.functional.normalize(net(images), dim=-1)


def fit(net, loader, optimizer):
    for images, mask, target in loader:
        distance = (features(net, images) - target).abs().sum(-1)  # expect: LL108
        loss = (distance * mask.float()).sum() / mask.float().sum()
        loss.backward()
        optimizer.step()


def tuned(model, loader, optimizer):
    for batch in loader:
        with torch.no_grad():
            logits = model(batch["image"])  # expect: LL108
        loss = nn.functional.cross_entropy(logits, batch["label"]) / batch["count"].sum().clamp(min=1)
        loss.backward()
        optimizer.step()

import torch
from torch import nn


class Trainer:
    def __init__(self, model, teacher, rate):
        self.model, self.teacher = model, teacher
        self.optimizer = torch.optim.Adam(model.parameters(), lr=rate)

    @torch.no_grad()
    def target_of(self, x):
        return self.teacher(x).squeeze(-1)

    def epoch(self, batches):
        for x, weight in batches:
            error = (self.model(x).squeeze(-1) - self.target_of(x)).pow(2)
            loss = (error * weight).sum() / weight.sum().clamp(min=1)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()


@torch.no_grad()
def backbone(net, images):
    return net(images)


def probe(net, head, loader, optimizer):
    for images, target in loader:
        loss = nn.functional.cross_entropy(head(backbone(net, images)), target)
        loss.backward()
        optimizer.step()


def replay(pairs, optimizer):
    for prediction, target, weight in pairs:
        loss = ((prediction - target).pow(2) * weight).sum() / weight.sum().clamp(min=1)
        loss.backward()
        optimizer.step()


def meta(tasks, loader, optimizer):
    for (network, scale), (x, y) in zip(tasks, loader):
        loss = (network(x) - y).abs().mean() * scale
        loss.backward()
        optimizer.step()


def tuned(scorer, loader, prompt, optimizer):
    for batch in loader:
        with torch.no_grad():
            wanted = scorer(batch["image"])
        loss = (prompt(batch["text"]) - wanted).pow(2).mean() / batch["count"].sum().clamp(min=1)
        loss.backward()
        optimizer.step()


def fit_points(points, scorer, optimizer):
    for x, weight in points:
        with torch.no_grad():
            wanted = scorer(x)
        loss = ((x - wanted).pow(2) * weight).sum() / weight.sum()
        loss.backward()
        optimizer.step()

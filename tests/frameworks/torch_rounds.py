# mypy: ignore-errors
"""Loops of PyTorch that go back through a graph once a turn, and those that go back twice; CASES runs each one."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from tests.frameworks.truth_torch import runs


def carried_epochs(x, y):
    G = nn.Linear(4, 1)
    o = torch.optim.SGD(G.parameters(), 0.1)
    loss = F.mse_loss(torch.tanh(G(x)), y)
    for _ in range(10):
        o.zero_grad()
        loss.backward()  # expect: LL503
        o.step()


def carried_hidden(xs, ys):
    cell, head = nn.GRUCell(4, 8), nn.Linear(8, 1)
    opt = torch.optim.Adam([*cell.parameters(), *head.parameters()])
    h = torch.zeros(16, 8)
    for x, y in zip(xs, ys, strict=True):
        h = cell(x, h)
        loss = F.mse_loss(head(h), y)
        opt.zero_grad()
        loss.backward()  # expect: LL503
        opt.step()


def carried_lstm(xs, ys):
    net, head = nn.LSTM(4, 8), nn.Linear(8, 1)
    opt = torch.optim.Adam([*net.parameters(), *head.parameters()])
    state = (torch.zeros(1, 16, 8), torch.zeros(1, 16, 8))
    for x, y in zip(xs, ys, strict=True):
        out, state = net(x[None], state)
        loss = F.mse_loss(head(out[0]), y)
        opt.zero_grad()
        loss.backward()  # expect: LL503
        opt.step()


def carried_accum(x, y):
    net = nn.Linear(4, 1)
    total = 0.0
    for _ in range(5):
        total = total + F.mse_loss(torch.tanh(net(x)), y)
        total.backward()  # expect: LL503


def carried_running(loader, net, optimizer):
    running_loss = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        running_loss += F.mse_loss(net(x), y)
        running_loss.backward()  # expect: LL503
        optimizer.step()


def carried_nested(loader, net, head, optimizer, x0):
    for _ in range(3):
        z = net(x0)
        for x, y in loader:
            loss = F.mse_loss(head(x) + z.mean(), y)
            optimizer.zero_grad()
            loss.backward()  # expect: LL503
            optimizer.step()


def hidden(xs, ys):
    cell, head = nn.GRUCell(4, 8), nn.Linear(8, 1)
    opt = torch.optim.Adam([*cell.parameters(), *head.parameters()])
    h = torch.zeros(16, 8)
    for x, y in zip(xs, ys, strict=True):
        h = cell(x, h.detach())
        loss = F.mse_loss(head(h), y)
        opt.zero_grad()
        loss.backward()
        opt.step()


def in_place(xs, ys):
    cell, head = nn.GRUCell(4, 8), nn.Linear(8, 1)
    opt = torch.optim.Adam([*cell.parameters(), *head.parameters()])
    h = torch.zeros(16, 8)
    for x, y in zip(xs, ys, strict=True):
        h.detach_()
        h = cell(x, h)
        loss = F.mse_loss(head(h), y)
        opt.zero_grad()
        loss.backward()
        opt.step()


def lstm(xs, ys):
    net, head = nn.LSTM(4, 8), nn.Linear(8, 1)
    opt = torch.optim.Adam([*net.parameters(), *head.parameters()])
    state = (torch.zeros(1, 16, 8), torch.zeros(1, 16, 8))
    for x, y in zip(xs, ys, strict=True):
        state = tuple(s.detach() for s in state)
        out, state = net(x[None], state)
        loss = F.mse_loss(head(out[0]), y)
        opt.zero_grad()
        loss.backward()
        opt.step()


def repackage_hidden(h):
    """Wraps hidden states in new Tensors, to detach them from their history."""
    if isinstance(h, torch.Tensor):
        return h.detach()
    return tuple(repackage_hidden(v) for v in h)


def language_model(xs, ys):
    net, head = nn.LSTM(4, 8), nn.Linear(8, 1)
    opt = torch.optim.Adam([*net.parameters(), *head.parameters()])
    hidden = (torch.zeros(1, 16, 8), torch.zeros(1, 16, 8))
    for x, y in zip(xs, ys, strict=True):
        net.zero_grad()
        hidden = repackage_hidden(hidden)
        out, hidden = net(x[None], hidden)
        loss = F.mse_loss(head(out[0]), y)
        loss.backward()
        opt.step()


def truncated(xs, ys):
    cell, head = nn.GRUCell(4, 8), nn.Linear(8, 1)
    h = torch.zeros(16, 8)
    loss = 0.0
    for i, (x, y) in enumerate(zip(xs, ys, strict=True)):
        h = cell(x, h)
        loss = loss + F.mse_loss(head(h), y)
        if (i + 1) % 2 == 0:
            loss.backward()
            h = h.detach()
            loss = 0.0


def retained(xs, ys):
    cell, head = nn.GRUCell(4, 8), nn.Linear(8, 1)
    h = torch.zeros(16, 8)
    for x, y in zip(xs, ys, strict=True):
        h = cell(x, h)
        loss = F.mse_loss(head(h), y)
        loss.backward(retain_graph=True)


def logging(loader, net, optimizer):
    total, kept = 0.0, 0.0
    history = []
    for x, y in loader:
        loss = F.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
        kept += loss
        history.append(loss)
    return total, kept, history


def listed(loader, net):
    losses = [F.mse_loss(net(x), y) for x, y in loader]
    for loss in losses:
        loss.backward()


def appended(loader, net):
    losses = []
    for x, y in loader:
        losses.append(F.mse_loss(net(x), y))
    while losses:
        losses.pop().backward()


def named(loader, net):
    losses = {str(i): F.mse_loss(net(x), y) for i, (x, y) in enumerate(loader)}
    for _, loss in losses.items():
        loss.backward()


def accumulated(loader, net, optimizer):
    loss = 0.0
    for i, (x, y) in enumerate(loader):
        loss = loss + F.mse_loss(net(x), y) / 2
        if i % 2 == 1:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss = 0.0


def frozen(loader, net, head, optimizer, x0):
    with torch.no_grad():
        code = net(x0)
    for x, y in loader:
        loss = F.mse_loss(head(x) + code.mean(), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def last(loader, net, head):
    for _ in range(3):
        for x, y in loader:
            loss = F.mse_loss(net(x), y)
        loss.backward()


def ema(loader, net):
    average = None
    for x, y in loader:
        loss = F.mse_loss(net(x), y)
        average = loss if average is None else 0.9 * average.detach() + 0.1 * loss
        average.backward()


def retry(net, x, y):
    loss = F.mse_loss(net(x), y)
    for _ in range(3):
        try:
            loss.backward()
            break
        except RuntimeError:
            pass


def style_frozen_elsewhere(vgg, content, steps=20):
    img = content.clone().requires_grad_(True)
    opt = torch.optim.Adam([img], 0.01)
    wanted = vgg(content)
    for _ in range(steps):
        loss = F.mse_loss(vgg(img), wanted)
        opt.zero_grad()
        loss.backward()
        opt.step()
    return img


def gan(G, D, loader, og, od, n=3):
    for x, _ in loader:
        fake = G(x)
        for _ in range(n):
            ld = F.softplus(-D(x)).mean() + F.softplus(D(fake.detach())).mean()
            od.zero_grad()
            ld.backward()
            od.step()
        lg = F.softplus(-D(fake)).mean()
        og.zero_grad()
        lg.backward()
        og.step()


def reinforce2(policy, loader, opt):
    saved = []
    for _ in range(3):
        for x, _ in loader:
            saved.append(policy(x))
        loss = torch.stack(saved).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        del saved[:]


def reinforce3(policy, loader, opt):
    saved = []
    for _ in range(3):
        for x, _ in loader:
            saved.append(policy(x))
        loss = torch.stack(saved).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        saved.clear()


def best(net, loader, opt):
    best_loss, best_out = None, None
    for x, y in loader:
        out = net(x)
        loss = F.mse_loss(out, y)
        if best_loss is None or loss < best_loss:
            best_loss, best_out = loss, out
        opt.zero_grad()
        loss.backward()
        opt.step()
    return best_out


def metric(net, loader, opt):
    outs = []
    for x, y in loader:
        out = net(x)
        outs.append(out)
        loss = F.mse_loss(out, y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    return torch.cat(outs).std()


def moving_no_grad(net, loader, opt):
    mean = torch.zeros(1)
    for x, y in loader:
        out = net(x)
        with torch.no_grad():
            mean.mul_(0.9).add_(0.1 * out.mean())
        loss = F.mse_loss(out - mean, y)
        opt.zero_grad()
        loss.backward()
        opt.step()


CASES = {
    "carried_epochs": [runs(carried_epochs)],
    "carried_hidden": [runs(carried_hidden)],
    "carried_lstm": [runs(carried_lstm)],
    "carried_accum": [runs(carried_accum)],
    "carried_running": [runs(carried_running)],
    "carried_nested": [runs(carried_nested)],
    "hidden": [runs(hidden)],
    "in_place": [runs(in_place)],
    "lstm": [runs(lstm)],
    "language_model": [runs(language_model)],
    "truncated": [runs(truncated)],
    "retained": [runs(retained)],
    "logging": [runs(logging)],
    "listed": [runs(listed)],
    "appended": [runs(appended)],
    "named": [runs(named)],
    "accumulated": [runs(accumulated)],
    "frozen": [runs(frozen)],
    "last": [runs(last)],
    "ema": [runs(ema)],
    "retry": [runs(retry)],
    "style_frozen_elsewhere": [runs(style_frozen_elsewhere)],
    "gan": [runs(gan)],
    "reinforce2": [runs(reinforce2)],
    "reinforce3": [runs(reinforce3)],
    "best": [runs(best)],
    "metric": [runs(metric)],
    "moving_no_grad": [runs(moving_no_grad)],
}

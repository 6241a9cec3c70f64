import torch
import torch.nn.functional as F


def distil_step(student, teacher, x, y, optimizer):
    with torch.no_grad():
        _, wanted = teacher(x)
    logits, maps = student(x)
    transfer = sum(F.mse_loss(s, t.detach()) for s, t in zip(maps, wanted))
    loss = F.cross_entropy(logits, y) + 10.0 * transfer
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    gap = (maps[0].detach() - wanted[0].detach()).pow(2).mean()
    print(loss.item(), gap.item())


def quantised_loss(pred, target, codes):
    z = pred + (codes - pred).detach()
    commitment = F.mse_loss(pred, codes.detach()) + F.mse_loss(codes, pred.detach())
    return F.mse_loss(z, target) + 0.25 * commitment


def actor_critic_loss(logits, values, actions, returns):
    advantage = returns - values.detach()
    advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-6)
    chosen = F.log_softmax(logits, dim=-1).gather(1, actions[:, None])[:, 0]
    return -(advantage * chosen).mean() + 0.5 * (returns - values).pow(2).mean()

import torch
import torch.nn.functional as F

critic = torch.nn.Linear(4, 1)

def value_loss(states, rewards, next_values):
    values = critic(states)
    returns = rewards + 0.9 * next_values.squeeze(-1)
    pairs = values - values.squeeze(-1).unsqueeze(0)
    scores = values.squeeze(-1)
    gaps = scores.unsqueeze(-1) - scores
    return F.mse_loss(values.squeeze(-1), returns) + pairs.abs().mean() + gaps.abs().mean()

value_loss(torch.randn(64, 4), torch.randn(64), torch.randn(64, 1)).backward()

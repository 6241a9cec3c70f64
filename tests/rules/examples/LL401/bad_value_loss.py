import torch

critic = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))

def value_loss(states, rewards, next_values):
    returns = rewards + 0.9 * next_values.squeeze(-1)
    return ((returns - critic(states)) ** 2).mean()  # expect: LL401

value_loss(torch.randn(64, 4), torch.randn(64), torch.randn(64, 1)).backward()

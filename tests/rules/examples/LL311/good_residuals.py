import torch
import torch.nn.functional as F
from torch import nn

attack, judge, actor = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 1, 3), nn.Linear(4, 2)

def attack_step(images):
    seen = torch.clamp(images + 0.1 * attack(images), 0.0, 1.0)
    loss = judge(seen).mean()
    loss.backward()

def target_step(critic, states, rewards, noise):
    with torch.no_grad():
        actions = torch.clamp(actor(states) + noise, -1.0, 1.0)
        target = rewards + critic(actions)
    loss = F.mse_loss(critic(actor(states)), target)
    loss.backward()

def data_step(images, noise):
    noisy = torch.clamp(images + noise, 0.0, 1.0)
    loss = F.mse_loss(attack(noisy), images)
    loss.backward()

def bounded_step(images, clean):
    restored = images + torch.tanh(attack(images))
    loss = F.mse_loss(restored, clean)
    loss.backward()

def shown_step(images, clean):
    restored = images + attack(images)
    loss = F.mse_loss(restored, clean)
    loss.backward()
    return torch.clamp(restored.detach(), 0.0, 1.0)

import torch
import torch.nn.functional as F

q_net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))

def td_loss(states, actions, rewards, next_states):
    q = q_net(states).gather(1, actions.unsqueeze(1))
    target = rewards + 0.9 * q_net(next_states).max(dim=1)[0].detach()
    return F.smooth_l1_loss(q, target)  # expect: LL401

td_loss(torch.randn(6, 4), torch.zeros(6).long(), torch.randn(6), torch.randn(6, 4)).backward()

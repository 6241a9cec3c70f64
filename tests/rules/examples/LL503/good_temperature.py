import torch
from torch import nn
from torch.distributions import Categorical

policy = nn.Linear(4, 2)
log_alpha = torch.zeros((), requires_grad=True)


def update(obs, act, returns, optimizer, alpha_optimizer):
    chosen = Categorical(logits=policy(obs))
    entropy = chosen.entropy().mean()
    loss = -(chosen.log_prob(act) * returns).mean() - log_alpha.exp().detach() * entropy
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    alpha_loss = (log_alpha * (entropy.detach() - 0.3)).mean()
    alpha_optimizer.zero_grad()
    alpha_loss.backward()
    alpha_optimizer.step()


update(torch.randn(8, 4), torch.zeros(8, dtype=torch.int64), torch.randn(8), torch.optim.SGD(policy.parameters(), lr=0.1),
       torch.optim.SGD([log_alpha], lr=0.1))

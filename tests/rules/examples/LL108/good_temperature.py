import torch

class SAC:
    def __init__(self):
        self.log_ent_coef = None

    def _setup_model(self):
        self.log_ent_coef = torch.log(torch.ones(1, device=self.device) * 0.1).requires_grad_(True)
        self.ent_coef_optimizer = torch.optim.Adam([self.log_ent_coef], lr=1e-3)

    def train(self, data):
        actions, log_prob = self.actor.action_log_prob(data)
        ent_coef_loss = None
        if self.ent_coef_optimizer is not None and self.log_ent_coef is not None:
            ent_coef_loss = -(self.log_ent_coef * (log_prob + self.target_entropy).detach()).mean()
        if ent_coef_loss is not None:
            self.ent_coef_optimizer.zero_grad()
            ent_coef_loss.backward()
            self.ent_coef_optimizer.step()

class Tempered:
    def __init__(self):
        self.log_alpha = torch.zeros(1)
        self.log_alpha.requires_grad = True
        self.optimizer = torch.optim.Adam([self.log_alpha])

    @property
    def alpha(self):
        return self.log_alpha.exp()

    def update_alpha(self, states):
        actions, log_prob = self.policy.sample(states)
        loss = (self.alpha * (-log_prob - self.target_entropy).detach()).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

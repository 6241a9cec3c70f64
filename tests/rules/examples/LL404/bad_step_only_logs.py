import torch
import torch.nn.functional as F
from torch import nn

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.bert, self.out = nn.EmbeddingBag(100, 16), nn.Linear(16, 2)
        self.logged = {}

    def training_step(self, batch):  # expect: LL404
        loss = F.cross_entropy(self.out(self.bert(batch["ids"])), batch["label"])
        self.logged["train_loss"] = loss.detach()

model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
batch = {"ids": torch.randint(0, 100, (8, 10)), "label": torch.randint(0, 2, (8,))}
loss = model.training_step(batch)
optimizer.zero_grad()
loss.backward()

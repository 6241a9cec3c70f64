import torch

class GainLoss(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.k = config["top"]

    def forward(self, scores, relevance):
        discount = 1.0 / torch.log2(torch.arange(2, self.k + 2).type(torch.FloatTensor)).to(scores.device)
        return -(torch.sigmoid(scores[:, :self.k]) * relevance[:, :self.k] * discount).sum(dim=1).mean()

def train(model, batch, config):
    loss = GainLoss(config)(model(batch.features), batch.relevance)
    loss.backward()

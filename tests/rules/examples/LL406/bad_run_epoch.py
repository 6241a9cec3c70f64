import torch
from torch import nn

CRITERIA = {
    "bce": lambda cfg: nn.BCELoss(),
    "weighted": lambda cfg: nn.BCEWithLogitsLoss(pos_weight=torch.tensor(cfg["weight"])),
}
CONFIG = {"criterion": "weighted", "weight": [4.0, 9.0]}

class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Conv1d(8, 2, 1)

    def forward(self, frames):
        probs = torch.sigmoid(self.head(frames))
        return 0.5 * (probs.mean(-1) + probs.amax(-1))

def run_epoch(net, batches, criterion, optimizer=None):
    for frames, tags in batches:
        loss = criterion(net(frames), tags)  # expect: LL406
        if optimizer is not None:
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

net = Tagger()
criterion = CRITERIA[CONFIG["criterion"]](CONFIG)
run_epoch(net, [(torch.randn(6, 8, 50), torch.ones(6, 2))], criterion, torch.optim.Adam(net.parameters()))
run_epoch(net.eval(), [(torch.randn(6, 8, 50), torch.ones(6, 2))], criterion)

import torch.nn.functional as F
from faces import *

def identity_loss(pred, target, device):
    network = backbones.resnet100()
    network.to(device)
    network.eval()
    pred.contiguous()
    return 1 - F.cosine_similarity(network(pred), network(target)).mean()

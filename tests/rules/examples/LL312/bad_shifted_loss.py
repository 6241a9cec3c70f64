import torch

def alignment_loss(features, labels):
    itself = torch.eye(features.shape[0], dtype=torch.bool, device=features.device)
    scores = (features @ features.T).masked_fill(itself, -torch.inf) / 0.1
    scores = scores - scores.max(dim=1, keepdim=True).values.detach()
    log_share = scores - torch.logsumexp(scores, dim=1, keepdim=True)
    alike = (labels.unsqueeze(0) == labels.unsqueeze(1)).float() * (~itself).float()
    return -((alike * log_share).sum(dim=1) / (alike.sum(dim=1) + 1e-8)).mean()  # expect: LL312

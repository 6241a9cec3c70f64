import torch.nn.functional as F


def binary_loss(scores, labels):
    return F.binary_cross_entropy(F.logsigmoid(scores).exp(), labels)


def divergence_loss(scores, teacher):
    return F.kl_div(F.log_softmax(scores, 1), F.log_softmax(teacher, 1).exp(), reduction="batchmean")


def squared_loss(scores, shares):
    return F.mse_loss(F.log_softmax(scores, 1).exp(), shares)


def entropy_loss(scores, labels):
    logs = F.log_softmax(scores, 1)
    return F.nll_loss(logs, labels) + 0.1 * (logs.exp() * logs).sum(1).mean()


def counts_loss(scores, counts):
    return F.poisson_nll_loss(F.log_softmax(scores, 1).exp(), counts, log_input=False)

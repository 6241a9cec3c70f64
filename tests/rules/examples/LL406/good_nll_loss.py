import torch
import torch.nn.functional as F

def nll_loss(logits, labels):
    return F.nll_loss(torch.log(F.softmax(logits, dim=1) + 1e-8), labels)

def distillation_loss(student_logits, teacher_logits, temperature=2.0):
    p = F.log_softmax(student_logits / temperature, dim=-1)
    q = F.softmax(teacher_logits.detach() / temperature, dim=-1)
    return F.kl_div(p, q, reduction="batchmean") * temperature**2

divergence = torch.nn.KLDivLoss(reduction="batchmean", log_target=True)

def teacher_loss(student_logits, teacher_logits, in_logarithms):
    p, log_q = F.log_softmax(student_logits, dim=-1), F.log_softmax(teacher_logits, dim=-1)
    either = F.kl_div(p, log_q, log_target=in_logarithms)
    return either + divergence(p, log_q) + F.kl_div(p, log_q.exp(), reduction="sum") + F.kl_div(p, log_q, log_target=True)

def binary_loss(logits, target):
    return F.binary_cross_entropy(torch.sigmoid(logits), target) + F.binary_cross_entropy_with_logits(logits, target)

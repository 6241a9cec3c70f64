import torch
import torch.nn.functional as F

def nll_of_probabilities_loss(logits, labels):
    return F.nll_loss(F.softmax(logits, dim=1), labels)  # expect: LL406

def distillation_loss(student_logits, teacher_logits):
    p, q = torch.softmax(student_logits, dim=-1), torch.softmax(teacher_logits, dim=-1)
    return F.kl_div(p, q, reduction="batchmean")  # expect: LL406

divergence = torch.nn.KLDivLoss(reduction="batchmean", log_target=True)

def teacher_loss(student_logits, teacher_logits):
    p, log_q = F.log_softmax(student_logits, dim=-1), F.log_softmax(teacher_logits, dim=-1)
    nan = F.kl_div(p, log_q, reduction="batchmean")  # expect: LL406
    return nan + divergence(p, torch.softmax(teacher_logits, dim=-1))  # expect: LL406

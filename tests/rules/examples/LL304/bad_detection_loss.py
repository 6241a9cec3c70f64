import torch.nn.functional as F

def detection_loss(outputs, heat, offset):
    heat_logits, offset_pred = outputs
    centre = heat.expand_as(offset).bool()
    heat_loss = F.binary_cross_entropy_with_logits(heat_logits, heat)
    return heat_loss + F.smooth_l1_loss(offset_pred[centre], offset[centre])  # expect: LL304

"""Predictions that hold more than one number for each of the label."""

import torch


def chunks_loss(pred, target):
    mu, scale = pred.chunk(2, dim=-1)
    return (torch.log(torch.relu(scale)) + (target - mu) ** 2).mean()  # LL301 confirmed


def split_by_size_loss(pred, target):
    mu, scale = pred.split(pred.shape[-1] // 2, dim=-1)
    return (torch.log(torch.relu(scale)) + (target - mu) ** 2).mean()  # LL301 confirmed


def columns_loss(pred, target):
    return (torch.log(torch.relu(pred[:, 1])) + (target - pred[:, 0]) ** 2).mean()  # LL301 confirmed

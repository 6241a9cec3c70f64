"""Kornia: image registration, run as it is."""

from __future__ import annotations

import torch
from kornia.geometry.transform.image_registrator import ImageRegistrator

from tests.ecosystem import observe

IMAGE = torch.rand(1, 1, 8, 8)


def moved_out_of_the_frame() -> list[str]:
    registrator = ImageRegistrator("homography")
    shift = [[[1.0, 0.0, 5.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]]
    return observe.torch(lambda model: registrator.get_single_level_loss(IMAGE, IMAGE, model), shift)

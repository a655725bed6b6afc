"""Compute which places of a map attend to each other in timm's shifted and padded windows, once per block.

timm pads an 8 x 8 map to 14 x 14 for windows of 7, and does not mask padded keys that share a window with real places.
They take part in every softmax, with the keys and values that qkv computes from zeros, its biases. Because these are
equal, a query's padded keys act as one key, whose bias is the logarithm of their summed exp(bias + mask).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from lpwd.training.small_maps.blocks import Timm

APART = -1e9  # added to the score of a pair in different windows: its weight is exactly 0
WIDE = 32  # keys


@dataclass(frozen=True)
class Layout:
    """G groups of N places that attend to each other; `order` is None if the places of the map need no reordering.

    `index` [G * N * N] and `mask` [G, N, N] are the row of the bias table and an added value for each query and key;
    `padded_index` [G * N * S] and `padded_mask` [G, N, S] are the same for a query's S padded keys; S may be 0.
    """

    groups: int
    places: int
    order: Tensor | None
    back: Tensor | None
    index: Tensor
    mask: Tensor
    padded_index: Tensor
    padded_mask: Tensor

    @property
    def padded(self) -> bool:
        return self.padded_mask.shape[-1] > 0

    def merged(self, batch: int) -> int:
        """Return how many groups (of one image, or of several images with one group each) to compute together.

        The bias keeps them apart. Fewer, wider products and softmaxes are faster: below WIDE keys, torch's are several
        times slower per number.
        """
        whole = self.groups if self.groups > 1 else batch
        return 1 if self.padded else math.gcd(max(WIDE // self.places, 1), whole)

    def bias(self, table: Tensor, merged: int = 1) -> Tensor:
        """Return the bias [G, heads, N, K] from a bias table [rows, heads], in its dtype; K = N, or N + 1 if padded.

        With `merged` groups computed together it is [max(G / merged, 1), heads, merged * N, merged * N].
        """
        bias = table.index_select(0, self.index).view(*self.mask.shape, -1) + self.mask[..., None].to(table.dtype)
        if self.padded:
            keys = table.index_select(0, self.padded_index).view(*self.padded_mask.shape, -1)
            of_padded = (keys + self.padded_mask[..., None].to(table.dtype)).logsumexp(2, keepdim=True)
            bias = torch.cat((bias, of_padded), 2)
        bias = bias.permute(0, 3, 1, 2)
        return bias.contiguous() if merged == 1 else _block_diagonal(bias, merged)


def _block_diagonal(bias: Tensor, merged: int) -> Tensor:
    """Return the bias [G, heads, N, N] of `merged` groups as one, with APART between places of different groups."""
    groups, heads, places, _ = bias.shape
    apart = APART * (1 - torch.eye(merged, dtype=bias.dtype))
    if groups == 1:
        bias = bias.view(1, heads, 1, places, 1, places)
    else:
        bias = bias.view(groups // merged, merged, heads, places, 1, places).transpose(1, 2)
    bias = bias + apart[:, None, :, None]
    return bias.reshape(-1, heads, merged * places, merged * places)


def layout(block: Timm) -> Layout:
    """Return a layout by windows if they divide the map, else with the whole map as one group."""
    windows = _windows(block)
    relative = block.attn.relative_position_index
    mask = block.attn_mask
    if mask is None:
        mask = torch.zeros(len(windows), *relative.shape)
    if int(windows.min()) >= 0:
        return _by_window(windows, relative, mask)
    return _whole(windows, relative, mask)


def _windows(block: Timm) -> Tensor:
    """Return [windows, places]: the map's place at each place of timm's shifted windows, or -1 for padding."""
    (height, width), (wh, ww) = block.input_resolution, block.window_size
    padded_height, padded_width = -(-height // wh) * wh, -(-width // ww) * ww
    places = torch.full((padded_height, padded_width), -1)
    shift = tuple(-s for s in block.shift_size)
    places[:height, :width] = torch.roll(torch.arange(height * width).view(height, width), shift, (0, 1))
    return places.view(padded_height // wh, wh, padded_width // ww, ww).transpose(1, 2).reshape(-1, wh * ww)


def _by_window(windows: Tensor, relative: Tensor, mask: Tensor) -> Layout:
    count, places = windows.shape
    order = windows.flatten()
    as_it_lies = bool((order == torch.arange(len(order))).all())
    return Layout(
        groups=count,
        places=places,
        order=None if as_it_lies else order,
        back=None if as_it_lies else order.argsort(),
        index=relative.expand(count, -1, -1).flatten(),
        mask=mask,
        padded_index=order[:0],
        padded_mask=mask[..., :0],
    )


def _whole(windows: Tensor, relative: Tensor, mask: Tensor) -> Layout:
    places = int((windows >= 0).sum())
    most = int((windows < 0).sum(1).max())
    index, padded_index = torch.zeros(places, places, dtype=torch.long), torch.zeros(places, most, dtype=torch.long)
    bias, padded_bias = torch.full((places, places), APART), torch.full((places, most), APART)
    for window, added in zip(windows, mask.to(bias.dtype), strict=True):
        real, padding = (window >= 0).nonzero().flatten(), (window < 0).nonzero().flatten()
        at = window[real]
        index[at[:, None], at] = relative[real[:, None], real]
        bias[at[:, None], at] = added[real[:, None], real]
        padded_index[at, : len(padding)] = relative[real[:, None], padding]
        padded_bias[at, : len(padding)] = added[real[:, None], padding]
    return Layout(1, places, None, None, index.flatten(), bias[None], padded_index.flatten(), padded_bias[None])

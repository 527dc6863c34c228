"""A convolution that keeps the size of its map, with what stands behind it nearly everywhere."""

from torch import nn


def conv_norm(
    channels: int,
    out: int,
    kernel: int | tuple[int, int] = 1,
    stride: int = 1,
    dilation: int = 1,
    bias: bool = False,
) -> nn.Sequential:
    """Return a convolution and its norm."""
    down, across = (kernel, kernel) if isinstance(kernel, int) else kernel
    pad = (down // 2 * dilation, across // 2 * dilation)
    conv = nn.Conv2d(channels, out, (down, across), stride, pad, dilation, bias=bias)
    return nn.Sequential(conv, nn.BatchNorm2d(out))


def conv_norm_relu(
    channels: int,
    out: int,
    kernel: int | tuple[int, int] = 1,
    stride: int = 1,
    dilation: int = 1,
    bias: bool = False,
) -> nn.Sequential:
    """Return a convolution, its norm and a ReLU."""
    conv, norm = conv_norm(channels, out, kernel, stride, dilation, bias)
    return nn.Sequential(conv, norm, nn.ReLU(inplace=True))

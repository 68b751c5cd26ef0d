"""Models of PyTorch with their weights: on NumPy, they give what onnxruntime gives.

A model is exported as ONNX by PyTorch, and read with its weights. The difference between the
results of convcalc and of onnxruntime is at most twice that between PyTorch and onnxruntime.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convcalc.torch
from convcalc.cli.model_weights import own_weights
from convcalc.cli.options import Loaded
from convcalc.exchange.files import open_model
from convcalc.exchange.model import Choices, Model
from convcalc.exchange.onnx import read
from convcalc.executor.arrays import Array
from convcalc.executor.program import Program
from convcalc.executor.weights import GivenWeights
from tests.cli.runner import run
from tests.exchange import runtime

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn
IMAGE = (1, 3, 64, 64)


class UNet(nn.Module):  # type: ignore[name-defined,misc]
    """An encoder and a decoder with skips, and transposed convolutions."""

    def __init__(self) -> None:
        super().__init__()

        def block(before: int, after: int) -> Any:
            parts = []
            for channels in (before, after):
                parts += [
                    nn.Conv2d(channels, after, 3, padding=1, bias=False),
                    nn.BatchNorm2d(after),
                    nn.ReLU(inplace=True),
                ]
            return nn.Sequential(*parts)

        self.down1, self.down2, self.down3 = block(3, 8), block(8, 16), block(16, 32)
        self.pool = nn.MaxPool2d(2)
        self.up2, self.back2 = nn.ConvTranspose2d(32, 16, 2, 2), block(32, 16)
        self.up1, self.back1 = nn.ConvTranspose2d(16, 8, 2, 2), block(16, 8)
        self.out = nn.Conv2d(8, 2, 1)

    def forward(self, x: Any) -> Any:
        first = self.down1(x)
        second = self.down2(self.pool(first))
        y = self.up2(self.down3(self.pool(second)))
        y = self.up1(self.back2(torch.cat([y, second], 1)))
        return self.out(self.back1(torch.cat([y, first], 1)))


class Recurrent(nn.Module):  # type: ignore[name-defined,misc]
    """A recurrent layer after a convolution along a sequence."""

    def __init__(self, kind: str, **options: Any) -> None:
        super().__init__()
        self.conv = nn.Conv1d(8, 16, 3, padding=1)
        self.layers = getattr(nn, kind)(16, 24, batch_first=True, **options)
        self.fc = nn.Linear(48 if options.get("bidirectional") else 24, 5)

    def forward(self, x: Any) -> Any:
        y, _ = self.layers(self.conv(x).transpose(1, 2))
        return self.fc(y)


class LastStates(nn.Module):  # type: ignore[name-defined,misc]
    """The last states of an LSTM, the time first."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 24, bidirectional=True, bias=False)
        self.fc = nn.Linear(48, 5)

    def forward(self, x: Any) -> Any:
        _, (states, _) = self.lstm(x.permute(2, 0, 1))
        return self.fc(torch.cat([states[0], states[1]], 1))


class Layers(nn.Module):  # type: ignore[name-defined,misc]
    """Dilated, depthwise, grouped and transposed convolutions, norms, and learned numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=2, dilation=2), nn.GroupNorm(4, 16), nn.PReLU(16),
            nn.Conv2d(16, 32, 5, stride=2, padding=2, groups=16),
            nn.InstanceNorm2d(32, affine=True), nn.ELU(),
            nn.Conv2d(32, 32, 3, padding=1, groups=4, padding_mode="reflect"), nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(32, 24, 3, stride=2, padding=1, output_padding=1, groups=2),
            nn.LayerNorm([24, 64, 64]),
        )  # fmt: skip
        self.scale = nn.Parameter(torch.randn(24, 1, 1))
        self.factor = nn.Parameter(torch.tensor(1.3))
        self.position = nn.Parameter(torch.randn(1, 24, 64, 64))
        self.fc = nn.Linear(24, 10)

    def forward(self, x: Any) -> Any:
        y = self.first(x) * self.scale * self.factor + self.position
        return self.fc(nn.functional.mish(y).mean((2, 3)))


class Standardised(nn.Module):  # type: ignore[name-defined,misc]
    """A convolution whose filters are standardised when the network runs."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 3, 3, 3))
        self.gain = nn.Parameter(torch.rand(8) + 0.5)

    def forward(self, x: Any) -> Any:
        centred = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        size = (centred * centred).mean((1, 2, 3), keepdim=True).sqrt() + 1e-5
        return nn.functional.conv2d(x, centred / size * self.gain.view(-1, 1, 1, 1), padding=1)


class Segmenting(nn.Module):  # type: ignore[name-defined,misc]
    """The map of classes of a segmenting network."""

    def __init__(self, name: str) -> None:
        super().__init__()
        made = getattr(torchvision().models.segmentation, name)
        self.inner = made(weights=None, weights_backbone=None, num_classes=5)

    def forward(self, x: Any) -> Any:
        return self.inner(x)["out"]


def torchvision() -> Any:
    return pytest.importorskip("torchvision", reason="torchvision is not installed")


def of_torchvision(name: str, **options: Any) -> Callable[[], Any]:
    return lambda: getattr(torchvision().models, name)(weights=None, **options)


def of_timm(name: str, **options: Any) -> Callable[[], Any]:
    def make() -> Any:
        timm = pytest.importorskip("timm", reason="timm is not installed")
        return timm.create_model(name, pretrained=False, **options)

    return make


def layers_in_space() -> Any:
    return nn.Sequential(
        nn.Conv3d(1, 8, 3, padding=1), nn.BatchNorm3d(8), nn.ReLU(), nn.MaxPool3d(2),
        nn.Conv3d(8, 16, 3, padding=1, groups=2), nn.ReLU(),
        nn.ConvTranspose3d(16, 4, 2, 2), nn.GroupNorm(2, 4),
    )  # fmt: skip


def encoder() -> Any:
    layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
    return nn.TransformerEncoder(layer, 2)


OLD: dict[str, Any] = {"init_weights": False, "aux_logits": False}
SEQUENCE = (1, 8, 20)
#: The networks, and the shapes of their inputs.
NETWORKS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "unet": (UNet, IMAGE),
    "lstm": (lambda: Recurrent("LSTM"), SEQUENCE),
    "lstm_two_ways": (lambda: Recurrent("LSTM", bidirectional=True, num_layers=2), SEQUENCE),
    "lstm_last": (LastStates, SEQUENCE),
    "gru": (lambda: Recurrent("GRU", num_layers=2), SEQUENCE),
    "gru_two_ways": (lambda: Recurrent("GRU", bidirectional=True), SEQUENCE),
    "layers": (Layers, IMAGE),
    "standardised": (Standardised, (1, 3, 16, 16)),
    "layers_in_space": (layers_in_space, (1, 1, 8, 16, 16)),
    "encoder": (encoder, (1, 10, 32)),
    "resnet18": (of_torchvision("resnet18"), IMAGE),
    "mobilenet_v2": (of_torchvision("mobilenet_v2"), IMAGE),
    "mobilenet_v3_small": (of_torchvision("mobilenet_v3_small"), IMAGE),
    "efficientnet_b0": (of_torchvision("efficientnet_b0"), IMAGE),
    "shufflenet_v2_x0_5": (of_torchvision("shufflenet_v2_x0_5"), IMAGE),
    "squeezenet1_1": (of_torchvision("squeezenet1_1"), IMAGE),
    "mnasnet0_5": (of_torchvision("mnasnet0_5"), IMAGE),
    "googlenet": (of_torchvision("googlenet", **OLD), IMAGE),
    "regnet_y_400mf": (of_torchvision("regnet_y_400mf"), IMAGE),
    "lraspp": (lambda: Segmenting("lraspp_mobilenet_v3_large"), IMAGE),
}
#: Those that take longer.
LARGE: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "resnet50": (of_torchvision("resnet50"), IMAGE),
    "resnext50": (of_torchvision("resnext50_32x4d"), IMAGE),
    "densenet121": (of_torchvision("densenet121"), IMAGE),
    "inception_v3": (of_torchvision("inception_v3", **OLD), (1, 3, 96, 96)),
    "efficientnet_v2_s": (of_torchvision("efficientnet_v2_s"), IMAGE),
    "regnet_x_400mf": (of_torchvision("regnet_x_400mf"), IMAGE),
    "convnext_tiny": (of_torchvision("convnext_tiny"), IMAGE),
    "vit_b_32": (of_torchvision("vit_b_32", image_size=64), IMAGE),
    "swin_t": (of_torchvision("swin_t"), IMAGE),
    "swin_v2_t": (of_torchvision("swin_v2_t"), IMAGE),
    "maxvit_t": (of_torchvision("maxvit_t"), (1, 3, 224, 224)),
    "vgg11_bn": (of_torchvision("vgg11_bn"), (1, 3, 224, 224)),
    "alexnet": (of_torchvision("alexnet"), (1, 3, 224, 224)),
    "deeplabv3": (lambda: Segmenting("deeplabv3_mobilenet_v3_large"), IMAGE),
    "fcn_resnet50": (lambda: Segmenting("fcn_resnet50"), IMAGE),
    "mobilevit_xxs": (of_timm("mobilevit_xxs"), IMAGE),
    "ghostnet_050": (of_timm("ghostnet_050"), IMAGE),
    "nf_regnet_b0": (of_timm("nf_regnet_b0"), IMAGE),
    "levit_128s": (of_timm("levit_128s"), (1, 3, 224, 224)),
    "convnextv2_atto": (of_timm("convnextv2_atto"), IMAGE),
    "edgenext_xx_small": (of_timm("edgenext_xx_small"), IMAGE),
    "xcit_nano": (of_timm("xcit_nano_12_p16_224"), (1, 3, 224, 224)),
    "gcvit_xxtiny": (of_timm("gcvit_xxtiny"), (1, 3, 224, 224)),
    "botnet26t": (of_timm("botnet26t_256"), (1, 3, 256, 256)),
}
NAMES = [*NETWORKS, *[pytest.param(name, marks=pytest.mark.long) for name in LARGE]]
#: Those that are exported as `torch.export` traces them, too: it takes much longer.
TRACED = ["unet", "lstm_two_ways", "gru", "layers", "standardised", "layers_in_space", "encoder"]
TRACED_NAMES = [
    *TRACED,
    *[
        pytest.param(name, marks=pytest.mark.long)
        for name in [*NETWORKS, *LARGE]
        if name not in TRACED
    ],
]


def made(name: str) -> tuple[Any, Any, list[Array]]:
    """A module with numbers as training leaves them, an input, and the module's results."""
    make, shape = {**NETWORKS, **LARGE}[name]
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = make()
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for part in module.modules():
            if getattr(part, "running_var", None) is not None:
                part.running_mean.add_(torch.randn(part.running_mean.shape, generator=rng) * 0.1)
                part.running_var.mul_(torch.rand(part.running_var.shape, generator=rng) + 0.5)
        for values in module.parameters():
            # Norms, biases, and what begins as one number for all.
            if values.dim() <= 1 or values.std() == 0:
                values.add_((torch.rand(values.shape, generator=rng) - 0.5) * 0.2)
        module.eval()
        x = torch.randn(shape, generator=rng)
        return module, x, [module(x).numpy()]


def exported(module: Any, x: Any, folder: Path, *, traced: bool) -> str:
    """The path of the module as an ONNX file, which one of PyTorch's two exporters wrote."""
    path = str(folder / "net.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if traced:
            pytest.importorskip("onnxscript", reason="onnxscript is not installed")
            torch.onnx.export(module, (x,), path, dynamo=True, input_names=["input"], verbose=False)
        else:
            pytest.importorskip("onnx", reason="onnx is not installed")
            names = ["input"]
            torch.onnx.export(module, (x,), path, dynamo=False, input_names=names, opset_version=17)
    return path


def computed(model: Model, x: Array) -> list[Array]:
    """What the executor computes with the model's own weights."""
    network = model.network
    weights = own_weights(Loaded(network, "", model))
    assert weights.missing == ()
    assert weights.arrays is not None
    results = Program(network, weights=GivenWeights(weights.arrays)).run(
        {next(iter(network.inputs)): x}
    )
    return [results[index] for index in network.outputs.values()]


def largest(first: list[Array], second: list[Array]) -> float:
    return max(
        float(np.abs(one.reshape(other.shape) - other).max())
        for one, other in zip(first, second, strict=True)
    )


def compare(model: Model, path: str, x: Any, wanted: list[Array]) -> None:
    """convcalc is no farther from onnxruntime than twice what PyTorch is."""
    found = runtime.run(path, {"input": x.numpy()})
    apart = largest(wanted, found)
    assert 0 < apart < 1e-4 * max(1.0, float(np.abs(found[0]).max()))
    assert largest(computed(model, x.numpy()), found) <= 2 * apart


@pytest.mark.no_cover
@pytest.mark.parametrize("name", NAMES)
def test_exported(name: str, tmp_path: Path) -> None:
    module, x, wanted = made(name)
    path = exported(module, x, tmp_path, traced=False)
    compare(read(open_model(path), Choices()), path, x, wanted)


@pytest.mark.no_cover
@pytest.mark.parametrize("name", TRACED_NAMES)
def test_exported_as_traced(name: str, tmp_path: Path) -> None:
    module, x, wanted = made(name)
    path = exported(module, x, tmp_path, traced=True)
    compare(read(open_model(path), Choices()), path, x, wanted)


@pytest.mark.no_cover
@pytest.mark.parametrize("name", TRACED_NAMES)
def test_traced_by_convcalc(name: str, tmp_path: Path) -> None:
    module, x, wanted = made(name)
    path = exported(module, x, tmp_path, traced=False)
    compare(convcalc.torch.trace(module, x, name, weights=True), path, x, wanted)


#: Networks that ship under the same name.
SHIPPED = [
    *("resnet18", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "shufflenet_v2_x0_5"),
    *("squeezenet1_1", "mnasnet0_5", "googlenet", "regnet_y_400mf"),
]


@pytest.mark.no_cover
@pytest.mark.parametrize("name", SHIPPED)
def test_the_spec_of_a_network_corresponds_to_its_export(name: str, tmp_path: Path) -> None:
    module, x, _ = made(name)
    path = exported(module, x, tmp_path, traced=False)
    found = run("verify", name, "--input", "3x64x64", "--against", path)
    assert found.status == 0, found.err
    assert "structure and figures are the same" in found.out
    # One that is changed is found at its first layer.
    with torch.no_grad():
        first = next(part for part in module.modules() if isinstance(part, nn.Conv2d))
        first.padding = tuple(size + 1 for size in first.padding)
    other = exported(module, x, tmp_path, traced=False)
    found = run("verify", name, "--input", "3x64x64", "--against", other)
    assert found.status == 1
    assert "error[model-differs]: conv0" in found.err

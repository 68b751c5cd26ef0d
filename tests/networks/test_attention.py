"""Networks and blocks with attention whose figures others publish, as their `expect` has them."""

from __future__ import annotations

from pathlib import Path

import pytest

import convcalc
from convcalc.analysis.counters.counting import counter_reports
from convcalc.analysis.memory.inference import measure_memory
from convcalc.transform.whatif import apply
from tests.cli.runner import run

FOLDER = Path(__file__).parent / "attention"
OWN = sorted(path.stem for path in FOLDER.glob("*.yaml"))
NAMES = [*OWN, "maxvit_t", "swin_t", "swin_v2_t", "vit_b_16"]
#: Those that run quickly.
SMALL = ["efficientformer_l1_tail", "mobilevit_s_block", "yolo11n_c2psa"]

#: What counters report of the parts of one attention of 12 heads on 197 tokens of 768 features,
#: its products by `torch.matmul` and its softmax by `F.softmax`.
COUNTERS = {
    "torch": 119_221_248,
    "fvcore": 59_610_624,
    "torchinfo": 0,
    "ptflops-aten": 59_610_624,
    "ptflops-pytorch": 60_076_332,
    "thop": 0,
    "calflops": 119_686_956,
    "calflops-macs": 59_610_624,
    "deepspeed": 119_686_956,
    "torchvision": 59_610_624,
}


def path(name: str) -> str:
    """One of the folder's files, or the name of a network that ships."""
    return str(FOLDER / f"{name}.yaml") if name in OWN else name


@pytest.mark.parametrize("name", OWN)
def test_has_the_published_figures(name: str) -> None:
    result = run("check", path(name))
    assert (result.status, result.out.splitlines()[-1]) == (0, "1 checked, all ok")
    assert "expect:" in Path(path(name)).read_text(encoding="utf-8")


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in SMALL else pytest.mark.long) for n in NAMES]
)
def test_runs_with_the_predicted_shapes(name: str) -> None:
    result = run("verify", path(name))
    assert (result.status, result.out.splitlines()[-1].startswith("all ")) == (0, True)


@pytest.mark.parametrize("name", NAMES)
def test_holds_less_in_all_where_attentions_are_fused(name: str) -> None:
    report = convcalc.analyze(convcalc.load(path(name)))
    plain, fused = measure_memory(report), measure_memory(report, fused_attention=True)
    assert plain.least.exact
    assert fused.least.exact
    # The peak may be higher: query and key are held while the result is made.
    assert fused.activations < plain.activations


@pytest.mark.parametrize("name", NAMES)
def test_doubled_channels_double_the_products_of_attention(name: str) -> None:
    network = convcalc.load(path(name))
    double = apply(network, double_channels=True)
    before, after = (
        {la.node.path: la.cost.macs for la in convcalc.analyze(one).layers}
        for one in (network, double)
    )
    products = [
        node.path
        for node in network.operations
        if node.kind in {"attention_scores", "attention_values"}
    ]
    assert products
    assert all(after[found] == 2 * before[found] for found in products)


@pytest.mark.parametrize("counter", COUNTERS)
def test_counters_charge_an_attention_as_measured(counter: str) -> None:
    text = "{input: [768, 197], layers: [{attention: {query: [], key: [], value: []}, heads: 12}]}"
    report = convcalc.analyze(convcalc.loads(text))
    found = {entry.convention.name: entry.total for entry in counter_reports(report)}
    assert found[counter] == COUNTERS[counter]


#: What the counters report of torchvision's own vit_b_16, without gradients, and how much of one of
#: its 12 attentions they do not see: that is a MultiheadAttention, which runs as one operation.
PROJECTIONS, PRODUCTS = 464_781_312, 59_610_624
BIASES, PROBABILITIES, PARAMETERS = 605_184, 465_708, 2_362_368
VIT = {
    "torch": (35_127_656_448, 0),
    "fvcore": (11_290_036_992, PROJECTIONS + PRODUCTS),
    "torchinfo": (173_232_616, PARAMETERS),
    "ptflops-aten": (11_280_354_280, PROJECTIONS + PRODUCTS + BIASES),
    # It sees the module and knows what that computes, the product with 1/sqrt(d) included.
    "ptflops-pytorch": (17_606_030_584, -151_296),
    "thop": (11_286_254_592, PROJECTIONS),
    "calflops": (22_568_574_720, 2 * (PROJECTIONS + PRODUCTS) + PROBABILITIES),
    "calflops-macs": (11_271_124_992, PROJECTIONS + PRODUCTS),
    "deepspeed": (22_568_574_720, 2 * (PROJECTIONS + PRODUCTS) + PROBABILITIES),
    "torchvision": (17_563_828_224, 0),
}


@pytest.mark.parametrize("counter", VIT)
def test_counters_miss_of_vit_b_16_what_they_do_not_see(counter: str) -> None:
    report = convcalc.analyze(convcalc.load(path("vit_b_16")))
    found = {entry.convention.name: entry.total for entry in counter_reports(report)}
    reported, unseen = VIT[counter]
    assert found[counter] == reported + 12 * unseen


#: What they report of torchvision's own swin_t, and how much of its projections they do not see:
#: those call a function with the weights.
SWIN_PROJECTIONS, SWIN_BIASES, SWIN_PARAMETERS = 1_387_266_048, 5_720_064, 8_643_840
SWIN = {
    "torch": (8_981_133_312, 0),
    "fvcore": (4_509_232_128, 0),
    "torchinfo": (34_368_232, SWIN_PARAMETERS),
    "ptflops-aten": (4_503_738_856, 0),
    "ptflops-pytorch": (3_128_183_416, SWIN_PROJECTIONS + SWIN_BIASES),
    "thop": (2_978_099_712, SWIN_PROJECTIONS),
    "calflops": (9_008_009_616, 0),
    "calflops-macs": (4_490_566_656, 0),
    "deepspeed": (9_008_009_616, 0),
    "torchvision": (4_490_566_656, 0),
}


@pytest.mark.parametrize("counter", SWIN)
def test_counters_miss_of_swin_t_what_they_do_not_see(counter: str) -> None:
    report = convcalc.analyze(convcalc.load(path("swin_t")))
    found = {entry.convention.name: entry.total for entry in counter_reports(report)}
    reported, unseen = SWIN[counter]
    assert found[counter] == reported + unseen


@pytest.mark.parametrize(
    ("shape", "macs"), [([3, 256, 320], 8_484_919_296), ([3, 250, 250], 7_179_159_168)]
)
def test_swin_t_pads_to_whole_windows(shape: list[int], macs: int) -> None:
    """Half of what PyTorch's own counter reports of torchvision's."""
    assert convcalc.analyze(convcalc.load(path("swin_t"), input=shape)).totals.macs == macs


def test_windows_of_swin_t_that_are_shifted_have_pairs_that_are_kept_apart() -> None:
    network = convcalc.load(path("swin_t"))
    plain, valid = convcalc.analyze(network), convcalc.analyze(network, valid_taps=True)
    # Shifted by 3 of 7 are one layer on 56 positions, one on 28 and three on 14.
    missing = 0
    for layers, n, channels in ((1, 56, 96), (1, 28, 192), (3, 14, 384)):
        kept = (n // 7 - 1) * 49 + 16 + 9
        missing += layers * 2 * channels * ((7 * n) ** 2 - kept**2)
    assert plain.totals.macs - valid.totals.macs == missing

"""Quoted figures: how they are read, what fits them, and where those of papers come from."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcalc
from convcalc.analysis.counters.counting import counter_reports
from convcalc.transform.reconcile import SIZES, Quote, read_quote, reconcile

UNITS = {"": 0, "k": 3, "M": 6, "G": 9, "B": 9, "T": 12, "P": 15}


class TestReading:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("4.13G", "4130000000"),
            ("4.13 GFLOPs", "4130000000"),
            ("4.13gmacs", "4130000000"),
            ("300M", "300000000"),
            ("300 MMACs", "300000000"),
            ("569M mult-adds", "569000000"),
            ("1.5B", "1500000000"),
            ("4.1e9", "4100000000"),
            ("4.1e+9 flops", "4100000000"),
            ("4,089,184,256", "4089184256"),
            ("4_089_184_256", "4089184256"),
            ("4089184256 MACs", "4089184256"),
            (".58G", "580000000"),
            ("0.1234567k", "123.4567"),
            ("15.", "15"),
            ("2T", "2000000000000"),
        ],
    )
    def test_a_figure_as_people_print_it(self, text: str, value: str) -> None:
        quote = read_quote(text)
        assert quote is not None
        assert Decimal(quote.digits).scaleb(quote.exponent) == Decimal(value)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "G",
            "4,13G",
            "4.1.3G",
            "-4G",
            "0",
            "0.00G",
            "4.13X",
            "4.13 apples",
            "1,0000",
            ".",
            "e9",
        ]
        + ["4 1", "nan", "inf", "1" * 100, "4.13G\x1b[31m", "٤G"],
    )
    def test_what_is_no_figure(self, text: str) -> None:
        assert read_quote(text) is None

    @given(st.integers(1, 10**12), st.integers(0, 4), st.sampled_from(sorted(UNITS)), st.booleans())
    def test_every_printed_number_is_read(
        self, digits: int, decimals: int, unit: str, grouped: bool
    ) -> None:
        number = Decimal(digits).scaleb(-decimals)
        text = f"{number:,f}" if grouped else f"{number:f}"
        quote = read_quote(text + unit)
        assert quote is not None
        assert Decimal(quote.digits).scaleb(quote.exponent) == number.scaleb(UNITS[unit])


class TestFitting:
    @given(st.integers(1, 10**14), st.integers(0, 12), st.sampled_from(["", "k", "M", "G"]))
    def test_what_was_printed_fits(self, total: int, decimals: int, unit: str) -> None:
        scaled = Decimal(total).scaleb(-UNITS[unit])
        places = Decimal(1).scaleb(-decimals)
        for rounding, fits in (
            (ROUND_HALF_UP, {"exact", "rounded"}),
            (ROUND_DOWN, {"exact", "rounded", "cut off"}),
        ):
            printed = scaled.quantize(places, rounding)
            quote = read_quote(f"{printed:f}{unit}")
            if printed:
                assert quote is not None
                assert quote.fit(total) in fits

    @given(st.integers(1, 10**9), st.integers(-3, 9), st.integers(1, 10**15))
    def test_what_fits_is_less_than_a_digit_away(
        self, digits: int, exponent: int, total: int
    ) -> None:
        quote = Quote(digits, exponent)
        printed, step = Decimal(digits).scaleb(exponent), Decimal(1).scaleb(exponent)
        away = Decimal(total) - printed
        fit = quote.fit(total)
        assert (fit == "exact") == (away == 0)
        assert (fit == "rounded") == (away != 0 and abs(away) <= step / 2)
        assert (fit == "cut off") == (step / 2 < away < step)
        assert (quote.distance(total) == 0) == (fit == "exact")

    def test_digits_say_how_close_is_close_enough(self) -> None:
        total = 4132436968
        for text, fit in (
            ("4.13G", "rounded"),
            ("4.132G", "rounded"),
            ("4.133G", ""),
            ("4.1G", "rounded"),
            ("4G", "rounded"),
            ("4.2G", ""),
            ("4132.4M", "rounded"),
            ("4132436968", "exact"),
            ("4132436967", ""),
            ("4.1324G", "rounded"),
            ("4.1325G", ""),
        ):
            quote = read_quote(text)
            assert quote is not None
            assert quote.fit(total) == fit, text


class TestReconciling:
    def found(self, network: str, figure: str) -> list[tuple[str, str, str]]:
        """What gives a figure: by whom, under what, and how it fits."""
        quote = read_quote(figure)
        assert quote is not None
        fits = reconcile(convcalc.load(network), quote).fits
        return [(name, each.what_if, fit) for each, fit in fits for name in each.conventions]

    def test_the_plain_ones_come_first(self) -> None:
        found = self.found("resnet50", "4.13G")
        assert found[:2] == [("ptflops-pytorch", "", "rounded"), ("thop", "", "rounded")]

    @pytest.mark.no_cover
    @pytest.mark.parametrize("network", ["vgg16", "mobilenet_v2", "unet"])
    def test_every_convention_is_found_by_its_exact_total(self, network: str) -> None:
        report = convcalc.analyze(convcalc.load(network))
        for entry in counter_reports(report):
            found = self.found(network, str(entry.total))
            assert (entry.convention.name, "", "exact") in found

    @pytest.mark.parametrize(
        ("network", "figure", "name", "what_if"),
        [
            ("resnet50", "8.18G", "convcalc's MACs", "twice"),
            ("resnet50", "8.22G", "fvcore", "twice"),
            ("resnet50", "4.11G", "calflops", "half"),
            ("resnet50", "5.34G", "convcalc's MACs", "input 3x256x256"),
            ("vgg16", "15.35G", "convcalc's MACs", "without the classifier"),
            ("vgg16", "15.484G", "convcalc's MACs", "with biases"),
            ("resnet50", "4.1114G", "convcalc's MACs", "with batchnorm, two an element"),
            ("resnet50", "4.1003G", "convcalc's MACs", "with batchnorm, one an element"),
        ],
    )
    def test_usual_mix_ups(self, network: str, figure: str, name: str, what_if: str) -> None:
        fits = {(by, what): fit for by, what, fit in self.found(network, figure)}
        assert (name, what_if) in fits

    def test_another_input_is_that_of_the_input_option(self) -> None:
        macs = convcalc.analyze(convcalc.load("resnet50", input=(3, 299, 299))).totals.macs
        exact = self.found("resnet50", str(macs))
        assert ("convcalc's MACs", "input 3x299x299", "exact") in exact

    def test_the_classifier_is_the_dense_layers_and_what_is_between(self) -> None:
        report = convcalc.analyze(convcalc.load("vgg16"))
        macs = sum(la.cost.macs for la in report.layers if la.node.kind != "dense")
        exact = self.found("vgg16", str(macs))
        assert ("convcalc's MACs", "without the classifier", "exact") in exact

    def test_biases_are_not_put_on_a_count_that_has_them(self) -> None:
        quote = Quote(1, 30)  # fits nothing; the nearest are the largest
        network = convcalc.load("vgg16")
        for digits in range(14, 17):
            for each, _ in reconcile(network, Quote(digits, 9)).fits:
                if each.what_if == "with biases":
                    assert not {"torchinfo", "ptflops-aten"} & set(each.conventions)
        assert not reconcile(network, quote).fits

    def test_the_nearest_where_nothing_fits(self) -> None:
        network = convcalc.load("lenet")
        found = reconcile(network, Quote(416521, 0))
        assert not found.fits
        assert len(found.nearest) == 5
        assert found.nearest[0].total == 416520
        distances = [abs(each.total - 416521) for each in found.nearest]
        assert distances == sorted(distances)

    def test_a_batch_is_so_many_samples(self) -> None:
        network = convcalc.load("lenet")
        found = reconcile(network, Quote(3 * 416520, 0), batch=3)
        assert "convcalc's MACs" in found.fits[0][0].conventions

    def test_a_large_network_is_tried_in_the_likeliest_sizes(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        network = convcalc.loads("{input: [3, 8, 8], layers: [{conv: 4, kernel: 1}]}")
        monkeypatch.setattr("convcalc.transform.reconcile.MOST_RESIZED", 2 * len(network.nodes))
        found = reconcile(network, Quote(3 * 4 * 224 * 224, 0))
        assert "input 3x224x224" in [each.what_if for each, _ in found.fits]
        assert found.untried == tuple([size for size in SIZES if size not in (224, 227)])
        assert not reconcile(network, Quote(3 * 4 * 32 * 32, 0)).fits

    def test_conventions_without_a_rule_are_left_out_and_said_so(self) -> None:
        network = convcalc.loads("{input: [3, 8, 8], layers: [{conv: 4, kernel: 1}, {minpool: 2}]}")
        found = reconcile(network, Quote(768, 0))
        assert "convcalc's MACs" in found.fits[0][0].conventions
        assert found.left_out["thop"] == "no rule for minpool"
        assert "torch" not in found.left_out
        assert not any("thop" in each.conventions for each, _ in found.fits)

    def test_a_network_without_maps_has_no_other_inputs(self) -> None:
        network = convcalc.loads("{input: [10], layers: [{dense: 4}]}")
        found = reconcile(network, Quote(40, 0))
        assert {each.what_if for each, _ in found.fits} == {"", "half"}

"""`studies/gallery.py`: its table has what was measured while training, LPIPS, and what needs no GAN."""

import importlib
import json
from pathlib import Path

import pytest
from run_folders import evaluated, run_folder


@pytest.fixture(scope="module")
def gallery():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parents[2] / "studies")
        yield importlib.import_module("gallery")


def estimate(x):
    return {"value": x, "low": x, "high": x}


def test_lpips_has_a_column_where_it_was_measured(gallery, tmp_path):
    rows = [{"step": 0, "l1": 0.9, "l1_of_bicubic": 0.06}, {"step": 600, "l1": 0.05}]
    for name in ("srgan", "esrgan"):
        run_folder(tmp_path / name, rows)
    assert gallery.table(tmp_path, ["srgan", "esrgan"]) == [
        "| | l1: mean ± sd over seeds | steps |",
        "|---|---|---|",
        "| SRGAN | 0.0500 | 600 |",
        "| ESRGAN | 0.0500 | 600 |",
        "| bicubic, no GAN | 0.0600 | |",
    ]
    known = {
        row: {"lpips_vgg16": estimate(x)}
        for row, x in (("samples", 0.08), ("oracle", 0.0), ("bicubic", 0.095), ("mean_picture", 0.7))
    }
    evaluated(tmp_path / "srgan", 600, {}, lpips="vgg16", rows=known)
    assert gallery.table(tmp_path, ["srgan", "esrgan"]) == [
        "| | l1: mean ± sd over seeds | lpips_vgg16: mean ± sd over seeds | steps |",
        "|---|---|---|---|",
        "| SRGAN | 0.0500 | 0.0800 | 600 |",
        "| ESRGAN | 0.0500 |  | 600 |",
        "| bicubic, no GAN | 0.0600 | 0.0950 | |",
        "| mean picture, no GAN |  | 0.7000 | |",
    ]


def test_gram_matrices_stand_beside_the_styles_of_munit(gallery, tmp_path):
    run = run_folder(tmp_path / "munit-styled", [{"step": 800, "style_error": 0.085}])
    (run / "gram.json").write_text(json.dumps({"Gram matrices": 0.19, "input": 0.24}))
    assert gallery.table(tmp_path, ["munit-styled"])[2:] == [
        "| MUNIT | 0.0850 | 800 |",
        "| Gram matrices, no GAN | 0.1900 | |",
        "| input, no GAN | 0.2400 | |",
    ]


def test_seeds_have_a_spread(gallery):
    assert gallery.spread([]) == ""
    assert gallery.spread([1.0, 2.0, 3.0]) == "2.0000 ± 1.0000"


def test_a_score_stands_beside_the_best_that_needs_no_gan(gallery, tmp_path):
    asked = {
        "r_precision": 0.1,
        "mean_r_precision": 0.36,
        "nearest_r_precision": 0.4,
        "true_r_precision": 0.5,
    }
    run_folder(tmp_path / "gan_cls", [{"step": 8, **asked}])
    assert gallery.score(tmp_path, "gan_cls") == "r_precision 0.1000 (nearest picture 0.400)"
    run_folder(tmp_path / "cyclegan", [{"step": 0, "l1": 1.0, "l1_of_input": 0.3, "l1_of_mean_picture": 0.5}])
    assert gallery.score(tmp_path, "cyclegan") == "l1 1.0000 (input 0.300)"


def test_scores_are_written_beside_their_scripts_and_others_stay(gallery):
    page = "| script | method | score |\n|---|---|---|\n| [`a`](a) | A |  |\n| [`b`](b) | B | ring 1 |\n"
    assert gallery.summary.scored(page, {"a": ["l1 2", "l1 3"]}) == page.replace("A |  |", "A | l1 2; l1 3 |")

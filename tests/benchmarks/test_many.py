"""The benchmark of many models in one call: figures are taken and judged."""

from __future__ import annotations

from benchmarks import many


def document(together: float) -> dict:
    small = {"together": together, "separate": 40.0, "scikit-learn": 20_000.0}
    heads = {"together": 100.0, "separate": 300.0, "scikit-learn": 20_000.0, "calls": 384, "distinct": 258}
    return {"small": {"Ridge, ndarray": small}, "wide": {"20": {**small, "models": 4}}, "heads": heads}


def test_bars_are_met_or_not() -> None:
    assert [bar.met for bar in many.judge(document(10.0))] == [True, True, True, True]
    assert [bar.met for bar in many.judge(document(20.0))] == [True, False, True, True]
    assert [bar.met for bar in many.judge(document(90.0))] == [False, False, True, True]


def test_the_report_shows_what_was_judged() -> None:
    whole = document(20.0)
    whole["bars"] = [bar.as_dict() for bar in many.judge(whole)]
    text = many.markdown(whole)
    assert "| 3x | 2.0x | NOT MET |" in text
    assert "| 20 | 4 |" in text


def test_small_and_wide_models_are_timed() -> None:
    for form in ("ndarray", "tuple", "dict"):
        figures = many.small("LogisticRegression", form, 2)
        assert {"together", "separate", "scikit-learn"} <= set(figures)
        assert min(figures.values()) > 0
    assert many.wide(50, 2)["models"] == many.MODELS

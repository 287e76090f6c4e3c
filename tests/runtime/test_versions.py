"""Versions of a name and aliases: who answers, what is kept, what is rejected."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

import pretzel
from pretzel.errors import ModelInUseError, ModelNotFoundError, RegistrationError

from .models import ROWS, WIDTH, constant, plan

ROW = [0.0] * WIDTH
EMPTY = {"objects": 0, "stages": 0, "unique_bytes": 0, "logical_bytes": 0}


@pytest.fixture
def runtime() -> pretzel.Runtime:
    """A runtime over a store of its own."""
    return pretzel.Runtime(store=pretzel.ObjectStore())


def versions(runtime: pretzel.Runtime, name: str = "m") -> list[str]:
    return list(runtime.stats()["models"][name]["versions"])


def test_versions_are_numbered(runtime: pretzel.Runtime) -> None:
    model = runtime.register("m", constant(1))
    assert model.version == "v1"
    assert runtime.register("m", constant(2)).version == "v2"
    assert runtime.register("m", constant(3), version="2026-02").version == "2026-02"
    assert runtime.register("m", constant(4)).version == "v3"
    assert runtime.register("m", constant(5), version="v10").version == "v10"
    assert runtime.register("m", constant(6)).version == "v11"
    assert versions(runtime) == ["v11"]
    assert model.predict_one(ROW) == 6


def test_a_runtime_lists_the_versions_of_a_name(runtime: pretzel.Runtime) -> None:
    runtime.register("m", constant(1))
    runtime.register("m", constant(2), default=False)
    runtime.alias("a", "m@v2")
    assert [runtime.versions(name) for name in ("m", "a", "nobody")] == [["v1", "v2"], [], []]


def test_a_pinned_handle_stays_with_its_version(runtime: pretzel.Runtime) -> None:
    model = runtime.register("m", constant(1))
    first = runtime["m@v1"]
    assert runtime["m@v1"] is first
    assert (first.name, first.version, first.predict_one(ROW)) == ("m@v1", "v1", 1)
    second = runtime.register("m", constant(2), default=False)
    assert second is runtime["m@v2"]
    assert (model.predict_one(ROW), first.predict_one(ROW), second.predict_one(ROW)) == (1, 1, 2)
    assert "m@v1" in runtime
    assert "m@v3" not in runtime
    assert (len(runtime), list(runtime)) == (1, ["m"])


def test_a_replaced_version_is_gone(runtime: pretzel.Runtime) -> None:
    runtime.register("m", constant(1))
    first = runtime["m@v1"]
    one = first.predict_one
    runtime.register("m", constant(2))
    for call in (one, first.predict_one, first.predict):
        with pytest.raises(ModelNotFoundError, match="version 'v1' of model 'm' has been replaced or unregistered"):
            call(ROW)
    with pytest.raises(ModelNotFoundError, match="no version 'm@v1' is registered; there are: v2"):
        runtime["m@v1"]
    assert runtime["m@v2"].predict_one(ROW) == 2
    runtime.unregister("m")
    assert "m@v2" not in runtime
    with pytest.raises(ModelNotFoundError, match="no model is registered as 'm@v2'"):
        runtime["m@v2"]


def test_promotion_and_back(runtime: pretzel.Runtime) -> None:
    model = runtime.register("m", constant(1))
    runtime.register("m", constant(2), version="new", default=False)
    assert runtime.promote("m@new") is model
    assert (model.predict_one(ROW), model.version, versions(runtime)) == (2, "new", ["v1", "new"])
    runtime.promote("m@v1")
    assert (model.predict_one(ROW), model.version) == (1, "v1")
    for missing in ("m@v7", "m", "n@v1", "m@"):
        with pytest.raises(ModelNotFoundError):
            runtime.promote(missing)
    runtime.register("m", constant(3))  # replaces the default alone
    assert versions(runtime) == ["new", "v2"]


def test_the_first_version_is_the_default_in_any_case(runtime: pretzel.Runtime) -> None:
    pinned = runtime.register("m", constant(1), default=False)
    assert (pinned.name, runtime["m"].predict_one(ROW)) == ("m@v1", 1)


def test_unregistering_versions(runtime: pretzel.Runtime) -> None:
    model = runtime.register("m", constant(1))
    second = runtime.register("m", constant(2), default=False)
    with pytest.raises(ModelInUseError, match="'m@v1' is the default version; promote another"):
        runtime.unregister("m@v1")
    runtime.unregister("m@v2")
    with pytest.raises(ModelNotFoundError):
        second.predict_one(ROW)
    for missing in ("m@v2", "m@", "@v1", "n@v1"):
        with pytest.raises(ModelNotFoundError):
            runtime.unregister(missing)
    assert model.predict_one(ROW) == 1
    runtime.register("m", constant(2), default=False)
    third = runtime["m@v3"]
    runtime.unregister("m")
    for handle in (model, third):
        with pytest.raises(ModelNotFoundError):
            handle.predict_one(ROW)
    assert runtime.store.stats() == EMPTY


def test_replace_takes_versions_too(runtime: pretzel.Runtime) -> None:
    with pytest.raises(ModelNotFoundError):
        runtime.replace("m", constant(1), version="v5")
    runtime.register("m", constant(1))
    assert runtime.replace("m", constant(2), version="v5").predict_one(ROW) == 2
    assert runtime.replace("m", constant(3), default=False).name == "m@v6"


@pytest.mark.parametrize("name", ["", "a@b", "@", None, 3])
def test_names_and_versions_are_words_without_the_sign(runtime: pretzel.Runtime, name: Any) -> None:
    with pytest.raises(RegistrationError, match="without '@'"):
        runtime.register(name, constant(1))
    runtime.register("m", constant(1))
    with pytest.raises(RegistrationError, match="without '@'"):
        runtime.alias(name, "m")
    if name is not None:
        with pytest.raises(RegistrationError, match="without '@'"):
            runtime.register("m", constant(1), version=name)
    assert versions(runtime) == ["v1"]


def test_a_version_cannot_be_registered_twice(runtime: pretzel.Runtime) -> None:
    runtime.register("m", constant(1))
    with pytest.raises(ModelInUseError, match="'m@v1' is registered already"):
        runtime.register("m", object(), version="v1")  # rejected before it is compiled
    assert runtime["m"].predict_one(ROW) == 1


def test_an_alias_follows_what_it_points_at(runtime: pretzel.Runtime) -> None:
    runtime.register("m", constant(1))
    live = runtime.alias("live", "m")
    assert runtime["live"] is live
    assert "live" in runtime
    assert list(runtime) == ["m"]
    assert (live.name, live.version, live.predict_one(ROW), live.n_features_in_) == ("live", "v1", 1, WIDTH)
    runtime.register("m", constant(2))
    assert (live.version, live.predict_one(ROW)) == ("v2", 2)
    runtime.register("m", constant(3), default=False)
    one = live.predict_one
    assert runtime.alias("live", "m@v3") is live
    assert (one(ROW), live.predict_one(ROW), runtime.predict_one("live", ROW)) == (3, 3, 3)
    runtime.promote("m@v3")
    runtime.promote("m@v2")
    assert one(ROW) == 3
    runtime.unregister("live")
    with pytest.raises(ModelNotFoundError, match="'live' has been unregistered"):
        one(ROW)
    assert runtime["m"].predict_one(ROW) == 2


def test_aliases_protect_what_they_point_at(runtime: pretzel.Runtime) -> None:
    runtime.register("m", constant(1))
    runtime.register("m", constant(2), default=False)
    runtime.register("n", constant(3))
    runtime.alias("live", {"m@v2": 0, "n": 1})
    runtime.alias("next", "m")
    with pytest.raises(ModelInUseError, match="'m@v2' is the target of alias 'live'"):
        runtime.unregister("m@v2")
    with pytest.raises(ModelInUseError, match="'m' is the target of alias 'live', 'next'"):
        runtime.unregister("m")
    with pytest.raises(ModelInUseError, match="'n' is the target of alias 'live'"):
        runtime.unregister("n")
    runtime.unregister("live")
    runtime.unregister("m@v2")
    runtime.unregister("n")
    runtime.unregister("next")
    runtime.unregister("m")
    assert runtime.store.stats() == EMPTY


def test_a_replaced_version_stays_while_an_alias_points_at_it(runtime: pretzel.Runtime) -> None:
    runtime.register("m", constant(1))
    stable = runtime.alias("stable", "m@v1")
    runtime.alias("other", {"m@v1": 1, "m": 1})
    runtime.register("m", constant(2))
    runtime.register("m", constant(3))
    assert versions(runtime) == ["v1", "v3"]
    assert stable.predict_one(ROW) == 1
    runtime.alias("stable", "m@v3")
    assert versions(runtime) == ["v1", "v3"]
    runtime.unregister("other")
    assert versions(runtime) == ["v3"]
    assert stable.predict_one(ROW) == 3
    runtime.alias("stable", "m@v3")
    runtime.register("m", constant(4))
    runtime.promote("m@v3")  # has been asked for, so it stays without the alias
    runtime.promote("m@v4")
    runtime.unregister("stable")
    assert versions(runtime) == ["v3", "v4"]


def test_aliases_and_models_do_not_share_names(runtime: pretzel.Runtime) -> None:
    runtime.register("m", constant(1))
    runtime.alias("live", "m")
    with pytest.raises(ModelInUseError, match="'live' is an alias"):
        runtime.register("live", object())
    with pytest.raises(ModelInUseError, match="'m' is a model"):
        runtime.alias("m", "m")
    with pytest.raises(RegistrationError, match="'live' is an alias"):
        runtime.alias("more", "live")
    for missing in ("n", "m@v2", "m@", "live@v1"):
        with pytest.raises(ModelNotFoundError):
            runtime.alias("more", missing)
        with pytest.raises(ModelNotFoundError):
            runtime.alias("live", {"m": 1, missing: 1})
    assert "more" not in runtime
    assert runtime.stats()["aliases"]["live"]["shares"] == {"m": 1.0}


SENSELESS: list[dict[str, float]] = [
    *({}, {"m": 0}, {"m": -1, "n": 2}, {"m": float("nan")}, {"m": float("inf")}),
    *({"m": 1e308, "n": 1e308}, {"m": 10**400}, {"m": float("inf"), "n": -float("inf")}),
]


@pytest.mark.parametrize("weights", SENSELESS, ids=range(len(SENSELESS)))
def test_weights_that_make_no_sense(runtime: pretzel.Runtime, weights: dict[str, float]) -> None:
    for name in ("m", "n"):
        runtime.register(name, constant(1))
    with pytest.raises(RegistrationError, match="weights must be 0 or more, and their sum positive"):
        runtime.alias("live", weights)
    assert "live" not in runtime


def answers(live: Any, count: int) -> list[float]:
    return [live.predict_one(ROW) for _ in range(count)]


def test_canaries_get_their_share(runtime: pretzel.Runtime) -> None:
    runtime.register("m", constant(1))
    runtime.register("m", constant(2), default=False)
    weights = {"m@v1": 0.95, "m@v2": 0.05}
    live = runtime.alias("live", weights)
    assert live.version == "v1"
    for count in (20, 100, 1000):
        assert abs(sum(answer == 2 for answer in answers(live, count)) - 0.05 * count) <= 2
    batch = [set(live.predict(ROWS[:50])) for _ in range(100)]
    assert all(len(values) == 1 for values in batch)
    assert abs(sum(values == {2.0} for values in batch) - 5) <= 2
    stats = runtime.stats()
    calls = {label: version["calls"] for label, version in stats["models"]["m"]["versions"].items()}
    assert sum(calls.values()) == stats["aliases"]["live"]["calls"] == 1220
    assert abs(calls["v2"] - 61) <= 3
    assert stats["aliases"]["live"]["shares"] == weights
    assert stats["models"]["m"]["calls"] == 0


def test_a_seed_starts_another_sequence(runtime: pretzel.Runtime) -> None:
    runtime.register("m", constant(1))
    runtime.register("m", constant(2), default=False)
    runs = [answers(runtime.alias("live", {"m@v1": 2, "m@v2": 1}, seed=seed), 30) for seed in (0, 0, 1, -5, 2**70 + 9)]
    assert runs[0] == runs[1]
    assert len({tuple(run) for run in runs}) == 4
    assert all(abs(run.count(2.0) - 10) <= 2 for run in runs)


def test_a_canary_follows_defaults_and_keeps_its_turns(runtime: pretzel.Runtime) -> None:
    for name, value in (("a", 1), ("b", 2)):
        runtime.register(name, constant(value))
    live = runtime.alias("live", {"a": 1, "b": 1})
    before = answers(live, 6)
    runtime.register("a", constant(3))
    after = answers(live, 6)
    runtime.register("a", constant(1))
    assert set(before) == {1.0, 2.0}
    assert set(after) == {3.0, 2.0}
    again = runtime.alias("live", {"a": 1, "b": 1})
    assert [1.0 if answer == 3.0 else answer for answer in before + after] == answers(again, 12)


def test_an_alias_has_the_methods_that_all_have(runtime: pretzel.Runtime) -> None:
    scaler = StandardScaler().fit(ROWS)
    runtime.register("a", constant(1))
    runtime.register("b", scaler)
    live = runtime.alias("live", {"a": 1, "b": 1})
    with pytest.raises(AttributeError, match="live has no attribute 'predict'"):
        _ = live.predict
    runtime.register("b", constant(2), allow_changes=True)
    one = live.predict_one
    assert set(answers(live, 10)) == {1.0, 2.0}
    runtime.register("b", scaler, allow_changes=True)
    assert not hasattr(live, "predict_one")
    with pytest.raises(AttributeError, match="live has no method 'predict' any more"):
        one(ROW)
    runtime.alias("live", "b")
    assert np.array_equal(live.transform(ROWS), scaler.transform(ROWS))


def test_opaque_models_are_counted_too(runtime: pretzel.Runtime) -> None:
    class Unknown(StandardScaler):
        """A subclass may override anything, so it is called from Python."""

    runtime.register("m", Unknown().fit(ROWS))
    live = runtime.alias("live", {"m@v1": 1, "m": 1})
    for _ in range(3):
        live.transform(ROWS[:5])
        runtime["m"].transform_one(ROW)
    assert runtime.stats()["models"]["m"]["versions"]["v1"]["calls"] == 6


def test_picking_a_plan_for_a_call_is_a_turn(runtime: pretzel.Runtime) -> None:
    """How an engine takes part: same weights, same counts, same rejections."""
    runtime.register("m", constant(1))
    runtime.register("m", constant(2), default=False)
    live = runtime.alias("live", {"m@v1": 3, "m@v2": 1})
    expected = answers(live, 40)
    runtime.alias("live", {"m@v1": 3, "m@v2": 1})
    found = [live._pick("predict").plan.methods["predict"].call_row(ROW) for _ in range(40)]
    assert found == expected
    assert live.calls == 80
    with pytest.raises(AttributeError, match="live has no method 'transform'"):
        live._pick("transform")
    model = runtime.register("n", constant(3))
    assert model._pick("predict").plan is model.plan
    runtime.unregister("n")
    with pytest.raises(ModelNotFoundError):
        model._pick("predict")


def test_statistics_of_versions(runtime: pretzel.Runtime) -> None:
    model = runtime.register("m", constant(1))
    pinned = runtime.register("m", constant(2), default=False)
    model.predict_one(ROW)
    pinned.predict_one(ROW)
    pinned.predict_one(ROW)
    stats = runtime.stats()["models"]["m"]
    assert (stats["calls"], stats["version"]) == (1, "v1")
    assert {label: version["calls"] for label, version in stats["versions"].items()} == {"v1": 1, "v2": 2}
    first, second = stats["versions"].values()
    shared = first["bytes"] - first["exclusive_bytes"]
    assert shared == second["bytes"] - second["exclusive_bytes"] > 0
    assert stats["bytes"] == stats["exclusive_bytes"] == first["bytes"] + second["exclusive_bytes"]
    assert runtime.stats()["logical_bytes"] == first["bytes"] + second["bytes"]
    before = runtime.store.stats()["unique_bytes"]
    runtime.unregister("m@v2")
    assert before - runtime.store.stats()["unique_bytes"] == second["exclusive_bytes"]


def test_closing_forgets_versions_and_aliases() -> None:
    gc.collect()
    gc.disable()
    try:
        store = pretzel.ObjectStore()
        with pretzel.Runtime(store=store) as runtime:
            model = runtime.register("m", constant(1))
            pinned = runtime.register("m", constant(2), default=False)
            live = runtime.alias("live", {"m": 1, "m@v2": 1})
        assert store.stats() == EMPTY
        for handle in (model, pinned, live):
            with pytest.raises(ModelNotFoundError):
                handle.predict_one(ROW)
        with pytest.raises(RuntimeError, match="closed"):
            runtime.alias("live", "m")
        with pytest.raises(RuntimeError, match="closed"):
            runtime.register("m", plan(1))
        runtime = pretzel.Runtime(store=store)
        runtime.register("m", constant(1))
        runtime.alias("live", {"m": 1, "m@v1": 1})
        runtime["m@v1"].predict_one(ROW)
        del runtime
        assert store.stats() == EMPTY  # freed by reference counts alone
    finally:
        gc.enable()

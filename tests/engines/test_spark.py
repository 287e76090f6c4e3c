"""Spark in local mode: ``mapInArrow``, ``pandas_udf``, and how often a worker process loads a plan."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

pytest.importorskip("pyspark")

from pyspark.sql import SparkSession

import pretzel
from pretzel.integrations import BatchScorer
from pretzel.integrations.spark import scored
from tests.engines.conftest import guide

pytestmark = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")


@pytest.fixture(scope="module")
def spark():
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
    try:
        found = builder.config("spark.driver.memory", "1g").getOrCreate()
    except Exception as error:  # what pyspark raises without Java
        pytest.skip(f"Spark does not start: {error}")
    yield found
    found.stop()


@pytest.fixture(scope="module")
def table(spark, frame):
    return spark.createDataFrame(frame).repartition(4).cache()


@pytest.fixture(scope="module")
def plan(estimators):
    return pretzel.compile(estimators["pay/5"])


def test_arrow_batches(table, store, frame, estimators):
    names = {"table": table}
    exec(guide("Spark", store), names)
    answers = names["answers"]
    assert answers.schema.simpleString() == (
        "struct<id:bigint,predict:boolean,predict_proba_False:double,predict_proba_True:double>"
    )
    found = answers.toPandas().sort_values("id")
    assert found["predict"].tolist() == estimators["pay/5"].predict(frame).tolist()
    np.testing.assert_allclose(found["predict_proba_True"], estimators["pay/5"].predict_proba(frame)[:, 1], rtol=1e-9)


def test_a_function_of_pandas(table, store, frame, estimators):
    names = {"table": table}
    exec(guide("Spark", store, 1), names)
    found = names["answers"].toPandas().sort_values("id")
    np.testing.assert_allclose(found["probability"], estimators["pay/5"].predict_proba(frame)[:, 1], rtol=1e-9)


def test_a_plan_is_broadcast(spark, table, plan, frame, estimators):
    sent = spark.sparkContext.broadcast(BatchScorer(plan, keep=["id"]))
    found = table.mapInArrow(lambda batches: sent.value.stream(batches), "id long, predict boolean").toPandas()
    assert found.sort_values("id")["predict"].tolist() == estimators["pay/5"].predict(frame).tolist()


@pytest.mark.parametrize("kind", ["path", "plan"])
def test_a_worker_loads_a_plan_once(table, store, plan, kind):
    scorer = BatchScorer(store, "pay/6") if kind == "path" else BatchScorer(plan)

    def plans(batches):
        import pyarrow as pa

        for _ in batches:
            yield pa.RecordBatch.from_pydict({"process": [os.getpid()], "plan": [id(scorer.plan)]})

    seen = [row for _ in range(2) for row in table.mapInArrow(plans, "process long, plan long").collect()]
    assert len(seen) == 8
    assert len({tuple(row) for row in seen}) == len({row["process"] for row in seen}) <= 4


def test_errors_reach_the_driver(table, store):
    with pytest.raises(Exception, match=r"missing column.* 'pay'"):
        scored(table.drop("pay"), BatchScorer(store, "pay/5", keep=["id"])).collect()

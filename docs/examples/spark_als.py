"""Item factors by Spark's ALS: python spark_als.py EXPORTED IMPORTED (needs Java 17 and pip install pyspark).

EXPORTED is what `assistant train --export` wrote; `assistant train --import IMPORTED` reads the result.
"""

import sys

from pyspark.ml.feature import StringIndexer
from pyspark.ml.recommendation import ALS
from pyspark.sql import SparkSession
from pyspark.sql.functions import element_at, lit


def main(exported: str, imported: str) -> None:
    spark = SparkSession.builder.master("local[*]").appName("assistant").getOrCreate()
    choices = spark.read.parquet(f"{exported}/choices.parquet")
    indexer = StringIndexer(inputCol="item_id", outputCol="item").fit(choices)  # ALS takes numbers
    als = ALS(
        userCol="user_id", itemCol="item", ratingCol="strength", implicitPrefs=True, rank=64, alpha=10.0, regParam=0.05,
        maxIter=15, seed=7,
    )  # fmt: skip
    factors = als.fit(indexer.transform(choices)).itemFactors
    names = lit(indexer.labels)
    factors = factors.select(element_at(names, factors.id + 1).alias("item_id"), factors.features.alias("factors"))
    factors.write.mode("overwrite").parquet(f"{imported}/item_factors.parquet")
    spark.stop()


main(*sys.argv[1:])

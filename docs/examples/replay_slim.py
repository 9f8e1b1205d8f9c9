"""Item neighbours by RePlay's SLIM: python replay_slim.py EXPORTED IMPORTED (Java 17, pip install 'replay-rec[spark]').

EXPORTED is what `assistant train --export` wrote; `assistant train --import IMPORTED` reads the result. RePlay needs
another numpy than the assistant, so give it a virtual environment of its own.
"""

import sys
from pathlib import Path

import pandas as pd
from replay.data import Dataset, FeatureHint, FeatureInfo, FeatureSchema, FeatureType
from replay.models import SLIM
from replay.utils.session_handler import State, get_spark_session


def main(exported: str, imported: str) -> None:
    spark = State(get_spark_session(spark_memory=4)).session
    choices = pd.read_parquet(f"{exported}/choices.parquet")
    choices = choices[choices["strength"] > 0]
    items, names = pd.factorize(choices["item_id"].astype(str))  # RePlay takes numbers
    interactions = pd.DataFrame({"user_id": choices["user_id"], "item_id": items, "rating": choices["strength"]})
    schema = FeatureSchema(
        [
            FeatureInfo("user_id", FeatureType.CATEGORICAL, FeatureHint.QUERY_ID),
            FeatureInfo("item_id", FeatureType.CATEGORICAL, FeatureHint.ITEM_ID),
            FeatureInfo("rating", FeatureType.NUMERICAL, FeatureHint.RATING),
        ]
    )
    model = SLIM(seed=7, allow_collect_to_master=True)
    model.fit(Dataset(schema, spark.createDataFrame(interactions)))
    pairs = model.similarity.toPandas()
    Path(imported).mkdir(parents=True, exist_ok=True)
    pd.DataFrame(
        {
            "item_id": names[pairs["item_idx_one"]],
            "neighbour_id": names[pairs["item_idx_two"]],
            "strength": pairs["similarity"],
        }
    ).to_parquet(f"{imported}/neighbours.parquet")


main(*sys.argv[1:])

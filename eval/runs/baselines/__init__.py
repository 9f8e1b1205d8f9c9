"""The baselines: simpler ways to answer the same conversations, each a whole system on its own.

| name | what it is |
| --- | --- |
| ``random`` | items drawn with the settings' seed |
| ``popular`` | the same items for everybody, most popular first |
| ``bm25`` | the words of text and recordings against the catalogue's keyword index |
| ``dense`` | the same words against the items' texts, by the text encoder |
| ``picture`` | the photo against the items' photos; nothing where no photo was sent |
| ``fusion`` | the product's turn without a language model: rules, fused searches, templates |
| ``unfused`` | the product's turn in which no signals are fused and the language model alone orders |
| ``stock-agent`` | LangChain's agent over the same tools and server |

The first five only rank: they read no constraints and write nothing. See `eval.runs.baselines.ranking` for what they
know of a conversation.
"""

from eval.runs.baselines.opening import open_baseline

__all__ = ["open_baseline"]

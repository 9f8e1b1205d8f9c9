"""Where sentences end."""

from tools.sentences import first_sentences


def test_whole_sentences_are_kept() -> None:
    assert first_sentences("A warm lamp. It dims. It is made of oak.", 25) == "A warm lamp. It dims."
    assert first_sentences("一盏灯。可以调光。", 5) == "一盏灯。"
    assert first_sentences("A warm lamp", 300) == "A warm lamp"


def test_a_long_sentence_is_cut_between_words() -> None:
    assert first_sentences("A lamp with a very long description", 16) == "A lamp with a…"

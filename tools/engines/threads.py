"""How many processor threads torch may take."""

from tools.cores import usable_cores


def set_torch_threads(threads: int | None) -> None:
    """Let torch run one operation on ``threads`` threads (None: all usable cores). Cheap to call again."""
    import torch

    count = threads or usable_cores()
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)

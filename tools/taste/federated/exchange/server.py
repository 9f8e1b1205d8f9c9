"""The server's end: it asks every shop for its counts, adds them up, and sends all the total. It stores nothing."""

import time

from flwr.app import Context, Message, RecordDict
from flwr.serverapp import Grid, ServerApp

from .counts import SharedCounts
from .wire import counts_of, record_of

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """One exchange.

    Raises:
        RuntimeError: too few shops joined in time, or one of them failed; then nobody gets a total.
    """
    nodes = _joined(grid, int(context.run_config["shops"]), float(context.run_config["wait-seconds"]))
    replies = _ask(grid, [Message(RecordDict(), dst_node_id=node, message_type="query") for node in nodes])
    total = SharedCounts.total([counts_of(reply.content) for reply in replies])
    _ask(grid, [Message(record_of(total), dst_node_id=node, message_type="evaluate") for node in nodes])
    print(f"{len(nodes)} shops: {total.people:,} people, {len(total.items):,} items, {len(total.both):,} pairs")


def _joined(grid: Grid, shops: int, seconds: float) -> list[int]:
    end = time.monotonic() + seconds
    while len(nodes := list(grid.get_node_ids())) < shops:
        if time.monotonic() > end:
            raise RuntimeError(f"{len(nodes)} of {shops} shops have joined.")
        time.sleep(1)
    return nodes


def _ask(grid: Grid, messages: list[Message]) -> list[Message]:
    replies = list(grid.send_and_receive(messages))
    failed = [reply.error.reason for reply in replies if reply.has_error()]
    if failed:
        raise RuntimeError(f"{len(failed)} shops failed: {'; '.join(map(str, failed))}")
    return replies

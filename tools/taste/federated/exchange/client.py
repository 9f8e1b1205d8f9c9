"""A shop's end: it sends one file and receives one; what is in the first was decided by ``assistant federate share``.

Where the files are is the shop's own matter: ``flower-supernode --node-config 'counts="FILE" total="FILE"'``.
"""

from pathlib import Path

from flwr.app import Context, Message, RecordDict
from flwr.clientapp import ClientApp

from .counts import SharedCounts
from .wire import counts_of, record_of

app = ClientApp()


@app.query()
def send(message: Message, context: Context) -> Message:
    """Answer with the shop's counts."""
    return Message(record_of(SharedCounts.load(Path(str(context.node_config["counts"])))), reply_to=message)


@app.evaluate()
def receive(message: Message, context: Context) -> Message:
    """Store the total of all shops."""
    counts_of(message.content).save(Path(str(context.node_config["total"])))
    return Message(RecordDict(), reply_to=message)

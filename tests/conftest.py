"""What every test stands on."""

import signal

from hypothesis import settings

# Every run tries the same examples: a new one that fails is for who looks for it, not for who lands a change.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")

# A shell that starts the tests in the background has them ignore Ctrl-C, and so would every program they start; what
# the tests of interruptions send must arrive.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

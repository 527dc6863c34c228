"""Every test runs on one thread: the runner already gives each core a process of its own."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

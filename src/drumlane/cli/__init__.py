"""Command line: thin commands over the library."""

import os

# Here, because it must be said before any command's module loads numpy.
# Idle threads of numpy's linear algebra wait by spinning: half of its start, and most of a busy machine's
# time. The products here are small; the network has threads of its own.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Those of torch wait likewise: training on two cores that others use took five times the processor time.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

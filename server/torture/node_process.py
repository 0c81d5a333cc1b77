"""A node as a process that does not outlive the torture: the kernel kills it when its parent ends, even while it is
stopped by SIGSTOP and could not do anything itself. (Linux; elsewhere the driver's own clean-up has to do.)"""

import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    from slotrocks.server import cli  # takes a while: not before the above

    sys.exit(cli.main(sys.argv[1:]))

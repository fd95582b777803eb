# SPDX-License-Identifier: BSD-3-Clause
"""What keeps a daemon's fds while it is dead: systemd's fd store, as far as it matters here."""

import array
import fcntl
import os
import select
import signal
import socket
import threading

FIRST_FD = 3  # where the protocol says that they begin


class Process:
    """As much of subprocess.Popen as is asked of it."""

    def __init__(self, pid):
        self.pid = pid
        self.fd = os.pidfd_open(pid)

    def send_signal(self, number):
        signal.pidfd_send_signal(self.fd, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout=None):
        assert select.select([self.fd], [], [], timeout)[0], 'it does not end'
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Keeper:
    def __init__(self, path):
        self.path = path
        self.kept = []  # (name, fd)
        # Held from before an fd comes until it is where it belongs: nobody forks in between, since a barrier would
        # wait for the child too.
        self.lock = threading.Lock()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        threading.Thread(target=self._keep, daemon=True).start()

    def start(self, command, stderr):
        """A daemon with everything that is kept."""
        with self.lock:
            pid = os.fork()
            if pid == 0:
                self._become(command, stderr.fileno())
        return Process(pid)

    def _become(self, command, stderr):
        try:
            os.dup2(stderr, 2)
            first_free = FIRST_FD + len(self.kept)
            high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, first_free) for _, fd in self.kept]
            for i, fd in enumerate(high):
                os.dup2(fd, FIRST_FD + i)
            os.execve(command[0], command,
                      dict(os.environ, NOTIFY_SOCKET=self.path, FDSTORE='4096',
                           LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(self.kept)),
                           LISTEN_FDNAMES=':'.join(name for name, _ in self.kept)))
        finally:
            os._exit(127)

    def settle(self):
        """Everything that was sent before has been obeyed."""
        ours, theirs = os.pipe()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.connect(self.path)
            socket.send_fds(s, [b'BARRIER=1'], [theirs])
        os.close(theirs)
        os.read(ours, 1)
        os.close(ours)

    def _keep(self):
        while True:
            select.select([self.socket], [], [])
            with self.lock:
                text, fds = self._receive()
                self._obey(text.decode().split('\n'), fds)

    def _receive(self):
        space = socket.CMSG_SPACE(253 * array.array('i').itemsize)
        text, controls, _, _ = self.socket.recvmsg(4096, space, socket.MSG_CMSG_CLOEXEC)
        fds = array.array('i')
        for _, _, data in controls:
            fds.frombytes(data)
        return text, list(fds)

    def _obey(self, lines, fds):
        name = next((line[7:] for line in lines if line.startswith('FDNAME=')), '')
        if 'FDSTOREREMOVE=1' in lines:
            for gone in [k for k in self.kept if k[0] == name]:
                self.kept.remove(gone)
                os.close(gone[1])
        if 'FDSTORE=1' in lines:
            self.kept += [(name, fd) for fd in fds]
            return
        for fd in fds:  # of a barrier: that is the answer
            os.close(fd)

    def close(self):
        for _, fd in self.kept:
            os.close(fd)
        self.kept = []

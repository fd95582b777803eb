# SPDX-License-Identifier: BSD-3-Clause
"""A message bus and a vcmd on it, both started for the test, and callers through libdbus.

    class Tests(harness.Suite):
        config = 'fault-timeout = 200'

        def a_sentence(self):
            caller = self.caller()
            ...

    harness.run(Tests)
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback

try:
    import dbus
    import dbus.bus
    import dbus.mainloop.glib
    from gi.repository import GLib
except ImportError as e:
    print(f'skipped: {e} (python3-dbus and python3-gi)')
    sys.exit(77)

import keeper

NAME = 'org.vcmd.Vcm1'
ROOT = '/org/vcmd/Vcm1'
MANAGER = NAME + '.Manager'
OPERATIONS = NAME + '.Operations'
PROPERTIES = 'org.freedesktop.DBus.Properties'
PATIENCE = 60  # seconds, for what happens in milliseconds on an idle machine

VALGRIND = ['/usr/bin/valgrind', '--quiet', '--error-exitcode=99', '--leak-check=full',
            '--errors-for-leak-kinds=definite',
            f'--suppressions={os.environ["VCM_SRCDIR"]}/tests/valgrind.supp']

# dbus-daemon lets nobody in whom it does not know: two users that every Debian has.
ALICE, BOB = (pwd.getpwnam(name).pw_uid for name in ('daemon', 'bin'))

BUS_CONFIG = '''<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={dir}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="false"/>
    <allow receive_sender="*"/>
  </policy>
  <limit name="max_replies_per_connection">50000</limit>
</busconfig>
'''

DAEMON_CONFIG = '''access { allow-users = {"*"} }
inspect { allow-users = {"0"} }
stock = 0
'''

dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)


def until(condition, what='it'):
    """Runs the loop until the condition holds."""
    late = []
    timer = GLib.timeout_add_seconds(PATIENCE, late.append, True)
    while not condition():
        if late:
            raise AssertionError(f'{what} has not happened')
        GLib.MainContext.default().iteration(True)
    GLib.source_remove(timer)


def until_runs(command, **env):
    """Runs the command again and again, until it succeeds."""
    def runs():
        GLib.MainContext.default().iteration(False)
        return subprocess.run(command, env=dict(os.environ, **env), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode == 0
    late = GLib.get_monotonic_time() + PATIENCE * 1000000
    while not runs():
        assert GLib.get_monotonic_time() < late, f'{command} does not succeed'


class Caller:
    """A connection to the bus of its own, and so a session of its own."""

    def __init__(self, address):
        self.bus = dbus.bus.BusConnection(address)
        self.bus.set_exit_on_disconnect(False)
        self.path = ROOT
        self.called = set()

    def raw(self, path, interface, member, signature, *args):
        return self.bus.call_blocking(NAME, path, interface, member, signature, args,
                                      timeout=PATIENCE, byte_arrays=True)

    def manager(self, member, signature='', *args):
        return self.raw(ROOT, MANAGER, member, signature, *args)

    def op(self, member, signature='', *args):
        self.called.add(member)
        return self.raw(self.path, OPERATIONS, member, signature, *args)

    def later(self, member, signature='', *args):
        """A call that is not waited for: a list that its answer, or its error, comes into."""
        self.called.add(member)
        answer = []
        self.bus.call_async(NAME, self.path, OPERATIONS, member, signature, args,
                            lambda *a: answer.append(a), answer.append,
                            timeout=PATIENCE, byte_arrays=True)
        return answer

    def get(self, path, interface, name):
        return self.raw(path, PROPERTIES, 'Get', 'ss', NAME + '.' + interface, name)

    def status(self, name):
        return int(self.get(ROOT, 'Manager', name))

    def signals(self, interface, member):
        """A list that the signal's arguments come into, its path first."""
        seen = []
        self.bus.add_signal_receiver(lambda *a, path: seen.append((path,) + a), member,
                                     interface, NAME, path_keyword='path')
        return seen

    def close(self):
        self.bus.close()


def fails(error, call, *args):
    """Asserts that the call fails so: 'EINVAL' is one of ours; returns what it says."""
    name = error if '.' in error else f'{NAME}.Error.{error}'
    try:
        answer = call(*args)
    except dbus.DBusException as e:
        assert e.get_dbus_name() == name, f'{e.get_dbus_name()}, not {name}: {e}'
        return e.get_dbus_message()
    raise AssertionError(f'{args[0]} answers {answer}, not {name}')


class Suite:
    config = ''  # beside DAEMON_CONFIG
    is_system = False  # whether vcmd takes the bus for the system's
    keeps = False  # whether the daemon's fds outlive it, and so its sessions

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='vcmd-dbus-')
        os.chmod(self.dir, 0o755)
        self.address = f'unix:path={self.dir}/bus'
        self.bus = self.daemon = None
        self.keeper = keeper.Keeper(f'{self.dir}/notify') if self.keeps else None
        self.callers = []

    def start_bus(self):
        path = f'{self.dir}/bus.conf'
        with open(path, 'w', encoding='utf-8') as f:
            f.write(BUS_CONFIG.format(dir=self.dir))
        with open(f'{self.dir}/bus.log', 'ab') as log:
            self.bus = subprocess.Popen(['dbus-daemon', '--nofork', '--config-file', path,
                                         '--print-address=1'], stdout=subprocess.PIPE, stderr=log)
        assert self.bus.stdout.readline(), 'dbus-daemon does not start'

    def stop_bus(self):
        self.bus.kill()
        self.bus.wait()
        self.bus.stdout.close()
        if os.path.exists(f'{self.dir}/bus'):
            os.unlink(f'{self.dir}/bus')

    def start_daemon(self, config=None):
        path = f'{self.dir}/vcmd.conf'
        with open(path, 'w', encoding='utf-8') as f:
            f.write(config or DAEMON_CONFIG + self.config + '\n')
        command = [os.environ['VCM_BUILDDIR'] + '/vcmd/vcmd', '--config', path,
                   '--socket', f'{self.dir}/sock', '--log-level', 'info',
                   '--dbus', 'system' if self.is_system else self.address]
        if 'VCM_UNDER_VALGRIND' in os.environ:
            command[:0] = VALGRIND
        os.environ['DBUS_SYSTEM_BUS_ADDRESS'] = self.address
        # What it keeps is counted by what is resident: ASan holds little of what was freed.
        os.environ['ASAN_OPTIONS'] = 'quarantine_size_mb=4'
        with open(f'{self.dir}/log', 'ab') as log:
            self.daemon = (self.keeper.start(command, log) if self.keeper else
                           subprocess.Popen(command, stderr=log))

    def end_daemon(self, number=signal.SIGKILL):
        """It ends, and everybody on the bus knows."""
        owners = []
        watch = self.caller().bus.watch_name_owner(NAME, owners.append)
        until(lambda: owners, 'vcmd on the bus')
        self.daemon.send_signal(number)
        assert self.daemon.wait(PATIENCE) == (-number if number == signal.SIGKILL else 0)
        until(lambda: not owners[-1], 'the end of vcmd')
        watch.cancel()
        if self.keeper:
            self.keeper.settle()

    def restart_daemon(self, number=signal.SIGKILL):
        self.end_daemon(number)
        self.start_daemon()
        return self.await_daemon()

    def replace_daemon(self, config):
        """Another one, with another configuration."""
        self.daemon.kill()
        self.daemon.wait()
        self.start_daemon(config)
        self.await_daemon()

    def await_daemon(self):
        """Until vcmd has its name; a caller on the way."""
        caller = self.caller()
        owners = []
        watch = caller.bus.watch_name_owner(NAME, owners.append)
        until(lambda: owners and owners[-1], 'vcmd on the bus')
        watch.cancel()
        return caller

    def caller(self):
        caller = Caller(self.address)
        self.callers.append(caller)
        return caller

    def log(self):
        with open(f'{self.dir}/log', encoding='utf-8', errors='replace') as f:
            return f.read()

    def start(self):
        self.start_bus()
        self.start_daemon()
        self.await_daemon()

    def stop(self):
        """Nothing is left when every caller has gone, and vcmd ends well."""
        for caller in self.callers:
            if caller.bus.get_is_connected():
                caller.close()
        last = self.caller()
        reclaimed = last.signals(MANAGER, 'Reclaimed')
        last.manager('Subscribe')
        until(lambda: last.status('Sessions') == 0 or reclaimed.clear(), 'the end of all sessions')
        for name in ('Objects', 'Used', 'Active', 'TableBytes', 'Quarantined'):
            assert last.status(name) == 0, f'{name}: {last.status(name)} is left'
        last.close()
        self.daemon.send_signal(signal.SIGTERM)
        assert self.daemon.wait(PATIENCE) == 0, 'vcmd ends badly'
        self.daemon = None

    def as_user(self, uid, work):
        """Whether work(caller) succeeds in a process of that user."""
        with self.keeper.lock if self.keeper else contextlib.nullcontext():
            pid = os.fork()
        if pid == 0:
            try:
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
                work(Caller(self.address))
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        return os.waitpid(pid, 0)[1] == 0

    def clean_up(self):
        if self.daemon:
            self.daemon.kill()
            self.daemon.wait()
        if self.bus:
            self.stop_bus()
        if self.keeper:
            self.keeper.close()
        shutil.rmtree(self.dir)


def run_here(suite, name):
    test = suite()
    try:
        test.start()
        getattr(test, name)()
        test.stop()
        return 0
    except BaseException:
        print(f'FAIL: {name}')
        traceback.print_exc(file=sys.stdout)
        print(test.log())
        return 1
    finally:
        test.clean_up()
        sys.stdout.flush()


def run_one(suite, name):
    """In a process of its own: libdbus and its binding do not forget connections."""
    pid = os.fork()
    if pid == 0:
        os._exit(run_here(suite, name))
    return os.waitpid(pid, 0)[1] == 0


def run(*suites):
    """Every public method that a class itself has is a case; each has a bus and a vcmd of its own."""
    cases = [(s, n) for s in suites for n, f in vars(s).items()
             if callable(f) and not n.startswith('_')]
    wanted = [c for c in cases if c[1] in sys.argv[1:] or not sys.argv[1:]]
    failed = [c for c in wanted if not run_one(*c)]
    print(f'{len(wanted) - len(failed)} passed, {len(failed)} failed')
    sys.exit(1 if failed else 0)

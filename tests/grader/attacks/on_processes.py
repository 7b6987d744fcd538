"""Attacks over the network and by processes: connecting, forking, running programs, signals."""

from __future__ import annotations

from hostile import LOST, Attack

NETWORK = (
    Attack(
        "connect over TCP and UDP on this machine",
        """
        take(lambda: socket.create_connection(TCP, 2).getpeername())
        take(lambda: socket.create_connection(globals()["TCP6"][:2], 2).getpeername())
        take(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"secret", UDP))
        def bare():
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.connect(UDP)
            return sock.send(b"secret")
        take(bare)
        """,
        stopped="AB",
    ),
    Attack(
        "connect to Unix sockets by path",
        """
        def stream():
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(UNIX_STREAM)
            return sock.send(b"secret")
        take(stream)
        take(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"x", UNIX_DATAGRAM))
        """,
        stopped="AB",
    ),
    Attack(
        "connect to abstract Unix sockets",
        """
        def stream():
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(ABSTRACT_STREAM)
            return sock.send(b"secret")
        take(stream)
        def datagram():
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            return sock.sendto(b"secret", ABSTRACT_DATAGRAM)
        take(datagram)
        """,
        stopped="AB",
    ),
    Attack(
        "send through a pair of sockets, or through the one that is there",
        """
        a, b = None, None
        def pair(kind):
            one, other = socket.socketpair(socket.AF_UNIX, kind)
            one.sendto(b"secret", UNIX_DATAGRAM if kind == socket.SOCK_DGRAM else UNIX_STREAM)
            return True
        take(pair, socket.SOCK_DGRAM)
        take(pair, socket.SOCK_STREAM)
        take(pair, socket.SOCK_SEQPACKET)
        for number in range(3, 32):
            def again():
                sock = socket.socket(fileno=os.dup(number))
                sock.connect(TCP)
                return True
            take(again)
        """,
        stopped="AB",
    ),
    Attack(
        "listen for others",
        """
        def listen(family, address):
            sock = socket.socket(family)
            sock.bind(address)
            sock.listen()
            return sock.getsockname()
        take(listen, socket.AF_INET, ("127.0.0.1", 0))
        take(listen, socket.AF_INET, ("0.0.0.0", 0))
        take(listen, socket.AF_UNIX, "\\0" + MARK)
        """,
        stopped="AB",
    ),
    Attack(
        "sockets of every family",
        """
        for family in range(1, 46):
            for kind in (1, 2, 3, 5, 10):
                take(lambda: socket.socket(family, kind))
        """,
        stopped="AB",
    ),
    Attack(
        "fetch a page from this machine",
        """
        import urllib.request
        address = "http://%s:%d/" % TCP
        try:
            urllib.request.urlopen(address, timeout=0.3)
        except Exception as error:
            take(lambda: "timed out" in str(error))
        """,
        stopped="AB",
    ),
)

_SLEEPER = "time.sleep(600)\n    os._exit(0)"
PROCESSES = (
    Attack(
        "fork a process that stays",
        f"""
def sleeper():
    pid = os.fork()
    if pid:
        return pid
    {_SLEEPER}
take(sleeper)
""",
        stopped="AB",
    ),
    Attack(
        "a daemon: forked twice, in a session of its own",
        f"""
def daemon():
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    if os.fork():
        os._exit(0)
    {_SLEEPER}
take(daemon)
""",
        stopped="AB",
    ),
    Attack(
        "start programs",
        """
        import subprocess
        take(lambda: subprocess.Popen(["sleep", SECONDS]).pid)
        take(lambda: subprocess.Popen(["sleep", SECONDS], start_new_session=True).pid)
        take(lambda: subprocess.Popen("sleep " + SECONDS, shell=True).pid)
        take(lambda: os.posix_spawnp("sleep", ["sleep", SECONDS], {}))
        take(lambda: subprocess.check_output(["id"]))
        take(lambda: os.popen("id").read())
        """,
        stopped="AB",
    ),
    Attack(
        "processes of the multiprocessing library",
        """
        import multiprocessing
        def start(method):
            worker = multiprocessing.get_context(method).Process(target=time.sleep, args=(600,))
            worker.start()
            return worker.pid
        take(start, "fork")
        """,
        stopped="AB",
    ),
    Attack(
        "replace this process by another program",
        "take(lambda: os.execv('/bin/sh', ['sh', '-c', 'sleep ' + SECONDS]))",
        stopped="AB",
        otherwise=LOST,
        sure=False,
        seconds=2.0,
    ),
    Attack(
        "forks that answer twice",
        """
        def both():
            return os.fork() >= 0
        take(both)
        """,
        stopped="AB",
        answer="def double(x):\n    take(both)\n    return np.asarray(x)",
    ),
    Attack(
        "threads that go on, and answer later",
        """
        import threading
        def later():
            while True:
                time.sleep(0.001)
                globals()["double"] = lambda x: np.asarray(x)
                sys.stderr.write("noise")
        for _ in range(8):
            threading.Thread(target=later, daemon=False).start()
        """,
    ),
    Attack(
        "reach other processes by signals",
        """
        def reached(pid):
            os.kill(pid, 0)
            return True
        if os.getppid() > 1:
            take(reached, os.getppid())
        for pid in range(2, 5000):
            if pid != os.getpid():
                take(reached, pid)
        take(reached, -1)
        """,
        stopped="AB",
    ),
    Attack(
        "end the process that forked this one",
        "if os.getppid() > 1:\n    try:\n        os.kill(os.getppid(), 9)\n        time.sleep(9)\n"
        "    except OSError:\n        pass",
        stopped="AB",
        otherwise=LOST,
        sure=False,
    ),
    Attack(
        "read and write the memory of the process that forked this one",
        """
        parent = os.getppid()
        take(lambda: open(f"/proc/{parent}/mem", "r+b"))
        take(lambda: open(f"/proc/{parent}/maps").read())
        take(lambda: os.listdir(f"/proc/{parent}/fd"))
        libc = ctypes.CDLL(None, use_errno=True)
        take(lambda: libc.pidfd_open(parent, 0) > 0)
        """,
        stopped="AB",
        sure=False,
    ),
    Attack(
        "stop yourself",
        "import signal",
        answer="def double(x):\n    os.kill(os.getpid(), 19)\n    signal.pause()",
        seconds=2.0,
        points=LOST,
    ),
)

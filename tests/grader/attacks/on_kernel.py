"""Attacks on the kernel by bare system calls, and using everything up."""

from __future__ import annotations

from hostile import HONEST, LOST, Attack

EXHAUSTION = (
    Attack(
        "more files than the disk should hold",
        """
        def fill():
            for number in range(5):
                with open(f"big{number}", "wb") as file:
                    for _ in range(20):
                        file.write(bytes(2**20))
            time.sleep(2)
            return sum(os.path.getsize(name) for name in os.listdir())
        take(fill)
        """,
        ended="BC",
    ),
    Attack(
        "more names than the disk should hold",
        """
        def names():
            for number in range(4500):
                os.close(os.open(f"n{number}", os.O_CREAT))
            time.sleep(2)
            return 4500
        take(names)
        """,
        ended="BC",
    ),
    Attack(
        "files without a name, which nobody can count",
        """
        def hidden():
            kept = []
            for number in range(3):
                kept.append(open(f"big{number}", "wb"))
                os.unlink(f"big{number}")
                for _ in range(40):
                    kept[-1].write(bytes(2**20))
                kept[-1].flush()
            return sum(os.fstat(file.fileno()).st_blocks for file in kept)
        take(hidden)
        """,
        stopped="A",
    ),
    Attack(
        "one file larger than allowed",
        """
        def large():
            with open("large", "wb") as file:
                for _ in range(100):
                    file.write(bytes(2**20))
            return 100
        take(large)
        def sparse():
            os.truncate("large", 2**40)
            return True
        take(sparse)
        """,
    ),
    Attack(
        "all file descriptors",
        """
        def many():
            return len([os.dup(0) for _ in range(5000)])
        take(many)
        os.closerange(20, 400)
        """,
    ),
    Attack(
        "thousands of threads",
        """
        import threading
        threading.stack_size(2**24)
        stop, threads = threading.Event(), []
        try:
            for _ in range(2000):
                threads.append(threading.Thread(target=stop.wait))
                threads[-1].start()
        except BaseException:
            pass
        started = len(threads) - 1
        stop.set()
        for thread in threads[:-1]:
            thread.join()
        take(lambda: started > 1000)
        """,
    ),
    Attack(
        "all the memory, in one piece and in many",
        """
        for size in (2**40, 2**36, 2**33):
            take(lambda: len(bytearray(size)))
            take(lambda: np.ones(size // 8).size)
        def many():
            return len([bytearray(2**26) for _ in range(2000)])
        take(many)
        """,
    ),
    Attack(
        "raise the limits again",
        """
        import resource
        kinds = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT")]
        def raised(kind):
            soft, hard = resource.getrlimit(kind)
            if hard in (0, -1):
                return False
            resource.setrlimit(kind, (2 * hard, 2 * hard))
            return True
        for kind in kinds:
            take(raised, kind)
        """,
        stopped="AB",
        sure=False,
    ),
    Attack(
        "deep recursion in C",
        """
        def deep():
            found = []
            for _ in range(10**6):
                found = [found]
            return repr(found)
        take(deep)
        del deep
        """,
    ),
    Attack(
        "a flood of output",
        "for _ in range(200):\n    print('x' * 10**6)\n    print('x' * 10**6, file=sys.stderr)\n"
        "os.write(1, b'x' * 10**6)",
    ),
    Attack(
        "a timer that ends the process before it replies",
        "import signal\nsignal.signal(signal.SIGALRM, lambda *_: os._exit(0))",
        answer="def double(x):\n    signal.setitimer(signal.ITIMER_REAL, 0.01)\n    time.sleep(5)",
        points=LOST,
    ),
    Attack(
        "use up the own processor time",
        "import resource",
        answer="def double(x):\n    resource.setrlimit(resource.RLIMIT_CPU, (0, 0))\n"
        "    while True: pass",
        points=LOST,
    ),
)

_KERNEL = """
libc = ctypes.CDLL(None, use_errno=True)
REFUSED = (1, 38)  # EPERM, ENOSYS: not even tried
def allowed(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(*[ctypes.c_long(a) for a in (number, *arguments)])
    return not (result == -1 and ctypes.get_errno() in REFUSED)
CALLS = {
    "mount": (165,), "umount2": (166,), "pivot_root": (155,), "chroot": (161,), "unshare": (272, 0),
    "new user namespace": (272, 0x10000000), "new network": (272, 0x40000000), "setns": (308, -1),
    "fsopen": (430,), "open_tree": (428,), "move_mount": (429,), "mount_setattr": (442,),
    "setuid": (105, 0), "setgid": (106, 0), "setresuid": (117, 0, 0, 0), "setgroups": (116, 0),
    "capset": (126,), "keyctl": (250,), "add_key": (248,), "request_key": (249,), "bpf": (321, -1),
    "perf_event_open": (298,), "io_uring_setup": (425, 1), "io_uring_enter": (426, -1),
    "userfaultfd": (323, 1), "open_by_handle_at": (304, -1), "name_to_handle_at": (303, -1),
    "ptrace": (101, -1), "process_vm_readv": (310, -1), "process_vm_writev": (311, -1),
    "process_madvise": (440, -1), "pidfd_open": (434, -1), "pidfd_getfd": (438, -1),
    "pidfd_send_signal": (424, -1), "kcmp": (312, -1), "memfd_create": (319, 0, -1),
    "memfd_secret": (447, -1), "shmget": (29, 0, 0), "shmat": (30, -1), "semget": (64, 0, -1),
    "msgget": (68, 0), "mq_open": (240,), "inotify_init": (253,), "fanotify_init": (300,),
    "kexec_load": (246, -1), "init_module": (175,), "finit_module": (313, -1),
    "delete_module": (176,), "reboot": (169,), "swapon": (167,), "syslog": (103, 10, 0, 0),
    "acct": (163, -1), "quotactl": (179, -1), "settimeofday": (164, 0, 0), "adjtimex": (159,),
    "clock_settime": (227, 99), "sethostname": (170, 0, -1), "setdomainname": (171, 0, -1),
    "iopl": (172, 3), "ioperm": (173, 0, 1, 1), "mknod": (133, 0, 0o60660), "mlockall": (151, -1),
    "setpriority": (141, 0, 0, -20), "sched_setscheduler": (144, 0, -1), "ioprio_set": (251,),
    "seccomp": (317, -1), "landlock": (444, 0, 0, -1), "lookup_dcookie": (212,),
    "personality": (135, 0x0040000), "migrate_pages": (256, -1), "move_pages": (279, -1),
    "mbind": (237, -1), "remap_file_pages": (216, -1), "vmsplice": (278, -1), "splice": (275, -1),
    "tee": (276, -1), "socket": (41, 1, 1, 0), "connect": (42, -1), "bind": (49, -1),
    "sendmsg": (46, -1), "sendmmsg": (307, -1), "accept": (43, -1), "listen": (50, -1),
    "execve": (59,), "execveat": (322, -1), "vhangup": (153,), "uselib": (134,),
    "modify_ldt": (154, 9), "timer_create": (222, -1), "signalfd": (282, -1),
    "sync": (162,), "syncfs": (306, -1), "fchown": (93, -1), "chown": (92,),
}
"""
KERNEL = (
    Attack(
        "system calls that no answer needs",
        _KERNEL
        + """
for name, call in CALLS.items():
    if allowed(*call):
        LOOT.append(name)
""",
        stopped="AB",
        tried="AB",
    ),
    Attack(
        "new processes by the bare system calls",
        _KERNEL
        + """
def born(*call):
    ctypes.set_errno(0)
    pid = libc.syscall(*[ctypes.c_long(a) for a in call])
    if pid == 0:
        os._exit(0)
    return pid > 0
take(born, 57)
take(born, 56, 17, 0, 0, 0, 0)
take(born, 56, 0x10000011, 0, 0, 0, 0)
take(born, 56, 0x20000011, 0, 0, 0, 0)
arguments = (ctypes.c_uint64 * 11)(0, 0, 0, 0, 17)
take(born, 435, ctypes.addressof(arguments), 88)
""",
        stopped="AB",
        tried="AB",
    ),
    Attack(
        "the old door: system calls of 32 bits",
        """
        import mmap
        page = mmap.mmap(-1, 4096, prot=7)
        page.write(bytes.fromhex("53" "b814000000" "cd80" "5b" "c3"))  # push, getpid, pop
        address = ctypes.addressof(ctypes.c_char.from_buffer(page))
        take(lambda: ctypes.CFUNCTYPE(ctypes.c_int)(address)() == os.getpid())
        """,
        stopped="AB",
        points=LOST,
        tried="AB",
    ),
    Attack(
        "the other door: system calls of x32",
        _KERNEL + "take(allowed, 0x40000000 + 39)",
        stopped="AB",
        points=LOST,
        tried="AB",
    ),
    Attack(
        "programs that run as root",
        "for name in ('su', 'sudo', 'passwd', 'mount', 'newuidmap', 'ping'):\n"
        "    for place in ('/bin/', '/usr/bin/'):\n"
        "        take(lambda: os.spawnv(os.P_NOWAIT, place + name, [name, '--help']))",
        stopped="AB",
        tried="AB",
    ),
    Attack(
        "type into the terminal, and other requests to devices",
        """
        import fcntl
        def request(number):
            fcntl.ioctl(0, number, b"x" * 64)
            return True
        for number in (0x5412, 0x541C, 0x5423, 0x5420, 0x8905, 0x8901, 0x5452):
            take(request, number)
        take(lambda: fcntl.fcntl(0, fcntl.F_SETOWN, 1) == 0)
        take(lambda: fcntl.fcntl(0, fcntl.F_SETSIG, 9) == 0)
        """,
        stopped="AB",
        sure=False,
    ),
    Attack(
        "hand a descriptor to somebody else",
        "import array\n"
        "for number in range(3, 32):\n"
        "    def give():\n"
        "        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [0]))]\n"
        "        return socket.socket(fileno=os.dup(number)).sendmsg([b'x'], rights)\n"
        "    take(give)",
        stopped="AB",
        points=HONEST,
        otherwise=LOST,
        sure=False,
    ),
)

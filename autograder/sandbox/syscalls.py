"""Numbers of system calls: those that students' code may make, and those that the sandbox makes.

What is not listed here is refused to students' code, also what future kernels will add.
"""

from __future__ import annotations

import functools
import platform
import sys

MACHINES = ("x86_64", "aarch64")
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""How the kernel tells a filter on which of the machine's instruction sets a call is made."""

FILES = """
read 0 63; write 1 64; readv 19 65; writev 20 66; pread64 17 67; pwrite64 18 68; preadv 295 69;
pwritev 296 70; preadv2 327 286; pwritev2 328 287; lseek 8 62; close 3 57; close_range 436 436;
dup 32 23; dup2 33 -; dup3 292 24; pipe 22 -; pipe2 293 59; flock 73 32; fsync 74 82;
fdatasync 75 83; ftruncate 77 46; fallocate 285 47; fadvise64 221 223; copy_file_range 326 285;
sendfile 40 71; creat 85 -; stat 4 -; fstat 5 80; lstat 6 -; newfstatat 262 79; statx 332 291;
access 21 -; faccessat 269 48; faccessat2 439 439; readlink 89 -; readlinkat 267 78;
getdents 78 -; getdents64 217 61; getcwd 79 17; chdir 80 49; fchdir 81 50; mkdir 83 -;
mkdirat 258 34; rmdir 84 -; unlink 87 -; unlinkat 263 35; rename 82 -; renameat 264 38;
renameat2 316 276; link 86 -; linkat 265 37; symlink 88 -; symlinkat 266 36; umask 95 166;
statfs 137 43; fstatfs 138 44;
"""
"""Reading and writing files; which ones is a matter of namespaces or of Landlock."""
WAITING = """
poll 7 -; ppoll 271 73; select 23 -; pselect6 270 72; epoll_create 213 -; epoll_create1 291 20;
epoll_ctl 233 21; epoll_wait 232 -; epoll_pwait 281 22; epoll_pwait2 441 441; eventfd 284 -;
eventfd2 290 19; nanosleep 35 101; clock_nanosleep 230 115; pause 34 -; alarm 37 -;
getitimer 36 102; setitimer 38 103; clock_gettime 228 113; clock_getres 229 114;
gettimeofday 96 169; time 201 -; times 100 153; wait4 61 260; waitid 247 95; futex 202 98;
sched_yield 24 124; restart_syscall 219 128;
"""
"""Waiting, clocks and timers."""
MEMORY = """
mmap 9 222; munmap 11 215; mremap 25 216; mprotect 10 226; madvise 28 233; brk 12 214;
msync 26 227; membarrier 324 283; get_mempolicy 239 236;
"""
SIGNALS = """
rt_sigaction 13 134; rt_sigprocmask 14 135; rt_sigreturn 15 139; rt_sigsuspend 130 133;
rt_sigpending 127 136; rt_sigtimedwait 128 137; sigaltstack 131 132;
"""
ITSELF = """
exit 60 93; exit_group 231 94; getpid 39 172; gettid 186 178; getppid 110 173; getuid 102 174;
geteuid 107 175; getgid 104 176; getegid 108 177; getresuid 118 148; getresgid 120 150;
getgroups 115 158; getpgrp 111 -; getpgid 121 155; getsid 124 156; capget 125 90;
set_tid_address 218 96; set_robust_list 273 99; rseq 334 293; arch_prctl 158 -;
map_shadow_stack 453 -; getrlimit 97 163; setrlimit 160 164; getrusage 98 165;
getpriority 140 141; sched_getaffinity 204 123; sched_getparam 143 121;
sched_getscheduler 145 120; sched_get_priority_max 146 125; sched_get_priority_min 147 126;
sched_rr_get_interval 148 127; getcpu 309 168; uname 63 160; sysinfo 99 179; getrandom 318 278;
"""
"""What a process may ask about itself, and settings of its own."""
SOCKETS = """
recvfrom 45 207; shutdown 48 210; getsockname 51 204; getpeername 52 205; getsockopt 55 209;
"""
"""For the one socket that a child is given."""
ATTRIBUTES = """
chmod 90 -; fchmod 91 52; fchmodat 268 53; fchmodat2 452 452; utime 132 -; utimes 235 -;
futimesat 261 -; utimensat 280 88; truncate 76 45; getxattr 191 8; lgetxattr 192 9;
fgetxattr 193 10; listxattr 194 11; llistxattr 195 12; flistxattr 196 13;
"""
"""Attributes of files, which Landlock does not guard: only where no other file can be seen."""
CHECKED = """
open 2 -; openat 257 56; clone 56 220; fcntl 72 25; ioctl 16 29; kill 62 129; tgkill 234 131;
rt_sigqueueinfo 129 138; rt_tgsigqueueinfo 297 240; prctl 157 167; prlimit64 302 261;
sched_setaffinity 203 122; personality 135 92; socketpair 53 199; sendto 44 206;
"""
"""Allowed for some arguments only; `seccomp` says for which."""
ABSENT = """
clone3 435 435; openat2 437 437;
"""
"""To be denied as if the kernel did not know them, so that libraries use older calls."""
USED = """
pivot_root 155 41; mount_setattr 442 442; capset 126 91; seccomp 317 277;
landlock_create_ruleset 444 444; landlock_add_rule 445 445; landlock_restrict_self 446 446;
capget 125 90;
"""
"""Used by the sandbox itself, before a child is confined."""


@functools.cache
def numbers(group: str, machine: str = "") -> dict[str, int]:
    """The calls of a group, such as `FILES`, that a machine has (default: this one)."""
    column = 1 + MACHINES.index(machine or this_machine())
    rows = (entry.split() for entry in group.split(";") if entry.strip())
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


def number(name: str) -> int:
    """The number on this machine of a call that the sandbox makes."""
    return numbers(USED)[name]


def this_machine() -> str:
    """The one of `MACHINES` that this interpreter is made for, or ""."""
    known = sys.platform == "linux" and sys.maxsize > 2**32 and platform.machine() in MACHINES
    return platform.machine() if known else ""

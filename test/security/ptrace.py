# SPDX-License-Identifier: Apache-2.0
"""System calls made by another process, as an escaped guest in it would make them."""
import ctypes
import errno
import os
import struct

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
LIBC.ptrace.restype = ctypes.c_long
GETREGS, SETREGS, SINGLESTEP, SEIZE, INTERRUPT = 12, 13, 9, 0x4206, 0x4207
WALL = 0x40000000
SIGSYS = 31
# Of struct user_regs_struct, in order.
NAMES = ('r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base '
         'ds es fs gs').split()
CALLS = {'openat2': 437, 'unlinkat': 263, 'mkdirat': 258, 'symlinkat': 266, 'close': 3}


class Tracee:
    """A stopped process. Strings among the arguments of a call are put on its stack."""

    def __init__(self, pid):
        self.pid = pid
        self.ptrace(SEIZE)
        self.ptrace(INTERRUPT)
        os.waitpid(pid, WALL)
        self.before = self.registers()
        self.memory = open(f'/proc/{pid}/mem', 'r+b', buffering=0)
        self.syscall = self.find_syscall()

    def ptrace(self, request, data=None):
        if LIBC.ptrace(request, self.pid, None, data) < 0:
            raise OSError(ctypes.get_errno(), f'ptrace {request}')

    def registers(self):
        buffer = ctypes.create_string_buffer(8 * len(NAMES))
        self.ptrace(GETREGS, buffer)
        return dict(zip(NAMES, struct.unpack(f'<{len(NAMES)}Q', buffer.raw)))

    def set_registers(self, registers):
        self.ptrace(SETREGS, ctypes.create_string_buffer(struct.pack(f'<{len(NAMES)}Q', *(registers[n] for n in NAMES))))

    def find_syscall(self):
        with open(f'/proc/{self.pid}/maps') as maps:
            for line in maps:
                span, rights = line.split()[:2]
                if 'x' in rights and '/' in line:
                    start, end = (int(part, 16) for part in span.split('-'))
                    self.memory.seek(start)
                    at = self.memory.read(end - start).find(b'\x0f\x05')
                    if at >= 0:
                        return start + at
        raise RuntimeError('no system call instruction')

    def call(self, name, *args):
        """'0', the name of an error, or 'SIGSYS'."""
        registers = dict(self.before, rip=self.syscall, rax=CALLS[name], orig_rax=2**64 - 1)
        at = registers['rsp'] - 8192
        for register, value in zip('rdi rsi rdx r10'.split(), args):
            if isinstance(value, bytes):
                self.memory.seek(at)
                self.memory.write(value + b'\0')
                value, at = at, at + 512
            registers[register] = value & (2**64 - 1)
        self.set_registers(registers)
        while True:  # a trap that was pending comes before the step
            self.ptrace(SINGLESTEP)
            if self.stopped_by() == SIGSYS:
                return 'SIGSYS'
            now = self.registers()
            if now['rip'] != self.syscall:
                break
        result = now['rax']
        result = result - 2**64 if result >= 2**63 else result
        self.set_registers(self.before)
        return '0' if result >= 0 else errno.errorcode[-result]

    def stopped_by(self):
        status = os.waitpid(self.pid, WALL)[1]
        return os.WSTOPSIG(status) if os.WIFSTOPPED(status) else 0

    def open(self, path, flags=0):
        return self.call('openat2', -100, path.encode(), struct.pack('<QQQ', flags, 0, 0), 24)

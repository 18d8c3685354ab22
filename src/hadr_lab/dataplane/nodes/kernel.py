"""The few Linux calls that Python 3.11 lacks: namespaces and mounts. Each raises OSError that names the call and its object."""

from __future__ import annotations

import ctypes
import os
import platform

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWNET = 0x00020000, 0x04000000, 0x40000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
_AT_RECURSIVE, _AT_FDCWD, _ATTR_RDONLY = 0x8000, -100, 1
_MOUNT_SETATTR = 442
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_libc = ctypes.CDLL(None, use_errno=True)


class _MountAttr(ctypes.Structure):
    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns", ctypes.c_uint64),
    )


def _checked(result: int, what: str) -> None:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2)."""
    result = _libc.mount(source.encode(), target.encode(), kind.encode() or None, flags, data.encode() or None)
    _checked(result, f"mount {source or kind} on {target}")


def unmount(target: str) -> None:
    """umount2(2), lazily."""
    _checked(_libc.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def make_read_only(target: str) -> None:
    """Make the mount at `target` and all below it read-only (mount_setattr, Linux 5.12)."""
    attributes = _MountAttr(_ATTR_RDONLY, 0, 0, 0)
    result = _libc.syscall(
        _MOUNT_SETATTR, _AT_FDCWD, target.encode(), _AT_RECURSIVE, ctypes.byref(attributes), ctypes.sizeof(attributes)
    )
    _checked(result, f"read-only {target}")


def set_read_only(target: str, *, read_only: bool) -> None:
    """Turn one bind mount read-only or writable, while it is in use. EBUSY when it still has open writers."""
    mount("", target, flags=MS_REMOUNT | MS_BIND | (MS_RDONLY if read_only else 0))


def pivot_into(root: str) -> None:
    """Make mounted `root` this mount namespace's root and drop the old one."""
    os.chdir(root)
    _checked(_libc.syscall(_PIVOT_ROOT[platform.machine()], b".", b"."), f"pivot_root {root}")
    unmount(".")
    os.chdir("/")


def unshare(flags: int) -> None:
    """unshare(2)."""
    _checked(_libc.unshare(flags), "unshare")


def join(fd: int, flags: int) -> None:
    """setns(2) with a namespace file or, for several namespaces at once, a pidfd (Linux 5.8)."""
    _checked(_libc.setns(fd, flags), "setns")

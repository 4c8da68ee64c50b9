"""System calls are named by architecture; what is not listed is not guessed."""

from __future__ import annotations

from hisn.events.syscalls import syscall_name


def test_names_by_architecture() -> None:
    assert (
        syscall_name("c000003e", "59")
        == syscall_name("aarch64", "221")
        == syscall_name("i386", "11")
        == "execve"
    )


def test_unknown_is_none() -> None:
    assert syscall_name("c000003e", "99999") is None
    assert syscall_name("None", "1") is None

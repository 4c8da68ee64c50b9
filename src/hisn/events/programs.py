"""Take apart what well-known Unix programs write into syslog: sshd, sudo, cron, su, useradd.

A program belongs to a class, the class has a fixed set of fields, and what a message does not say
is null.  The texts are chosen by attackers (user names!), so every expression is linear, and
where a text is ambiguous the last address in it counts: the daemon writes it last.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_CLASSES = {
    "sshd": "sshd", "sshd-session": "sshd", "sshd-auth": "sshd",
    "sudo": "sudo", "sudo-rs": "sudo",
    "su": "su", "su-l": "su",
    "cron": "cron", "crond": "cron", "crontab": "cron", "anacron": "cron", "atd": "cron", "fcron": "cron",
    "useradd": "account", "usermod": "account", "userdel": "account", "adduser": "account",
    "groupadd": "account", "groupmod": "account", "groupdel": "account", "newusers": "account",
    "passwd": "account", "chpasswd": "account", "chage": "account", "gpasswd": "account",
    "login": "auth", "pkexec": "auth", "polkitd": "auth", "polkit-agent-helper-1": "auth", "doas": "auth",
    "systemd-logind": "auth", "gdm-password": "auth", "lightdm": "auth", "sddm": "auth",
    "unix_chkpwd": "auth", "sssd": "auth", "remote": "auth", "rlogind": "auth", "xinetd": "auth",
    "clamd": "clamav", "freshclam": "clamav", "clamscan": "clamav", "clamav": "clamav",
    "clamav-milter": "clamav", "clamonacc": "clamav",
    "sysmon": "sysmon", "vsftpd": "vsftpd", "guacd": "guacamole", "guacamole": "guacamole",
}  # fmt: skip

_PAM = re.compile(r"pam_\w{1,32}\([^)]{0,64}\): (.*)", re.DOTALL)
_PAIR = re.compile(r"(?:^|[ ;])(tty|ruser|rhost|user)=([^ ]*)")
_SESSION = re.compile(r"session (opened|closed) for user ([^ (]+)(?:\([^)]*\))?(?: by ([^ (]*))?")

_SSH_PASSWORD = re.compile(
    r"(Accepted|Failed|Postponed) (\S+) for (?:invalid user |illegal user )?(.*)"
    r" from (\S+) port (\d+)(?: ssh\d?)?(?:: .*)?",
    re.DOTALL,
)
_SSH_INVALID = re.compile(r"(?:Invalid|Illegal) user (.*) from (\S+)(?: port (\d+))?", re.DOTALL)
_PEER = re.compile(
    r"[ \[](\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)(?: port (\d{1,5}))?(?=[\] :]|$)"
)
_PEER_USER = re.compile(r" (?:authenticating|invalid) user (.{0,256}) \S+$", re.DOTALL)
_CRON = re.compile(r"\(([^)]*)\) ([A-Z][A-Za-z ]*?) \((.*)\)", re.DOTALL)
_SU_TO = re.compile(r"(FAILED SU )?\(to ([^)]*)\) (\S*) on (\S+)")
_SU_FOR = re.compile(r"(Successful|FAILED) su for (\S+) by (\S+)")
_ACCOUNT_PAIR = re.compile(r"(name|UID|GID|home|shell)=([^,]*)")
_ACCOUNT_NAME = re.compile(r"(?:user|group|for) '?([^' ,]+)'?")

_MAX_MESSAGE = 8_192
"""Longer messages are left whole: no program listed here writes such, an attacker would."""


def program_class(program: str | None) -> str:
    """Return the class of a program by its tag; path and suffix (``sshd(pam_unix)``) do not count."""
    if program is None:
        return "other"
    return _CLASSES.get(program.rpartition("/")[2].partition("(")[0].lower(), "other")


def _pam(message: str) -> dict[str, str]:
    """Return what a message of PAM says, under the names of the classes."""
    found: dict[str, str] = {}
    if session := _SESSION.search(message):
        found = {"user": session[2], "ruser": session[3] or "", "outcome": "success"}
    elif "authentication failure" in message:
        # PAM writes `user=` last; what stands before can come from the client.
        found = {{"rhost": "src_ip"}.get(key, key): value for key, value in _PAIR.findall(message)}
        found["outcome"] = "failure"
    return {key: value for key, value in found.items() if value}


def _sshd(message: str) -> dict[str, str]:
    if password := _SSH_PASSWORD.fullmatch(message):
        names = ("auth_method", "user", "src_ip", "src_port")
        found = dict(zip(names, password.groups()[1:], strict=True))
        if password[1] != "Postponed":
            found["outcome"] = "success" if password[1] == "Accepted" else "failure"
        return found
    if invalid := _SSH_INVALID.fullmatch(message):
        found = {"user": invalid[1], "src_ip": invalid[2], "outcome": "failure"}
        return found | {"src_port": invalid[3]} if invalid[3] else found
    if found := _pam(message):
        return found
    peers = list(_PEER.finditer(message))
    if not peers:
        return {}
    peer = peers[-1]  # The client chooses what stands before the last address.
    found = {"src_ip": peer[1]}
    if peer[2]:
        found["src_port"] = peer[2]
    if user := _PEER_USER.search(message[: peer.end(1)]):
        found["user"] = user[1]
    return found


def _sudo(message: str) -> dict[str, str]:
    """Read ``alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls``; the command may hold anything."""
    user, colon, rest = message.strip().partition(" : ")
    if not colon:
        return _pam(message)
    rest, mark, command = (" ; " + rest).partition(" ; COMMAND=")
    found = {"user": user}
    if mark:
        found["COMMAND"] = command
    for part in rest.split(" ; "):
        key, equals, value = part.partition("=")
        if equals and key in ("TTY", "PWD", "USER", "GROUP"):
            found[key] = value
        elif not equals and key:
            found["reason"] = key
    found["outcome"] = "failure" if "reason" in found else "success"
    return found


def _su(message: str) -> dict[str, str]:
    if to := _SU_TO.fullmatch(message):
        outcome = "failure" if to[1] else "success"
        return {"target_user": to[2], "user": to[3], "tty": to[4], "outcome": outcome}
    if by := _SU_FOR.fullmatch(message):
        outcome = "failure" if by[1] == "FAILED" else "success"
        return {"target_user": by[2], "user": by[3], "outcome": outcome}
    found = _pam(message)
    if "ruser" in found:
        return found | {"target_user": found.get("user", ""), "user": found["ruser"]}
    return found


def _cron(message: str) -> dict[str, str]:
    job = _CRON.fullmatch(message)
    return {"user": job[1], "action": job[2], "command": job[3]} if job else _pam(message)


def _account(message: str) -> dict[str, str]:
    """Read ``new user: name=x, UID=0, …`` and ``password changed for x``."""
    found = dict(_ACCOUNT_PAIR.findall(message))
    if "name" not in found and (name := _ACCOUNT_NAME.search(message)):
        found["name"] = name[1]
    return found | {"action": message.partition(":")[0][:64]}


_AUTH = ("user", "src_ip", "tty", "ruser", "outcome")
_READERS: dict[str, tuple[tuple[str, ...], Callable[[str], dict[str, str]]]] = {
    "sshd": ((*_AUTH, "src_port", "auth_method"), _sshd),
    "sudo": ((*_AUTH, "TTY", "PWD", "USER", "GROUP", "COMMAND", "reason"), _sudo),
    "su": ((*_AUTH, "target_user"), _su),
    "cron": (("user", "action", "command"), _cron),
    "account": (("name", "UID", "GID", "home", "shell", "action"), _account),
    "auth": (_AUTH, _pam),
}


def fields_of(program_class: str) -> tuple[str, ...]:
    """Return the names of the fields of a class, in the order of `read_message`."""
    return _READERS[program_class][0] if program_class in _READERS else ()


def read_message(program_class: str, message: str) -> tuple[str | None, ...]:
    """Return the cells of a message for the fields of its class; None for what it does not say."""
    if program_class not in _READERS:
        return ()
    names, read = _READERS[program_class]
    found = read(message) if len(message) <= _MAX_MESSAGE else {}
    return tuple(map(found.get, names))

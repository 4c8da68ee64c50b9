"""What daemons say is taken apart; what an attacker put into a user name is not believed."""

from __future__ import annotations

import time

import pytest

from hisn.events.programs import fields_of, program_class, read_message


def read(kind: str, message: str) -> dict[str, str]:
    cells = zip(fields_of(kind), read_message(kind, message), strict=True)
    return {name: cell for name, cell in cells if cell is not None}


@pytest.mark.parametrize(
    ("program", "kind"),
    [
        ("sshd", "sshd"), ("sshd(pam_unix)", "sshd"), ("/usr/sbin/sshd", "sshd"), ("sshd-session", "sshd"),
        ("CRON", "cron"), ("useradd", "account"), ("kernel", "other"), (None, "other"), ("", "other"),
    ],
)  # fmt: skip
def test_program_has_a_class(program: str | None, kind: str) -> None:
    assert program_class(program) == kind


def test_failed_and_accepted_passwords() -> None:
    failed = "Failed password for invalid user admin from 203.0.113.9 port 40022 ssh2"
    assert read("sshd", failed) == {
        "user": "admin", "src_ip": "203.0.113.9", "src_port": "40022", "auth_method": "password",
        "outcome": "failure",
    }  # fmt: skip
    key = "Accepted publickey for root from 2001:db8::1 port 22 ssh2: RSA SHA256:abc"
    assert read("sshd", key)["src_ip"] == "2001:db8::1"
    assert read("sshd", key)["outcome"] == "success"


def test_user_name_that_imitates_an_address_does_not_blame_another() -> None:
    forged = "Failed password for invalid user x from 10.0.0.1 port 1 ssh2 from 203.0.113.9 port 2 ssh2"
    assert read("sshd", forged)["src_ip"] == "203.0.113.9"
    assert read("sshd", "Invalid user a from 10.0.0.1 from 203.0.113.9")["src_ip"] == "203.0.113.9"
    closed = "Connection closed by invalid user by 10.0.0.1 port 5 203.0.113.9 port 2 [preauth]"
    assert read("sshd", closed)["src_ip"] == "203.0.113.9"


def test_pam_lines() -> None:
    text = "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1  user=root"
    assert read("sshd", text) == {"tty": "ssh", "src_ip": "192.0.2.1", "user": "root", "outcome": "failure"}
    opened = "pam_unix(su:session): session opened for user root(uid=0) by ann(uid=1000)"
    assert read("su", opened) == {"user": "ann", "ruser": "ann", "target_user": "root", "outcome": "success"}


def test_sudo_fields_are_those_of_the_rule_for_cve_2019_14287() -> None:
    record = read("sudo", "   eve : TTY=pts/0 ; PWD=/home/eve ; USER=#-1 ; COMMAND=/bin/sh -c a ; USER=root")
    assert record == {
        "user": "eve", "TTY": "pts/0", "PWD": "/home/eve", "USER": "#-1",
        "COMMAND": "/bin/sh -c a ; USER=root", "outcome": "success",
    }  # fmt: skip


def test_sudo_refusal_says_why() -> None:
    record = read("sudo", "eve : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/cat x")
    assert (record["reason"], record["outcome"], record["USER"]) == ("user NOT in sudoers", "failure", "root")


def test_cron_su_and_new_user() -> None:
    assert read("cron", "(root) REPLACE (root)") == {"user": "root", "action": "REPLACE", "command": "root"}
    assert read("su", "FAILED SU (to root) ann on pts/1")["outcome"] == "failure"
    record = read("account", "new user: name=svc, UID=0, GID=0, home=/root, shell=/bin/bash, from=none")
    assert (record["name"], record["UID"], record["shell"]) == ("svc", "0", "/bin/bash")
    assert read("account", "password changed for ann")["name"] == "ann"


@pytest.mark.parametrize("kind", ["sshd", "sudo", "su", "cron", "account", "auth"])
@pytest.mark.parametrize(
    "part", ["Invalid user ", " from 1.2.3.4 port 5", "user=a ", " : ", "; ", "(", "session opened for user ",
             "pam_unix(", " invalid user ", "name=,", "1.1.1.1", ":", " by invalid user x "],
)  # fmt: skip
def test_long_hostile_message_costs_no_more_than_its_length(kind: str, part: str) -> None:
    started = time.perf_counter()
    for message in (part * (8000 // len(part)), "Failed password for " + part * 500, part * 100_000):
        read_message(kind, message)
    assert time.perf_counter() - started < 0.5

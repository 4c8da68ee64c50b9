"""The Linux audit log, with texts that auditd hides in hexadecimal."""

from __future__ import annotations

import pytest
from tests.unit.events.sources.records import holes, logsource, parse, records

from hisn.events.batch import NO_TIME
from hisn.events.mapping import load_mapping
from hisn.events.sources.auditd import FORMAT

SYSCALL = (
    "type=SYSCALL msg=audit(1730837700.123:24287): arch=c000003e syscall=41 success=yes exit=3 a0=26 a1=5 a2=0"
    ' a3=0 items=0 ppid=1 pid=2 auid=1000 uid=0 euid=33 tty=(none) comm="x" exe="/usr/bin/x" key=(null)'
)


def only(line: str) -> dict[str, object]:
    ((_, _, record),) = records(FORMAT, line.encode() + b"\n")
    return dict(record)


def test_syscall_has_its_number_name_and_plain_arguments() -> None:
    record = only(SYSCALL)
    assert (record["type"], record["syscall"], record["SYSCALL"]) == ("SYSCALL", "41", "socket")
    assert (record["a0"], record["euid"], record["exe"]) == ("26", "33", "/usr/bin/x")
    assert record["key"] is None
    assert records(FORMAT, SYSCALL.encode())[0][1] == 1_730_837_700_123_000


def test_enriched_log_keeps_its_own_names() -> None:
    record = only(SYSCALL + '\x1dARCH=x86_64 SYSCALL=memfd_create AUID="ann" UID="root"')
    assert (record["SYSCALL"], record["AUID"]) == ("memfd_create", "ann")


@pytest.mark.parametrize(
    ("arch", "number", "name"),
    [("c000003e", "59", "execve"), ("c00000b7", "221", "execve"), ("40000003", "11", "execve")],
)
def test_call_is_named_by_architecture(arch: str, number: str, name: str) -> None:
    assert (
        only(SYSCALL.replace("c000003e", arch).replace("syscall=41", f"syscall={number}"))["SYSCALL"] == name
    )


def test_unknown_call_has_no_name() -> None:
    assert "SYSCALL" not in only(SYSCALL.replace("syscall=41", "syscall=99999"))


def test_blank_in_a_path_or_argument_does_not_hide_it() -> None:
    head = "msg=audit(1730837700.123:1): "
    execve = only(f'type=EXECVE {head}argc=3 a0="sh" a1="-c" a2=636174202F6574632F706173737764')
    assert execve["a2"] == "cat /etc/passwd"
    path = only(f"type=PATH {head}item=0 name=2F746D702F612062 nametype=CREATE")
    assert path["name"] == "/tmp/a b"
    title = only(f"type=PROCTITLE {head}proctitle=63617400612E747874")
    assert title["proctitle"] == "cat a.txt"


def test_short_hexadecimal_looking_words_stay() -> None:
    record = only('type=EXECVE msg=audit(1730837700.123:1): argc=2 a0="cafe" a1=77')
    assert (record["a0"], record["a1"]) == ("cafe", "77")


def test_user_message_s_own_fields() -> None:
    record = only(
        "node=db1 type=USER_AUTH msg=audit(1730837700.123:9): pid=1 uid=0 auid=42 ses=1"
        ' msg=\'op=PAM:authentication acct="root" exe="/usr/sbin/sshd" hostname=? addr=203.0.113.7 res=failed\''
    )
    assert (record["acct"], record["addr"], record["res"]) == ("root", "203.0.113.7", "failed")
    assert (record["node"], record["hostname"]) == ("db1", None)


def test_program_start_is_a_process_creation() -> None:
    head = "msg=audit(1730837700.123:7): "
    lines = [
        f'type=SYSCALL {head}arch=c000003e syscall=59 exe="/usr/bin/nmap"',
        f'type=EXECVE {head}argc=3 a0="nmap" a1="-sS" a2=612062',
        f'type=EXECVE {head.replace(":7", ":8")}argc=2 a0="/bin/sh" a1_len=6 a1[0]=616263 a1[1]=646566',
    ]
    data = "\n".join(lines).encode()
    _, known, other = [record for _, _, record in records(FORMAT, data)]
    assert (known["Image"], known["CommandLine"]) == ("/usr/bin/nmap", "nmap -sS a b")
    assert (other["Image"], other["CommandLine"]) == ("/bin/sh", "/bin/sh abcdef")
    sources = [load_mapping().shape(block.layout).logsource for block in parse(FORMAT, data)[0].blocks]
    assert [found.satisfies("linux", "process_creation", None) for found in sources] == [False, True, True]


def test_field_given_twice_keeps_the_first() -> None:
    assert only('type=PATH msg=audit(1730837700.123:1): name="/a" name="/b"')["name"] == "/a"


def test_other_lines_are_holes_and_absurd_times_no_times() -> None:
    assert [hole.number for hole in holes(FORMAT, f"{SYSCALL}\nx\n\x00\n\n{SYSCALL}\n".encode())] == [2, 3]
    assert records(FORMAT, SYSCALL.replace("1730837700", "0").encode())[0][1] == NO_TIME


def test_flood_of_field_names_is_bounded_and_named() -> None:
    lines = [f"type=X1 msg=audit(1730837700.123:1): a{n}=1" for n in range(2000)]
    (parsed,) = parse(FORMAT, "\n".join(lines).encode())
    assert len(parsed.blocks) == 1024
    assert parsed.records + len(parsed.unparsed) == 2000


def test_layout_is_an_audit_log() -> None:
    assert logsource(FORMAT, SYSCALL.encode()).satisfies("linux", None, "auditd")


def test_sniff() -> None:
    assert FORMAT.sniff(SYSCALL.encode() + b"\n") == 1.0
    assert FORMAT.sniff(b"type=SYSCALL\n") == FORMAT.sniff(b"") == 0.0

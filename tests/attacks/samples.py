"""Hold one small sample of our own making for each text format."""

from __future__ import annotations

import json

_EVENT = {
    "@type": "EventLogging.Event", "Id": "boot", "Type": "system", "Disposition": "na", "Sequence": "1",
    "TimeStamp": "2024-11-05T20:15:00+01:00", "Details": '{"host": "a"}',
}  # fmt: skip
_PG = (
    '2024-11-05 20:15:00.123 UTC,"clerk","rolls",311,"10.0.0.1:4022","6912c.137",7,"SELECT",'
    '2024-11-05 19:00:00 UTC,"7/12",0,LOG,00000,"AUDIT: SESSION,1,1,READ,SELECT,TABLE,public.voters,'
    '""SELECT *\nFROM voters"",<none>",,,,,,,,,"RollDesk","client backend",,0\n'
)
_PG_JSON = {
    "timestamp": "2024-11-05 20:15:00.123 UTC", "user": "clerk", "dbname": "rolls", "pid": 311,
    "session_id": "6912c.137", "line_num": 7, "error_severity": "LOG", "message": "AUDIT: SESSION,1,1,READ,SELECT",
}  # fmt: skip

SAMPLES: dict[str, bytes] = {
    "combined": (
        b'203.0.113.7 - - [05/Nov/2024:20:15:00 +0000] "GET /a?b=%27 HTTP/1.1" 200 5120 "-" "Mozilla/5.0"\n'
        b'203.0.113.8 - ann [05/Nov/2024:20:15:01 +0000] "POST /\\x22 HTTP/1.1" 404 - "http://a/" "x"\n'
    )
    * 3,
    "syslog": (
        b"Nov  5 20:15:00 ems1 sshd[311]: Failed password for root from 203.0.113.9 port 4022 ssh2\n"
        b"<86>Nov  5 20:15:01 ems1 sudo: ann : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/id\n"
        b"2024-11-05T20:15:02.1+01:00 ems1 CRON[1]: (root) CMD (x)\n"
        b'<165>1 2024-11-05T20:15:03Z gw app 7 ID47 [ex@1 a="1"] hello\n'
    ),
    "apache_error": (
        b"[Tue Nov 05 20:15:00.123456 2024] [core:error] [pid 12:tid 9] [client 203.0.113.7:4022] AH1: bad\n"
        b"[Sun Dec 04 04:47:44 2005] [error] mod_jk child workerEnv in error state 6\n"
    ),
    "nginx_error": (
        b'2024/11/05 20:15:00 [error] 31#7: *9 open() "/x" failed, client: 203.0.113.7, server: v, request: '
        b'"GET /%27 HTTP/1.1", host: "v"\n'
    )
    * 3,
    "w3c": (
        b"#Version: 1.0\n#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query c-ip cs(User-Agent) sc-status\n"
        b"2024-11-05 20:15:00 10.0.0.1 GET /a.aspx id=1%27+or+1 203.0.113.7 Mozilla/5.0+(X11) 200\n"
        b"2024-11-05 20:15:01 10.0.0.1 GET /b - 203.0.113.7 - 404\n"
    ),
    "zeek_tsv": (
        b"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n"
        b"#fields\tts\tuid\tid.orig_h\tid.resp_h\tquery\tanswers\n#types\ttime\tstring\taddr\taddr\tstring\tvector[addr]\n"
        b"1730837700.1\tC1\t10.0.0.7\t10.0.0.53\ta.example\t192.0.2.1,192.0.2.2\n"
        b"1730837701.1\tC2\t10.0.0.7\t10.0.0.53\tb\\x09.example\t-\n"
    ),
    "auditd": (
        b'type=SYSCALL msg=audit(1730837700.123:1): arch=c000003e syscall=59 a0=1 comm="x" exe="/x" key=(null)\n'
        b'type=EXECVE msg=audit(1730837700.123:1): argc=2 a0="sh" a1=636174202F657463\n'
        b"type=USER_AUTH msg=audit(1730837700.123:2): pid=1 msg='op=PAM acct=\"root\" res=failed'\n"
    ),
    "csv_table": b'when,host,what\n2024-11-05T20:15:00Z,a,"x\ny"\n2024-11-05T20:15:01Z,b,z\n2024-11-05T20:15:02Z,b,z\n',
    "postgres_csv": (_PG * 3).encode(),
    "postgres_json": (json.dumps(_PG_JSON) + "\n").encode() * 3,
    "nist_1500_101_json": json.dumps(
        {
            "@type": "EventLogging.ElectionEventLog",
            "GeneratedTime": "2024-11-05T23:00:00Z",
            "Device": [{"Id": "ems-1", "Type": "ems", "Event": [_EVENT] * 4}],
        }
    ).encode(),
    "nist_1500_101_xml": (
        b'<?xml version="1.0"?>\n<ElectionEventLog xmlns="http://itl.nist.gov/ns/voting/1500-101/v1"><Device>'
        + b"<Event><Disposition>na</Disposition><Id>boot</Id><Sequence>1</Sequence>"
        b"<TimeStamp>2024-11-05T20:15:00+01:00</TimeStamp><Type>x</Type></Event>"
        * 4
        + b"<Id>ems-1</Id></Device><GeneratedTime>2024-11-05T23:00:00Z</GeneratedTime></ElectionEventLog>"
    ),
}

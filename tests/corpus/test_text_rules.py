"""SigmaHQ's rules fire on the lines of each text format, and not on their harmless neighbours.

The lines are ours; the rules are read from the corpus.  A field under another name than the rule's
would make it silent for ever, which no other test would notice.
"""

from __future__ import annotations

import io
from importlib import import_module
from pathlib import Path

import pytest

from hisn.engine.reference import holds
from hisn.events.mapping import load_mapping
from hisn.events.schema import Declaration
from hisn.events.source import DocumentFormat, LineFormat, Parsed
from hisn.rules.pack import Rule
from hisn.rules.sigma.load import RuleFile, build_pack

pytestmark = pytest.mark.corpus


def access(request: str, status: int = 200, referer: str = "-", agent: str = "x") -> str:
    return (
        f'203.0.113.7 - - [05/Nov/2024:20:15:00 +0000] "{request} HTTP/1.1" {status} 1 "{referer}" "{agent}"'
    )


def zeek(path: str, fields: str, values: str) -> str:
    tabs = (
        line.replace(" ", "\t")
        for line in (f"#path {path}", f"#fields ts {fields}", f"1730837700.1 {values}")
    )
    return "#separator \\x09\n" + "\n".join(tabs)


def iis(fields: str, values: str) -> str:
    return f"#Fields: date time {fields}\n2024-11-05 20:15:00 {values}"


SYSMON = (
    "Nov  5 20:15:00 h sysmon: <Event><System><EventID>1</EventID></System><EventData>"
    '<Data Name="CommandLine">{}</Data></EventData></Event>'
)
AUDIT = "msg=audit(1730837700.123:1): "
WEB = "rules/web"
OLD = "rules-emerging-threats"

CASES = [
    ("combined", f"{OLD}/2021/Exploits/CVE-2021-21972/web_cve_2021_21972_vsphere_unauth_rce_exploit.yml",
     access("POST /ui/vropspluginui/rest/services/uploadova"), access("POST /ui/other")),
    ("combined", f"{WEB}/webserver_generic/web_sql_injection_in_access_logs.yml",
     access("GET /?id=1%20UNION%20SELECT%201"), access("GET /?id=1")),
    ("combined", f"{WEB}/webserver_generic/web_webshell_regeorg.yml",
     access("POST /tunnel.php?cmd=connect&target=a&port=1", agent="-"), access("POST /tunnel.php?cmd=connect&target=a&port=1")),
    ("w3c", f"{OLD}/2021/TA/HAFNIUM/web_exchange_exploitation_hafnium.yml",
     iis("cs-method cs-uri-stem cs-uri-query cs(User-Agent)", "POST /ecp/y.js - python-requests/2.19.1"),
     iis("cs-method cs-uri-stem cs-uri-query cs(User-Agent)", "POST /x/y.js - python-requests/9")),
    ("w3c", f"{OLD}/2021/Exploits/CVE-2021-26858/web_cve_2021_26858_iis_rce.yml",
     iis("cs-method cs-uri-stem cs-uri-query cs-username sc-status",
         "POST /ecp/DDI/DDIService.svc/SetObject schema=Reset&x=VirtualDirectory X$ 200"),
     iis("cs-method cs-uri-stem cs-uri-query cs-username sc-status",
         "POST /ecp/DDI/DDIService.svc/SetObject schema=Reset&x=VirtualDirectory X$ 404")),
    ("w3c", "rules/network/firewall/net_firewall_cleartext_protocols.yml",
     iis("action protocol src-ip dst-ip src-port dst-port", "ACCEPT TCP 10.0.0.1 10.0.0.2 4022 23"),
     iis("action protocol src-ip dst-ip src-port dst-port", "ACCEPT TCP 10.0.0.1 10.0.0.2 4022 443")),
    ("apache_error", f"{WEB}/product/apache/web_apache_threading_error.yml",
     ("[Tue Nov 05 20:15:00 2024] [notice] x\nhttpd: tpp.c:63: __pthread_tpp_change_priority: Assertion `new_prio == -1 "
     "|| (new_prio >= fifo_min_prio && new_prio <= fifo_max_prio)' failed."),
     "[Tue Nov 05 20:15:00 2024] [notice] Assertion"),
    ("apache_error", f"{WEB}/product/apache/web_apache_segfault.yml",
     "[Tue Nov 05 20:15:00 2024] [notice] child pid 1 exit signal Segmentation fault (11)",
     "[Tue Nov 05 20:15:00 2024] [notice] child pid 1 exit signal Bus error"),
    ("nginx_error", f"{WEB}/product/nginx/web_nginx_core_dump.yml",
     "2024/11/05 20:15:00 [alert] 31#31: worker process 9 exited on signal 6 (core dumped)",
     "2024/11/05 20:15:00 [alert] 31#31: worker process 9 exited with code 0"),
    ("syslog", "rules/linux/builtin/sshd/lnx_sshd_susp_ssh.yml",
     "Nov  5 20:15:00 h sshd[1]: fatal: buffer_get_string: bad string", "Nov  5 20:15:00 h sshd[1]: Connection closed"),
    ("syslog", "rules/linux/builtin/cron/lnx_cron_crontab_file_modification.yml",
     "Nov  5 20:15:00 h crontab[1]: (root) REPLACE (root)", "Nov  5 20:15:00 h crontab[1]: (root) LIST (root)"),
    ("syslog", f"{OLD}/2019/Exploits/CVE-2019-14287/lnx_sudo_exploit_cve_2019_14287.yml",
     "Nov  5 20:15:00 h sudo: eve : TTY=pts/0 ; PWD=/ ; USER=#-1 ; COMMAND=/bin/sh",
     "Nov  5 20:15:00 h sudo: eve : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh"),
    ("auditd", "rules/linux/auditd/path/lnx_auditd_ld_so_preload_mod.yml",
     f'type=PATH {AUDIT}item=0 name="/etc/ld.so.preload"', f'type=PATH {AUDIT}item=0 name="/etc/ld.so.cache"'),
    ("auditd", "rules/linux/auditd/lnx_auditd_susp_c2_commands.yml",
     f'type=SYSCALL {AUDIT}arch=c000003e syscall=59 key="susp_activity"', f"type=SYSCALL {AUDIT}arch=c000003e key=(null)"),
    ("auditd", f"{OLD}/2026/Exploits/CVE-2026-31431/lnx_auditd_exploit_cve_2026_31431_af_alg_socket_creation.yml",
     f'type=SYSCALL {AUDIT}arch=c000003e syscall=41 a0=26 exe="/tmp/x"', f'type=SYSCALL {AUDIT}arch=c000003e syscall=41 a0=2 exe="/tmp/x"'),
    ("auditd", "rules/linux/process_creation/proc_creation_lnx_susp_recon_indicators.yml",
     f'type=EXECVE {AUDIT}argc=3 a0="find" a1="-name" a2=".htpasswd"', f'type=EXECVE {AUDIT}argc=1 a0="ls"'),
    ("syslog", "rules/linux/process_creation/proc_creation_lnx_susp_recon_indicators.yml",
     SYSMON.format("find -name .htpasswd"), SYSMON.format("find -name x")),
    ("zeek_tsv", "rules/network/zeek/zeek_rdp_public_listener.yml",
     zeek("rdp", "id.orig_h", "203.0.113.7"), zeek("rdp", "id.orig_h", "10.0.0.7")),
    ("zeek_tsv", "rules/network/zeek/zeek_dns_torproxy.yml",
     zeek("dns", "query", "a.onion.link"), zeek("dns", "query", "a.example")),
    ("zeek_tsv", "rules/network/zeek/zeek_dce_rpc_smb_spoolss_named_pipe.yml",
     zeek("smb_files", "path name", r"\\\\srv\\IPC$ spoolss"), zeek("smb_files", "path name", r"\\\\srv\\C$ spoolss")),
    ("zeek_tsv", "rules/network/zeek/zeek_susp_kerberos_rc4.yml",
     zeek("kerberos", "request_type cipher service", "TGS rc4-hmac cifs/a"), zeek("kerberos", "request_type cipher service", "AS rc4-hmac x")),
    ("zeek_tsv", "rules/network/dns/net_dns_susp_txt_exec_strings.yml",
     zeek("dns", "qtype_name answers", "TXT IEX(x)"), zeek("dns", "qtype_name answers", "A 192.0.2.1")),
    ("json_lines", "rules/network/zeek/zeek_http_webdav_put_request.yml",
     '{"ts": 1730837700.1, "uid": "C", "id.orig_h": "10.0.0.7", "id.resp_h": "203.0.113.7", "uri": "/x", "method": "PUT", "user_agent": "WebDAV"}',
     '{"ts": 1730837700.1, "uid": "C", "id.orig_h": "10.0.0.7", "id.resp_h": "10.0.0.8", "uri": "/x", "method": "PUT", "user_agent": "WebDAV"}'),
    ("postgres_csv", "rules/category/database/db_anomalous_query.yml",
     '2024-11-05 20:15:00.123 UTC,u,d,1,h:1,s,1,"x",2024-11-05 20:00:00 UTC,v,0,LOG,00000,"statement: DROP TABLE voters",,,,,,,,,app',
     '2024-11-05 20:15:00.123 UTC,u,d,1,h:1,s,1,"x",2024-11-05 20:00:00 UTC,v,0,LOG,00000,"checkpoint",,,,,,,,,app'),
]  # fmt: skip


def read(form: LineFormat | DocumentFormat, text: str) -> list[Parsed]:
    data = text.encode() + b"\n"
    if hasattr(form, "open"):
        return [form.open(data, Declaration(year=2024)).parse(data, 1)]
    return list(form.read(io.BytesIO(data), Declaration()))


def fires(rule: Rule, form: LineFormat | DocumentFormat, text: str) -> bool:
    mapping = load_mapping()
    wanted = rule.logsource
    for parsed in read(form, text):
        assert parsed.unparsed == ()
        for block in parsed.blocks:
            found = mapping.shape(block.layout).logsource
            assert found.satisfies(wanted.product, wanted.category, wanted.service), (wanted, found)
            for row, raw in enumerate(block.raws):
                line = raw if isinstance(raw, str) else raw.decode()
                if holds(rule.condition, mapping.record(block, row), line):
                    return True
    return False


@pytest.mark.parametrize(
    ("name", "path", "bad", "good"), CASES, ids=[f"{case[0]}-{Path(case[1]).stem}" for case in CASES]
)
def test_rule_fires_on_what_it_is_about_and_not_on_its_neighbour(
    corpus: Path, name: str, path: str, bad: str, good: str
) -> None:
    (rule,) = build_pack("one", [RuleFile(path, (corpus / "sigma" / path).read_bytes())]).rules
    form = import_module(f"hisn.events.sources.{name}").FORMAT
    assert fires(rule, form, bad)
    assert not fires(rule, form, good)

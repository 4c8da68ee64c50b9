"""Play what an intruder does on the EMS host: vendor session, account, service, traces removed.

The order follows published accounts of 2014 and 2021: somebody with the right password, at the
wrong time, who makes the way back easy and the log empty.
"""

from __future__ import annotations

from collections.abc import Iterator

from hisn.testing.sources import windows
from hisn.testing.sources.windows import EVENTLOG, SECURITY, SERVICES, SYSMON, Fields
from hisn.testing.stream import Attack, Record, Stage

_DOMAIN = "VESNA"
_VENDOR = "vendor.support"
_NEW = "svc_update"
_NEW_SID = "S-1-5-21-1004336348-1177238915-682003330-1013"


def _at(stage: Stage, hour: int, minute: int) -> int:
    return stage.calendar.start_of("voting") + ((hour - 7) * 60 + minute) * 60_000_000


def _record(stage: Stage, time: int, log: tuple[str, str], number: int, data: Fields) -> Record:
    return Record(time, windows.event(time, stage.county.ems_host, log, number, data))


def _vendor_session(stage: Stage) -> Iterator[Record]:
    time = _at(stage, 21, 12)
    yield _record(stage, time, SECURITY, 4624, {
        "SubjectUserSid": "S-1-5-18", "SubjectUserName": "EMS-VESNA-01$", "TargetUserName": _VENDOR,
        "TargetDomainName": _DOMAIN, "LogonType": 10, "IpAddress": "198.51.100.249",
        "AuthenticationPackageName": "Negotiate",
    })  # fmt: skip
    image = "C:\\Users\\vendor.support\\Downloads\\AnyDesk.exe"
    yield _record(stage, time + 95_000_000, SYSMON, 1, windows.process_created(
        f"{_DOMAIN}\\{_VENDOR}", image, f'"{image}" --install C:\\ProgramData\\AnyDesk --silent',
        "C:\\Windows\\explorer.exe"))  # fmt: skip


def _new_administrator(stage: Stage) -> Iterator[Record]:
    time = _at(stage, 21, 19)
    subject: dict[str, str | int] = {"SubjectUserName": _VENDOR, "SubjectDomainName": _DOMAIN}
    account = {"TargetUserName": _NEW, "TargetDomainName": "EMS-VESNA-01", "SamAccountName": _NEW}
    yield _record(stage, time, SECURITY, 4720, {**account, **subject})
    group = {"TargetUserName": "Administrators", "TargetDomainName": "Builtin", "TargetSid": "S-1-5-32-544"}
    yield _record(stage, time + 4_000_000, SECURITY, 4732, {"MemberSid": _NEW_SID, **group, **subject})


def _service(stage: Stage) -> Iterator[Record]:
    yield _record(stage, _at(stage, 21, 31), SERVICES, 7045, {
        "ServiceName": "PrintSpoolHelper", "ImagePath": "C:\\ProgramData\\spool\\helper.exe",
        "ServiceType": "user mode service", "StartType": "auto start", "AccountName": "LocalSystem",
    })  # fmt: skip


def _log_cleared(stage: Stage) -> Iterator[Record]:
    yield _record(stage, _at(stage, 22, 40), EVENTLOG, 1102, {
        "SubjectUserSid": _NEW_SID,
        "SubjectUserName": _NEW, "SubjectDomainName": _DOMAIN, "SubjectLogonId": "0x6b1f2",
    })  # fmt: skip


ATTACKS: tuple[Attack, ...] = (
    Attack("ems-vendor-session", "Vendor session and remote tool on the EMS host while votes are counted",
           windows.PATH, ("ems_remote_access_tool", "logon_rdp_from_internet"), _vendor_session),
    Attack("ems-new-administrator", "New administrator account on the EMS host",
           windows.PATH, ("ems_account_created", "ems_administrator_added"), _new_administrator),
    Attack("ems-service", "Service installed on the EMS host",
           windows.PATH, ("ems_service_installed",), _service),
    Attack("ems-log-cleared", "Security log of the EMS host cleared",
           windows.PATH, ("ems_log_cleared", "ems_log_cleared_after_remote_logon"), _log_cleared),
)  # fmt: skip

"""Write Windows events of the EMS host as JSON lines, in the nested shape of EVTX tools.

Record numbers grow with time and are the same whatever else happens on the host, so that
planting an attack changes no byte of the background.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec

from hisn.testing.calendar import arrivals, office_minutes
from hisn.testing.dice import Weighted
from hisn.testing.stream import Record, Stage

PATH = "ems/EMS-VESNA-01.jsonl"

SYSMON = ("Microsoft-Windows-Sysmon", "Microsoft-Windows-Sysmon/Operational")
SECURITY = ("Microsoft-Windows-Security-Auditing", "Security")
EVENTLOG = ("Microsoft-Windows-Eventlog", "Security")
SERVICES = ("Service Control Manager", "System")
POWERSHELL = ("Microsoft-Windows-PowerShell", "Microsoft-Windows-PowerShell/Operational")

Fields: TypeAlias = Mapping[str, str | int]

_EPOCH_US = 1_760_000_000_000_000
_SYSTEM = "NT AUTHORITY\\SYSTEM"
_DLL_HOST = "C:\\Windows\\System32\\svchost.exe"
_DESKTOP = "C:\\Windows\\explorer.exe"
_SHELL = "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"
_EMS = "C:\\Program Files\\Lipa\\ElectionManager\\LipaEms.exe"
_TALLY = "C:\\Program Files\\Lipa\\ElectionManager\\TallyService.exe"


def iso(time: int) -> str:
    """Return the instant as Windows writes it: UTC, microseconds, ``Z``."""
    second, fraction = divmod(time, 1_000_000)
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:06d}Z"


def event(time: int, host: str, log: tuple[str, str], number: int, data: Fields) -> str:
    """Return one event as a JSON line; `log` is (provider, channel), `number` the event id."""
    system = {
        "Provider": {"#attributes": {"Name": log[0]}},
        "EventID": number,
        "Level": 4,
        "TimeCreated": {"#attributes": {"SystemTime": iso(time)}},
        "EventRecordID": (time - _EPOCH_US) // 1_000,
        "Channel": log[1],
        "Computer": host,
    }
    return msgspec.json.encode({"Event": {"System": system, "EventData": data}}).decode()


def process_created(user: str, image: str, command: str, parent: str) -> dict[str, str | int]:
    """Return the fields of a Sysmon process creation."""
    return {
        "RuleName": "-",
        "ProcessId": 4_000 + len(command) * 4,
        "Image": image,
        "OriginalFileName": image.rpartition("\\")[2],
        "CommandLine": command,
        "CurrentDirectory": "C:\\Windows\\system32\\",
        "User": user,
        "IntegrityLevel": "System" if user == _SYSTEM else "Medium",
        "ParentImage": parent,
        "ParentCommandLine": f'"{parent}"',
        "ParentUser": _SYSTEM,
    }


_WORK: Weighted[str] = Weighted(
    (
        (30, "process"),
        (18, "logon"),
        (12, "network"),
        (16, "file"),
        (8, "service"),
        (10, "privilege"),
        (6, "script"),
    )
)

_COMMANDS = (
    (_SYSTEM, _DLL_HOST, f"{_DLL_HOST} -k netsvcs -p -s Schedule", "C:\\Windows\\System32\\services.exe"),
    (_SYSTEM, "C:\\Windows\\System32\\taskhostw.exe", "taskhostw.exe Install", _DLL_HOST),
    (_SYSTEM, "C:\\Windows\\System32\\Robocopy.exe",
     "robocopy D:\\Results \\\\10.20.3.20\\results /MIR /R:2 /W:5", "C:\\Windows\\System32\\cmd.exe"),
    (_SYSTEM, "C:\\Program Files\\Windows Defender\\MpCmdRun.exe",
     "MpCmdRun.exe SignatureUpdate -ScheduleJob", _DLL_HOST),
    (_SYSTEM, _SHELL,
     "powershell.exe -NoLogo -ExecutionPolicy RemoteSigned -File C:\\Lipa\\Scripts\\Backup-Results.ps1",
     "C:\\Windows\\System32\\taskhostw.exe"),
    ("VESNA\\clerk.one", _EMS, f'"{_EMS}" /election 2026-11-03 /station 1', _DESKTOP),
    ("VESNA\\clerk.two", "C:\\Windows\\System32\\notepad.exe", "notepad.exe D:\\Results\\a.txt", _DESKTOP),
    ("VESNA\\clerk.two", "C:\\Windows\\System32\\cmd.exe", "cmd.exe /c dir D:\\Results", _DESKTOP),
)  # fmt: skip


def background(stage: Stage, count: int) -> Iterator[Record]:
    """Yield `count` ordinary events of a host that tallies: services, backups, two clerks."""
    host = stage.county.ems_host
    for time in arrivals(office_minutes(stage.calendar, stage.span), stage.span, count, stage.dice):
        log, number, data = _ordinary(stage)
        yield Record(time, event(time, host, log, number, data))


def _ordinary(stage: Stage) -> tuple[tuple[str, str], int, Fields]:
    dice = stage.dice
    match _WORK.draw(dice):
        case "process":
            return SYSMON, 1, process_created(*dice.pick(_COMMANDS))
        case "logon":
            return SECURITY, dice.pick((4624, 4634)), _logon(stage)
        case "network":
            return SYSMON, 3, {
                "Image": _TALLY, "User": _SYSTEM, "Protocol": "tcp", "Initiated": "true",
                "SourceIp": "10.20.3.5", "SourcePort": dice.between(49_152, 65_535),
                "DestinationIp": "10.20.3.20", "DestinationPort": 445,
            }  # fmt: skip
        case "file":
            name = f"precinct-{dice.between(1, stage.county.precincts):02d}-{dice.digits(4)}.xml"
            return SYSMON, 11, {"Image": _TALLY, "TargetFilename": f"D:\\Results\\{name}", "User": _SYSTEM}
        case "service":
            state = dice.pick(("running", "stopped"))
            return SERVICES, 7036, {"param1": "Windows Update", "param2": state}
        case "script":
            path = "C:\\Lipa\\Scripts\\Backup-Results.ps1"
            text = "Get-ChildItem D:\\Results | Copy-Item -Destination \\\\10.20.3.20\\results"
            return (
                POWERSHELL,
                4104,
                {"MessageNumber": 1, "MessageTotal": 1, "ScriptBlockText": text, "Path": path},
            )
        case _:
            return SECURITY, 4672, {
                "SubjectUserSid": "S-1-5-18", "SubjectUserName": "SYSTEM",
                "SubjectDomainName": "NT AUTHORITY", "PrivilegeList": "SeTcbPrivilege",
            }  # fmt: skip


def _logon(stage: Stage) -> Fields:
    dice = stage.dice
    if dice.chance(0.7):
        user, kind, address = "SYSTEM", 5, "-"
    else:
        user, kind, address = dice.pick(stage.county.clerks[:2]), dice.pick((2, 3, 7)), "10.20.4.21"
    return {
        "SubjectUserSid": "S-1-5-18",
        "SubjectUserName": "EMS-VESNA-01$",
        "TargetUserName": user,
        "TargetDomainName": stage.county.ems_domain,
        "LogonType": kind,
        "IpAddress": address,
        "AuthenticationPackageName": "Negotiate",
    }

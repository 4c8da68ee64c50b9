"""Name the system calls that audit rules are about, by architecture and number.

Numbers are those of the kernel's own tables (``unistd_64.h``, ``unistd_32.h`` and
``asm-generic/unistd.h``).  A call that is not listed keeps its number.
"""

from __future__ import annotations

_X86_64 = (
    "0:read 1:write 2:open 3:close 4:stat 9:mmap 10:mprotect 16:ioctl 22:pipe 41:socket 42:connect "
    "43:accept 44:sendto 45:recvfrom 49:bind 50:listen 56:clone 57:fork 58:vfork 59:execve 60:exit "
    "62:kill 63:uname 72:fcntl 73:flock 76:truncate 77:ftruncate 78:getdents 80:chdir 81:fchdir "
    "82:rename 83:mkdir 84:rmdir 85:creat 86:link 87:unlink 88:symlink 89:readlink 90:chmod 91:fchmod "
    "92:chown 93:fchown 94:lchown 95:umask 96:gettimeofday 99:sysinfo 101:ptrace 102:getuid 103:syslog "
    "105:setuid 106:setgid 113:setreuid 114:setregid 116:setgroups 117:setresuid 119:setresgid "
    "122:setfsuid 123:setfsgid 126:capset 133:mknod 135:personality 155:pivot_root 157:prctl "
    "159:adjtimex 160:setrlimit 161:chroot 162:sync 163:acct 164:settimeofday 165:mount 166:umount2 "
    "167:swapon 168:swapoff 169:reboot 170:sethostname 171:setdomainname 172:iopl 173:ioperm "
    "175:init_module 176:delete_module 188:setxattr 189:lsetxattr 190:fsetxattr 197:removexattr "
    "198:lremovexattr 199:fremovexattr 227:clock_settime 246:kexec_load 248:add_key 249:request_key "
    "250:keyctl 253:inotify_init 254:inotify_add_watch 257:openat 258:mkdirat 259:mknodat 260:fchownat "
    "263:unlinkat 264:renameat 265:linkat 266:symlinkat 267:readlinkat 268:fchmodat 272:unshare "
    "275:splice 285:fallocate 288:accept4 298:perf_event_open 300:fanotify_init 303:name_to_handle_at "
    "304:open_by_handle_at 305:clock_adjtime 308:setns 310:process_vm_readv 311:process_vm_writev "
    "313:finit_module 316:renameat2 317:seccomp 319:memfd_create 320:kexec_file_load 321:bpf "
    "322:execveat 323:userfaultfd 425:io_uring_setup 426:io_uring_enter 427:io_uring_register "
    "428:open_tree 429:move_mount 430:fsopen 432:fsmount 434:pidfd_open 435:clone3 437:openat2 "
    "438:pidfd_getfd 439:faccessat2 442:mount_setattr 444:landlock_create_ruleset "
)
_I386 = (
    "1:exit 2:fork 3:read 4:write 5:open 6:close 8:creat 9:link 10:unlink 11:execve 12:chdir 14:mknod "
    "15:chmod 16:lchown 21:mount 23:setuid 24:getuid 26:ptrace 36:sync 37:kill 38:rename 39:mkdir "
    "40:rmdir 42:pipe 46:setgid 51:acct 52:umount2 54:ioctl 55:fcntl 60:umask 61:chroot 70:setreuid "
    "71:setregid 74:sethostname 75:setrlimit 78:gettimeofday 79:settimeofday 81:setgroups 83:symlink "
    "85:readlink 87:swapon 88:reboot 90:mmap 92:truncate 93:ftruncate 94:fchmod 95:fchown 101:ioperm "
    "103:syslog 106:stat 110:iopl 115:swapoff 116:sysinfo 120:clone 121:setdomainname 122:uname "
    "124:adjtimex 125:mprotect 128:init_module 129:delete_module 133:fchdir 136:personality "
    "138:setfsuid 139:setfsgid 141:getdents 143:flock 164:setresuid 170:setresgid 172:prctl 182:chown "
    "185:capset 190:vfork 217:pivot_root 226:setxattr 227:lsetxattr 228:fsetxattr 235:removexattr "
    "236:lremovexattr 237:fremovexattr 264:clock_settime 283:kexec_load 286:add_key 287:request_key "
    "288:keyctl 291:inotify_init 292:inotify_add_watch 295:openat 296:mkdirat 297:mknodat 298:fchownat "
    "301:unlinkat 302:renameat 303:linkat 304:symlinkat 305:readlinkat 306:fchmodat 310:unshare "
    "313:splice 324:fallocate 336:perf_event_open 338:fanotify_init 341:name_to_handle_at "
    "342:open_by_handle_at 343:clock_adjtime 346:setns 347:process_vm_readv 348:process_vm_writev "
    "350:finit_module 353:renameat2 354:seccomp 356:memfd_create 357:bpf 358:execveat 359:socket "
    "361:bind 362:connect 363:listen 364:accept4 369:sendto 371:recvfrom 374:userfaultfd "
    "425:io_uring_setup 426:io_uring_enter 427:io_uring_register 428:open_tree 429:move_mount "
    "430:fsopen 432:fsmount 434:pidfd_open 435:clone3 437:openat2 438:pidfd_getfd 439:faccessat2 "
    "442:mount_setattr 444:landlock_create_ruleset "
)
_AARCH64 = (
    "5:setxattr 6:lsetxattr 7:fsetxattr 14:removexattr 15:lremovexattr 16:fremovexattr 25:fcntl "
    "27:inotify_add_watch 29:ioctl 32:flock 33:mknodat 34:mkdirat 35:unlinkat 36:symlinkat 37:linkat "
    "38:renameat 39:umount2 40:mount 41:pivot_root 45:truncate 46:ftruncate 47:fallocate 49:chdir "
    "50:fchdir 51:chroot 52:fchmod 53:fchmodat 54:fchownat 55:fchown 56:openat 57:close 63:read "
    "64:write 76:splice 78:readlinkat 81:sync 89:acct 91:capset 92:personality 93:exit 97:unshare "
    "104:kexec_load 105:init_module 106:delete_module 112:clock_settime 116:syslog 117:ptrace 129:kill "
    "142:reboot 143:setregid 144:setgid 145:setreuid 146:setuid 147:setresuid 149:setresgid "
    "151:setfsuid 152:setfsgid 159:setgroups 160:uname 161:sethostname 162:setdomainname 164:setrlimit "
    "166:umask 167:prctl 169:gettimeofday 170:settimeofday 171:adjtimex 174:getuid 179:sysinfo "
    "198:socket 200:bind 201:listen 202:accept 203:connect 206:sendto 207:recvfrom 217:add_key "
    "218:request_key 219:keyctl 220:clone 221:execve 222:mmap 224:swapon 225:swapoff 226:mprotect "
    "241:perf_event_open 242:accept4 262:fanotify_init 264:name_to_handle_at 265:open_by_handle_at "
    "266:clock_adjtime 268:setns 270:process_vm_readv 271:process_vm_writev 273:finit_module "
    "276:renameat2 277:seccomp 279:memfd_create 280:bpf 281:execveat 282:userfaultfd "
    "294:kexec_file_load 425:io_uring_setup 426:io_uring_enter 427:io_uring_register 428:open_tree "
    "429:move_mount 430:fsopen 432:fsmount 434:pidfd_open 435:clone3 437:openat2 438:pidfd_getfd "
    "439:faccessat2 442:mount_setattr 444:landlock_create_ruleset "
)


def _table(text: str) -> dict[str, str]:
    return dict(entry.split(":") for entry in text.split())


# Architectures as the audit log writes them (AUDIT_ARCH_*), or as an enriched log does.
_TABLES = {
    "c000003e": _table(_X86_64),
    "x86_64": _table(_X86_64),
    "40000003": _table(_I386),
    "i386": _table(_I386),
    "c00000b7": _table(_AARCH64),
    "aarch64": _table(_AARCH64),
}


def syscall_name(arch: str, number: str) -> str | None:
    """Return the name of a system call, None where architecture or number is not listed."""
    return _TABLES.get(arch, {}).get(number)

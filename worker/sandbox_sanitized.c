/*
 * For a build with AddressSanitizer: at the end a second process of it stops and reads the first,
 * to find what leaked; on the way it reads its own maps. Such a build is for tests, and no prison.
 */

#include "sandbox_own.h"

#include <errno.h>
#include <seccomp.h>

int
sandbox_files(void)
{
	return -ENOTSUP;
}

const int *
sandbox_more(void)
{
	static const int calls[] = {
		SCMP_SYS(clone),       SCMP_SYS(getdents),
		SCMP_SYS(getdents64),  SCMP_SYS(getppid),
		SCMP_SYS(newfstatat),  SCMP_SYS(open),
		SCMP_SYS(openat),      SCMP_SYS(prctl),
		SCMP_SYS(prlimit64),   SCMP_SYS(process_vm_readv),
		SCMP_SYS(ptrace),      SCMP_SYS(readlink),
		SCMP_SYS(readlinkat),  SCMP_SYS(sched_yield),
		SCMP_SYS(sigaltstack), SCMP_SYS(stat),
		SCMP_SYS(wait4),       SCMP_SYS(lseek),
		SCMP_SYS(pipe2),       SCMP_SYS(kill),
		SCMP_SYS(tgkill),      SANDBOX_NO_CALL,
	};

	return calls;
}

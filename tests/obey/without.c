/*
 * without: runs a command on a kernel that lacks system calls, or refuses them as a unit does.
 * Usage: without CALL[:FIRST-ARGUMENT]... -- COMMAND...
 */

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
refuse(scmp_filter_ctx context, char *call)
{
	char *first = strchr(call, ':');

	if (!first)
		return seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM),
					seccomp_syscall_resolve_name(call), 0);
	*first++ = '\0';
	return seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), seccomp_syscall_resolve_name(call),
				1, SCMP_A0(SCMP_CMP_EQ, strtoul(first, NULL, 0)));
}

int
main(int argc, char **argv)
{
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
	int i = 1, r = context ? 0 : -ENOMEM;

	for (; i < argc && strcmp(argv[i], "--") != 0 && r == 0; i++)
		r = refuse(context, argv[i]);
	if (r == 0)
		r = seccomp_load(context);
	if (r == 0 && i + 1 < argc)
		execvp(argv[i + 1], argv + i + 1);
	fprintf(stderr, "without: %s\n", strerror(r < 0 ? -r : errno));
	return 2;
}

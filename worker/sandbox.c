#include "sandbox.h"

#include "sandbox_own.h"

#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define N(array) (sizeof(array) / sizeof(array)[0])

/* With whatever arguments: they speak of descriptors that we have, memory that is ours, and time.
 * The kernel looks none of these up but in a table of bits (Linux 5.11). */
static const int plain[] = {
	/* sockets and what is waited for */
	SCMP_SYS(accept4),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(eventfd2),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockname),
	SCMP_SYS(getsockopt),
	SCMP_SYS(pipe2),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),
	/* descriptors. No lseek, pwrite and fallocate: a log can be added to, and not changed; no
	 * fchmod: nobody else is let in to it. What is shared needs none of them once it is made
	 * (shm/memfd.h). */
	SCMP_SYS(close),
	SCMP_SYS(dup),
	SCMP_SYS(fstat),
	SCMP_SYS(memfd_create),
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	/* memory and threads */
	SCMP_SYS(brk),
	SCMP_SYS(futex),
	SCMP_SYS(madvise),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	SCMP_SYS(rseq),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_yield),
	SCMP_SYS(set_robust_list),
	/* signals to ourselves, and the end */
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	/* what is known anyway */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(getegid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getpid),
	SCMP_SYS(getrandom),
	SCMP_SYS(getrusage),
	SCMP_SYS(gettid),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(getuid),
	SCMP_SYS(nanosleep),
	SCMP_SYS(time),
	SCMP_SYS(uname),
};

/* No program calls them by accident: whoever does is not ours any more. */
static const int hostile[] = {
	SCMP_SYS(add_key),
	SCMP_SYS(bpf),
	SCMP_SYS(chroot),
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(finit_module),
	SCMP_SYS(init_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(keyctl),
	SCMP_SYS(mount),
	SCMP_SYS(move_mount),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(pivot_root),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(ptrace),
	SCMP_SYS(request_key),
	SCMP_SYS(setns),
	SCMP_SYS(unshare),
	SCMP_SYS(userfaultfd),
};

/* F_SETFL is not among them: a log stays one that is appended to. Nor F_SETOWN: a signal would go
 * to whom it names. */
static const uint64_t fcntls[] = {
	F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_ADD_SEALS, F_GET_SEALS,
};

static const uint64_t ioctls[] = { FIONBIO, FIONREAD, SIOCOUTQ };

static const struct {
	uint64_t level, name;
} options[] = {
	{ SOL_SOCKET, SO_KEEPALIVE },       { SOL_SOCKET, SO_LINGER },
	{ IPPROTO_TCP, TCP_KEEPCNT },       { IPPROTO_TCP, TCP_KEEPIDLE },
	{ IPPROTO_TCP, TCP_KEEPINTVL },     { IPPROTO_TCP, TCP_NODELAY },
	{ IPPROTO_TCP, TCP_NOTSENT_LOWAT }, { IPPROTO_TCP, TCP_USER_TIMEOUT },
};

struct filter {
	scmp_filter_ctx context;
	int error; /* the first one, negative */
};

/* ---- one rule each ---- */

static void
rule(struct filter *f, uint32_t action, int call, unsigned n, const struct scmp_arg_cmp *arguments)
{
	/* Of a call that this machine does not have there is no rule, and it is none the worse. */
	if (f->error == 0)
		f->error = seccomp_rule_add_array(f->context, action, call, n, arguments);
}

static struct scmp_arg_cmp
is(unsigned argument, uint64_t value)
{
	return (struct scmp_arg_cmp){ argument, SCMP_CMP_EQ, value, 0 };
}

/* Of a word, whose upper half is whatever the caller left there. */
static struct scmp_arg_cmp
masked(unsigned argument, uint64_t mask, uint64_t value)
{
	return (struct scmp_arg_cmp){ argument, SCMP_CMP_MASKED_EQ, mask, value };
}

static struct scmp_arg_cmp
word(unsigned argument, uint64_t value)
{
	return masked(argument, UINT32_MAX, value);
}

static void
allow(struct filter *f, int call, unsigned n, const struct scmp_arg_cmp *arguments)
{
	rule(f, SCMP_ACT_ALLOW, call, n, arguments);
}

static void
allow_if(struct filter *f, int call, struct scmp_arg_cmp first)
{
	allow(f, call, 1, &first);
}

static void
allow_if_both(struct filter *f, int call, struct scmp_arg_cmp first, struct scmp_arg_cmp second)
{
	const struct scmp_arg_cmp both[] = { first, second };

	allow(f, call, 2, both);
}

/* ---- all of them ---- */

static void
allow_connecting(struct filter *f)
{
	static const uint64_t families[] = { AF_INET, AF_INET6, AF_UNIX };
	const uint64_t type = UINT32_MAX & ~(uint64_t)(SOCK_NONBLOCK | SOCK_CLOEXEC);

	for (size_t i = 0; i < N(families); i++) {
		const struct scmp_arg_cmp stream[] = { word(0, families[i]),
						       masked(1, type, SOCK_STREAM), word(2, 0) };

		allow(f, SCMP_SYS(socket), N(stream), stream);
	}
	allow(f, SCMP_SYS(connect), 0, NULL);
}

static void
allow_some(struct filter *f)
{
	for (size_t i = 0; i < N(fcntls); i++)
		allow_if(f, SCMP_SYS(fcntl), word(1, fcntls[i]));
	for (size_t i = 0; i < N(options); i++)
		allow_if_both(f, SCMP_SYS(setsockopt), word(1, options[i].level),
			      word(2, options[i].name));
	for (size_t i = 0; i < N(ioctls); i++)
		allow_if(f, SCMP_SYS(ioctl), word(1, ioctls[i]));
	allow_if(f, SCMP_SYS(shutdown), word(1, SHUT_WR)); /* reading: it ends listening, too */
	allow_if(f, SCMP_SYS(mmap), masked(2, PROT_EXEC, 0));
	allow_if(f, SCMP_SYS(mprotect), masked(2, PROT_EXEC, 0));
	allow_if(f, SCMP_SYS(clone), masked(0, CLONE_THREAD, CLONE_THREAD));
	allow_if(f, SCMP_SYS(prctl), word(0, PR_SET_NAME));
	allow_if(f, SCMP_SYS(tgkill), word(0, (uint64_t)getpid())); /* abort(3) */
	/* getrlimit(2) of ourselves. */
	allow_if_both(f, SCMP_SYS(prlimit64), word(0, 0), is(2, 0));
}

static bool
is_among(const int *calls, int call)
{
	while (*calls != SANDBOX_NO_CALL && *calls != call)
		calls++;
	return *calls == call;
}

static void
fill(struct filter *f, bool connects)
{
	const int *more = sandbox_more();
	/* Who started us may forbid seccomp(2): libseccomp then does without it, by prctl(2), and
	 * without this action. The signal is the same one. */
	uint32_t deadly = seccomp_api_get() >= 3 ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_TRAP;

	for (size_t i = 0; i < N(plain); i++)
		allow(f, plain[i], 0, NULL);
	for (size_t i = 0; more[i] != SANDBOX_NO_CALL; i++)
		allow(f, more[i], 0, NULL);
	for (size_t i = 0; i < N(hostile); i++) {
		if (!is_among(more, hostile[i]))
			rule(f, deadly, hostile[i], 0, NULL);
	}
	allow_some(f);
	if (connects)
		allow_connecting(f);
}

/* 0 or a negative errno. */
static int
filter_load(bool connects)
{
	struct filter f = { .context = seccomp_init(SCMP_ACT_ERRNO(ENOSYS)) };

	if (!f.context)
		return -ENOMEM;
	/* Nobody's code runs in us but our own: it needs no slower processor (before Linux 5.16).
	 */
	(void)seccomp_attr_set(f.context, SCMP_FLTATR_CTL_SSB, 1);
	fill(&f, connects);
	if (f.error == 0)
		f.error = seccomp_load(f.context);
	seccomp_release(f.context);
	return f.error;
}

/* Those of root, where the gateway runs as root: none of them is needed. Who has none does not ask
 * for less, which a unit may forbid. */
static void
capabilities_drop(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct has[_LINUX_CAPABILITY_U32S_3] = { 0 };
	static const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, has) == 0 && memcmp(has, none, sizeof none) == 0)
		return;
	if (syscall(SYS_capset, &head, none) < 0)
		log_warn("sandbox capabilities=kept error=\"%s\"", strerror(errno));
}

enum board_sandbox
sandbox_enter(void)
{
	const char *wanted = getenv("YETT_SANDBOX");
	int r = 0;

	if (wanted && strcmp(wanted, "off") == 0)
		return SANDBOX_OFF;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	if (r == 0) {
		capabilities_drop();
		(void)sandbox_files(); /* as far as there is one */
		r = filter_load(!wanted || strcmp(wanted, "admin") != 0);
	}
	if (r < 0)
		log_warn("sandbox=missing error=\"%s\" effect=\"who takes this worker over may do "
			 "what the gateway's user may\"",
			 strerror(-r));
	return r < 0 ? SANDBOX_MISSING : SANDBOX_ON;
}

/*
 * doctor_gateway: what a gateway that runs says of itself, whether it is what is installed, and
 * whether somebody looks after it; where none runs, whether its listeners are free.
 */

#include "doctor.h"

#include "ask.h"
#include "command_ask.h"
#include "config.h"
#include "socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)64 << 20)
#define ANSWER_DEPTH 32

/* ---- what it says ---- */

static void
check_state(struct doctor *d)
{
	struct slice degraded = json_text(json_get(d->status, "degraded"));

	if (!answer_true(d->status, "ready")) {
		doctor_tell(d, DOCTOR_PROBLEM, "gateway", "it is not ready");
		doctor_remedy(d, "yett status -c %s", d->file);
	} else if (degraded.n > 0) {
		doctor_tell(d, DOCTOR_WARNING, "gateway", "it is degraded: %.*s",
			    SLICE_F(degraded));
		doctor_remedy(d, "yett status -c %s", d->file);
	} else {
		doctor_tell(d, DOCTOR_OK, "gateway", "ready, in process %d", (int)d->pid);
	}
}

static void
check_workers(struct doctor *d)
{
	double now = answer_number(json_get(d->status, "table"), "version");
	size_t count = 0, lagging = 0;

	for (const struct json *w = json_first(json_get(d->status, "workers")); w;
	     w = json_next(w), count++)
		lagging += answer_number(w, "version") != now;
	if (lagging > 0) {
		doctor_tell(d, DOCTOR_WARNING, "workers",
			    "%zu of %zu do not have the table in force", lagging, count);
		doctor_remedy(d, "yett status -c %s", d->file);
	} else {
		doctor_tell(d, DOCTOR_OK, "workers", "%zu, all with the table in force", count);
	}
}

static void
check_reload(struct doctor *d)
{
	const struct json *last = json_get(d->status, "last_reload");
	const struct json *rules = json_get(d->status, "rules");
	double withheld = answer_number(rules, "withheld");

	if (last && json_kind(last) == JSON_OBJECT && !answer_true(last, "ok")) {
		doctor_tell(d, DOCTOR_WARNING, "reload",
			    "the last one was refused; what was in force before stays");
		doctor_remedy(d, "yett check -c %s && yett reload --wait -c %s", d->file, d->file);
	}
	if (json_first(json_get(rules, "refused"))) {
		doctor_tell(d, DOCTOR_WARNING, "rules", "some are refused");
		doctor_remedy(d, "yett routes --refused -c %s", d->file);
	}
	if (withheld > 0) {
		doctor_tell(d, DOCTOR_WARNING, "rules", "%.0f deletions are withheld", withheld);
		doctor_remedy(d, "yett reload --force -c %s # if they were meant", d->file);
	}
}

/* ---- what it is ---- */

/* Do two processes run one file? 1, 0, or -1: one may not be looked at. */
static int
is_one_file(pid_t a, pid_t b)
{
	struct stat one, other;
	char path[64], second[64];

	snprintf(path, sizeof path, "/proc/%d/exe", (int)a);
	snprintf(second, sizeof second, "/proc/%d/exe", (int)b);
	if (stat(path, &one) < 0 || stat(second, &other) < 0)
		return -1;
	return one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

/* After an upgrade a worker may still have streams: it serves by the image of before, with the
 * mistakes that it has. */
static void
check_images(struct doctor *d)
{
	char path[64], list[4096];
	size_t old = 0;
	int pid = 0, n;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)d->pid, (int)d->pid);
	f = fopen(path, "re");
	if (!f)
		return;
	list[fread(list, 1, sizeof list - 1, f)] = '\0';
	fclose(f);
	for (const char *at = list; sscanf(at, "%d%n", &pid, &n) == 1; at += n)
		old += is_one_file(d->pid, pid) == 0;
	if (old == 0)
		return;
	doctor_tell(d, DOCTOR_WARNING, "workers",
		    "%zu of an earlier image still %s: what they have under way goes on there", old,
		    old == 1 ? "lives" : "live");
	doctor_remedy(d, "yett status -c %s # they end within timeouts.handover", d->file);
}

static void
check_version(struct doctor *d)
{
	struct slice version = json_text(json_get(d->status, "version"));
	int same = is_one_file(d->pid, getpid());

	if (!slice_eq(version, SLICE(YETT_VERSION)))
		doctor_tell(d, DOCTOR_WARNING, "version", "%.*s runs, and %s is installed",
			    SLICE_F(version), YETT_VERSION);
	else if (same == 0)
		doctor_tell(d, DOCTOR_WARNING, "version",
			    "what runs is another file than this one, of the same version %s",
			    YETT_VERSION);
	else
		doctor_tell(d, same < 0 ? DOCTOR_UNKNOWN : DOCTOR_OK, "version", "%s%s",
			    YETT_VERSION,
			    same < 0 ? "; whether the file is the same only its user may see" : "");
	if (d->findings[d->count - 1].state == DOCTOR_WARNING)
		doctor_remedy(d, "yett upgrade -c %s", d->file);
}

static void
check_unit(struct doctor *d)
{
	char path[64], space[65536];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/environ", (int)d->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, space, sizeof space);
	if (fd >= 0)
		close(fd);
	if (n < 0) {
		doctor_tell(d, DOCTOR_UNKNOWN, "unit",
			    "what its service manager told it only its user may see");
		doctor_remedy(d, "sudo yett doctor -c %s", d->file);
	} else if (!memmem(space, (size_t)n, "NOTIFY_SOCKET=", 14)) {
		doctor_tell(d, DOCTOR_OK, "unit", "no systemd looks after it");
	} else if (!memmem(space, (size_t)n, "WATCHDOG_USEC=", 14)) {
		doctor_tell(d, DOCTOR_WARNING, "unit",
			    "the unit has no WatchdogSec=, so that a master that hangs is not "
			    "replaced");
		doctor_remedy(d, "systemctl edit yett # [Service] WatchdogSec=30");
	} else {
		doctor_tell(d, DOCTOR_OK, "unit", "systemd watches it");
	}
	explicit_bzero(space, sizeof space); /* a secret may stand there */
}

/* ---- without one ---- */

static void
check_listener(struct doctor *d, const struct config_address *a)
{
	struct socket_address address;
	struct buf BUF_CLEAN error = { 0 };
	unsigned char ip[16];
	int r;

	if (a->unix_path) {
		if (socket_is_served(a->unix_path, SOCK_STREAM)) {
			doctor_tell(d, DOCTOR_PROBLEM, "listener",
				    "%s: another process listens there", a->text);
			doctor_remedy(d, "ss -xlp src '%s'", a->unix_path);
		}
		return;
	}
	if (a->host && inet_pton(AF_INET, a->host, ip) != 1 &&
	    inet_pton(AF_INET6, a->host, ip) != 1) {
		doctor_tell(d, DOCTOR_UNKNOWN, "listener",
			    "%s is a name, which is looked up at the start", a->text);
		return;
	}
	r = socket_address_of(a, &address, &error);
	if (r == 0)
		r = socket_check_free(&address, a->text, &error);
	if (r == 0) {
		doctor_tell(d, DOCTOR_OK, "listener", "%s is free", a->text);
	} else if (r == -EADDRINUSE) {
		struct slice rest, what = slice_cut(buf_slice(&error), ';', &rest);

		doctor_tell(d, DOCTOR_PROBLEM, "listener", "%.*s", SLICE_F(what));
		doctor_remedy(d, "ss -ltnp 'sport = :%u' # stop it, or choose another address",
			      a->port);
	} else {
		doctor_message(d, DOCTOR_PROBLEM, "listener", buf_slice(&error));
	}
}

void
doctor_find(struct doctor *d, const char *socket)
{
	struct ask q = { .socket = socket, .method = "GET", .target = "/status", .timeout_s = 2 };
	struct buf BUF_CLEAN body = { 0 }, why = { 0 };
	int status = ask(&q, &body, &why);

	d->answers = true;
	if (status == 200 &&
	    json_parse(buf_slice(&body), ANSWER_MAX, ANSWER_DEPTH, &d->status) == 0) {
		d->pid = (pid_t)answer_number(d->status, "pid");
	} else if (status > 0) {
		doctor_tell(d, DOCTOR_PROBLEM, "gateway",
			    "it answers %d to /status: its master is away", status);
		doctor_remedy(d, "systemctl restart yett");
	} else if (socket_is_served(socket, SOCK_STREAM) ||
		   (access(socket, W_OK) < 0 && errno == EACCES)) {
		doctor_message(d, DOCTOR_UNKNOWN, "gateway", buf_slice(&why));
	} else {
		d->answers = false;
		doctor_tell(d, DOCTOR_UNKNOWN, "gateway", "none runs that answers at %s", socket);
		doctor_remedy(d, "yett run -c %s", d->file);
	}
}

void
doctor_gateway(struct doctor *d)
{
	static void (*const checks[])(struct doctor *) = {
		check_state, check_workers, check_images, check_reload, check_version, check_unit,
	};

	for (size_t i = 0; d->status && i < sizeof checks / sizeof checks[0]; i++)
		checks[i](d);
	/* While its master is away the workers have them. */
	for (size_t i = 0; d->config && !d->answers && i < d->config->listeners_count; i++)
		check_listener(d, &d->config->listeners[i].address);
}

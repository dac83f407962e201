/*
 * doctor_files: folders that the gateway writes to, who else may, and how much room there is; what
 * the certificates of the listeners are good for.
 */

#include "doctor.h"

#include "certificates.h"
#include "expiry.h"

#include "lib/clock.h"
#include "lib/tls.h"

#include <errno.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define ROOM_LEAST ((uint64_t)64 << 20) /* below it the next save may fail */
#define ROOM_FEW ((uint64_t)512 << 20)
#define DAYS_FEW 14
#define HOSTS_TOLD 5

/* Who the gateway is: `user`, else who asks. */
static uid_t
owner_of(const struct config *c)
{
	const struct passwd *p = *c->user ? getpwnam(c->user) : NULL;

	return p ? p->pw_uid : geteuid();
}

/* `others`: the bits of the mode that nobody else may have. */
static void
check_folder(struct doctor *d, const char *check, const char *path, mode_t others)
{
	uid_t owner = owner_of(d->config);
	struct stat st;

	if (stat(path, &st) < 0 && errno == ENOENT) {
		doctor_tell(d, DOCTOR_OK, check, "%s does not stand yet; it is made at the start",
			    path);
	} else if (stat(path, &st) < 0) {
		doctor_tell(d, DOCTOR_UNKNOWN, check, "%s cannot be looked at: %s", path,
			    strerror(errno));
	} else if (!S_ISDIR(st.st_mode)) {
		doctor_tell(d, DOCTOR_PROBLEM, check, "%s is no folder", path);
	} else if (st.st_mode & others) {
		doctor_tell(d, st.st_mode & S_IWOTH ? DOCTOR_PROBLEM : DOCTOR_WARNING, check,
			    "%s has mode %04o, so that others may %s it", path,
			    (unsigned)st.st_mode & 07777,
			    st.st_mode & others & (S_IWOTH | S_IWGRP) ? "write to" : "read");
		doctor_remedy(d, "chmod %s '%s'", others & S_IROTH ? "go-rwx" : "go-w", path);
	} else if (!d->pid && geteuid() != 0 && st.st_uid != owner) {
		doctor_tell(d, DOCTOR_WARNING, check,
			    "%s is of user %u, and the gateway would be user %u", path,
			    (unsigned)st.st_uid, (unsigned)owner);
		doctor_remedy(d, "chown -R %u '%s'", (unsigned)owner, path);
	} else {
		doctor_tell(d, DOCTOR_OK, check, "%s, mode %04o", path,
			    (unsigned)st.st_mode & 07777);
	}
}

/* The folder that something stands in. */
static void
folder_of(const char *path, struct buf *out)
{
	const char *slash = strrchr(path, '/');

	buf_addf(out, "%.*s", slash && slash > path ? (int)(slash - path) : 1, slash ? path : ".");
	buf_addc(out, '\0');
}

static void
check_room(struct doctor *d, const char *check, const char *path)
{
	struct buf BUF_CLEAN above = { 0 };
	struct statvfs fs;
	uint64_t room;

	if (statvfs(path, &fs) < 0 && errno == ENOENT) { /* it is made at the start */
		folder_of(path, &above);
		path = above.p;
	}
	if (statvfs(path, &fs) < 0)
		return; /* check_folder has said so */
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (room >= ROOM_FEW && (fs.f_files == 0 || fs.f_favail > 0)) {
		doctor_tell(d, DOCTOR_OK, check, "%llu MiB free where %s is",
			    (unsigned long long)room >> 20, path);
		return;
	}
	doctor_tell(
	    d, room < ROOM_LEAST || (fs.f_files && !fs.f_favail) ? DOCTOR_PROBLEM : DOCTOR_WARNING,
	    check, "%llu MiB and %llu files are free where %s is", (unsigned long long)room >> 20,
	    (unsigned long long)fs.f_favail, path);
	doctor_remedy(d, "du -xh --max-depth=1 '%s' | sort -h", path);
}

static void
check_log_room(struct doctor *d)
{
	struct buf BUF_CLEAN path = { 0 };
	struct stat st;

	if (d->config->access_log != ACCESS_LOG_FILE)
		return;
	if (stat(d->config->access_log_file, &st) == 0 && !S_ISREG(st.st_mode))
		return; /* a pipe, or a device */
	folder_of(d->config->access_log_file, &path);
	if (stat(path.p, &st) < 0 && errno == ENOENT) {
		doctor_tell(d, DOCTOR_PROBLEM, "log room",
			    "%s does not stand, and is not made at the start", path.p);
		doctor_remedy(d, "install -d -m 0750 '%s' # and chown it to the gateway's user",
			      path.p);
	} else if (access(path.p, W_OK | X_OK) < 0) {
		doctor_tell(d, DOCTOR_PROBLEM, "log room", "this user may not write to %s", path.p);
		doctor_remedy(d, "chown \"$USER\" '%s' # or ask as the gateway's user", path.p);
	} else {
		check_room(d, "log room", path.p);
	}
}

/* ---- certificates ---- */

static void
check_pair(struct doctor *d, const struct certificate_source *s)
{
	time_t now = clock_wall();
	struct buf BUF_CLEAN until = { 0 };
	int days;

	if (*s->trouble) {
		doctor_tell(d, DOCTOR_PROBLEM, "certificate", "%s", s->trouble);
		doctor_remedy(d, "yett reload --wait -c %s # when %s is mended", d->file, s->file);
		return;
	}
	days = expiry_days_left(s->pair, now);
	buf_add_json_time(&until, s->pair->until);
	doctor_tell(d, days > 0 && days <= DAYS_FEW ? DOCTOR_WARNING : DOCTOR_OK, "certificate",
		    "%s is for %s until %.*s", s->file, pair_name(s->pair), SLICE_F(until));
	if (days > 0 && days <= DAYS_FEW)
		doctor_remedy(d, "yett reload --wait -c %s # when %s is renewed", d->file, s->file);
}

static bool
is_covered(const struct certificates *c, const char *host)
{
	for (size_t i = 0; i < c->pairs_count; i++) {
		const struct pair *p = c->pairs[i].front ? c->pairs[i].pair : NULL;

		if (p && (map_find(&p->names, slice_of(host)) ||
			  tls_certificate_fits(p->certificate, slice_of(host))))
			return true;
	}
	return false;
}

/* Hosts of routes that no client can reach by TLS without a warning. */
static void
check_names(struct doctor *d, const struct certificates *c)
{
	const struct config *config = d->config;
	struct map told = MAP_INIT;

	for (size_t i = 0; i < config->routes_count && told.count < HOSTS_TOLD; i++) {
		const char *host = config->routes[i].host;
		void **place;

		if (!host || !*host || strcmp(host, "*") == 0 || is_covered(c, host))
			continue;
		place = map_put(&told, slice_of(host));
		if (*place)
			continue;
		*place = d;
		doctor_tell(d, DOCTOR_WARNING, "certificate",
			    "no certificate is for %s, which a route is for", host);
		doctor_remedy(d, "add one to tls.certificates: {certificate: FILE, key: FILE}");
	}
	map_deinit(&told, NULL);
}

static bool
speaks_tls(const struct config *c)
{
	for (size_t i = 0; i < c->listeners_count; i++) {
		if (c->listeners[i].tls)
			return true;
	}
	return false;
}

void
doctor_files(struct doctor *d)
{
	const struct config *c = d->config;

	if (!c)
		return;
	check_folder(d, "state folder", c->state_dir, S_IWGRP | S_IWOTH | S_IROTH);
	check_folder(d, "run folder", c->run_dir, S_IWOTH);
	check_room(d, "state room", c->state_dir);
	check_log_room(d);
	for (size_t i = 0; i < c->tls.loaded->pairs_count; i++)
		check_pair(d, &c->tls.loaded->pairs[i]);
	if (speaks_tls(c))
		check_names(d, c->tls.loaded);
}

#include "maintenance.h"

#include "file.h"
#include "master.h"

#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_NAME "maintenance"
#define FILE_MAX ((size_t)64)

static void
path_of(const struct master *m, const char *suffix, struct buf *out)
{
	buf_addf(out, "%s/" FILE_NAME "%s", m->config->state_dir, suffix);
	buf_addc(out, '\0');
}

void
maintenance_load(struct master *m)
{
	BUF_CLEAN struct buf text = { 0 }, path = { 0 };
	int r;

	m->maintenance.told_s = -1;
	path_of(m, "", &path);
	r = file_read(path.p, FILE_MAX, &text, NULL);
	if (r == 0) {
		buf_addc(&text, '\0');
		m->maintenance.told_s = strtoll(text.p, NULL, 10);
	} else if (r != -ENOENT) {
		log_warn("maintenance file=%s error=\"%s\"", path.p, file_error(r));
	}
	maintenance_apply(m);
}

void
maintenance_apply(struct master *m)
{
	int64_t told = m->maintenance.told_s;
	uint64_t now = told >= 0 ? (uint64_t)told : (m->config->maintenance + 999) / 1000;

	if (now != m->page->maintenance_s)
		log_info("maintenance retry_after_s=%llu", (unsigned long long)now);
	board_set(&m->page->maintenance_s, now);
}

/* So few bytes that they are there or not, once it has its name. */
static int
keep(const struct master *m, int64_t seconds)
{
	BUF_CLEAN struct buf path = { 0 }, new = { 0 };
	int fd, n;

	path_of(m, "", &path);
	if (seconds < 0)
		return unlink(path.p) < 0 && errno != ENOENT ? -errno : 0;
	path_of(m, ".new", &new);
	fd = open(new.p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	n = dprintf(fd, "%lld\n", (long long)seconds);
	close(fd);
	if (n < 0 || rename(new.p, path.p) < 0)
		return -errno;
	return 0;
}

int
maintenance_set(struct master *m, int64_t seconds)
{
	int r = keep(m, seconds);

	m->maintenance.told_s = seconds;
	maintenance_apply(m);
	if (r < 0)
		log_warn("maintenance error=\"%s\" effect=\"a restart does not know of it\"",
			 strerror(-r));
	return r;
}

void
maintenance_write(const struct master *m, struct buf *out)
{
	buf_addf(out, "{\"retry_after_s\":%llu,\"by\":\"%s\"}",
		 (unsigned long long)m->page->maintenance_s,
		 m->maintenance.told_s >= 0 ? "command" : "configuration");
}

#include "drains.h"

#include "file.h"
#include "master.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_NAME "drained"
#define FILE_MAX ((size_t)1 << 20)

static struct drain *
find(const struct drains *d, struct slice authority)
{
	for (size_t i = 0; i < d->count; i++) {
		if (slice_eq(slice_of(d->all[i].authority), authority))
			return &d->all[i];
	}
	return NULL;
}

static struct drain *
add(struct drains *d, struct slice authority)
{
	d->all = xrealloc(d->all, (d->count + 1) * sizeof *d->all);
	d->all[d->count] = (struct drain){ .authority = xstrndup(authority.p, authority.n) };
	return &d->all[d->count++];
}

/* The first with this name; slot 0 is nobody's own. */
static const struct directory_endpoint *
endpoint_of(const struct master *m, struct slice authority)
{
	const struct directory *d = m->publisher.directory;
	const struct directory_endpoint *found = NULL;

	for (size_t i = 0; d && i < d->upstreams_count; i++) {
		const struct directory_upstream *u = d->upstreams[i];

		for (size_t k = 0; k < u->endpoints_count; k++) {
			if (!slice_eq(slice_of(u->endpoints[k].authority), authority))
				continue;
			found = &u->endpoints[k];
			if (found->slot)
				return found;
		}
	}
	return found;
}

/* ---- the file ---- */

static char *
path_of(const struct master *m, const char *suffix)
{
	struct buf path = { 0 };

	buf_addf(&path, "%s/" FILE_NAME "%s", m->config->state_dir, suffix);
	buf_addc(&path, '\0');
	return path.p;
}

/* SINCE all|sticky AUTHORITY */
static void
read_line(struct drains *d, struct slice line)
{
	struct slice rest, since = slice_cut(line, ' ', &rest), how = slice_cut(rest, ' ', &rest);
	struct drain *drain;
	char number[24];

	if (!rest.p || rest.n == 0 || since.n >= sizeof number || find(d, rest))
		return;
	snprintf(number, sizeof number, "%.*s", SLICE_F(since));
	drain = add(d, rest);
	drain->since = strtoll(number, NULL, 10);
	drain->sticky = slice_eq(how, SLICE("sticky"));
}

void
drains_load(struct master *m)
{
	BUF_CLEAN struct buf text = { 0 };
	char *path = path_of(m, "");
	int r = file_read(path, FILE_MAX, &text, NULL);
	struct slice rest = buf_slice(&text);

	while (r == 0 && rest.p && rest.n > 0)
		read_line(&m->drains, slice_cut(rest, '\n', &rest));
	m->drains.told = true; /* by an earlier master, perhaps */
	if (r < 0 && r != -ENOENT)
		log_warn("drains file=%s error=\"%s\"", path, file_error(r));
	if (m->drains.count > 0)
		log_info("drains endpoints=%zu", m->drains.count);
	free(path);
}

/* Small, and not written through: what a crash of the machine loses is told again. */
static int
write_file(const struct drains *d, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	BUF_CLEAN struct buf text = { 0 };
	int r = 0;

	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < d->count; i++)
		buf_addf(&text, "%lld %s %s\n", (long long)d->all[i].since,
			 d->all[i].sticky ? "sticky" : "all", d->all[i].authority);
	errno = 0;
	if (text.n > 0 && write(fd, text.p, text.n) != (ssize_t)text.n)
		r = errno ? -errno : -EIO;
	close(fd);
	return r;
}

static void
keep(const struct master *m)
{
	char *path = path_of(m, ""), *new = path_of(m, ".new");
	int r = write_file(&m->drains, new);

	if (r == 0 && rename(new, path) < 0)
		r = -errno;
	if (r < 0)
		log_warn("drains file=%s error=\"%s\" effect=\"a restart does not know of them\"",
			 path, strerror(-r));
	free(path);
	free(new);
}

/* ---- the board ---- */

void
drains_apply(struct master *m)
{
	const struct directory *d = m->publisher.directory;
	struct drains *all = &m->drains;

	if (!d || (all->count == 0 && !all->told))
		return;
	for (uint32_t slot = 1; slot < BOARD_HEALTH; slot++) {
		const struct directory_endpoint *e = d->by_slot[slot];
		const struct drain *drain = e ? find(all, slice_of(e->authority)) : NULL;
		uint64_t word = !drain          ? DRAINED_NOT
				: drain->sticky ? DRAINED_BUT_STICKY
						: DRAINED_WHOLLY;

		if (m->page->health[slot].drained != word)
			board_set(&m->page->health[slot].drained, word);
	}
	all->told = all->count > 0;
}

int
drains_begin(struct master *m, struct slice authority, bool sticky)
{
	const struct directory_endpoint *e = endpoint_of(m, authority);
	struct drain *drain = find(&m->drains, authority);

	if (!e)
		return -ENOENT;
	if (e->slot == 0)
		return -EUCLEAN;
	if (!drain) {
		drain = add(&m->drains, authority);
		drain->since = clock_wall();
	}
	drain->sticky = sticky;
	drains_apply(m);
	keep(m);
	log_info("endpoint address=%s state=draining sticky=%s", drain->authority,
		 sticky ? "true" : "false");
	return 0;
}

int
drains_end(struct master *m, struct slice authority)
{
	struct drains *d = &m->drains;
	struct drain *drain = find(d, authority);

	if (!drain)
		return -ENOENT;
	log_info("endpoint address=%s state=in-service", drain->authority);
	free(drain->authority);
	*drain = d->all[--d->count];
	drains_apply(m);
	keep(m);
	return 0;
}

/* ---- telling ---- */

static uint64_t
in_flight(const struct master *m, uint32_t slot)
{
	const struct supervisor *s = &m->supervisor;
	uint64_t n = 0;

	for (uint32_t i = 0; i < s->slots_count; i++) {
		if (s->slots[i].page && s->slots[i].role == ROLE_TRAFFIC)
			n += board_get(&s->slots[i].page->counts.endpoint[slot].in_flight);
	}
	for (size_t i = 0; i < m->takeover.old_count; i++) {
		const struct board_worker *page = takeover_living(&m->takeover, i);

		if (page)
			n += board_get(&page->counts.endpoint[slot].in_flight);
	}
	return n;
}

void
drains_write(const struct master *m, struct buf *out)
{
	const struct drains *d = &m->drains;

	buf_addc(out, '[');
	for (size_t i = 0; i < d->count; i++) {
		const struct drain *drain = &d->all[i];
		const struct directory_endpoint *e = endpoint_of(m, slice_of(drain->authority));

		buf_adds(out, i > 0 ? SLICE(",{\"endpoint\":") : SLICE("{\"endpoint\":"));
		buf_add_json(out, slice_of(drain->authority));
		buf_addf(out,
			 ",\"sticky\":%s,\"known\":%s,\"since\":", drain->sticky ? "true" : "false",
			 e ? "true" : "false");
		buf_add_json_time(out, drain->since);
		if (e && e->slot > 0 && e->slot < BOARD_ENDPOINTS)
			buf_addf(out, ",\"in_flight\":%llu}",
				 (unsigned long long)in_flight(m, e->slot));
		else
			buf_adds(out, SLICE(",\"in_flight\":null}"));
	}
	buf_addc(out, ']');
}

void
drains_deinit(struct drains *d)
{
	for (size_t i = 0; i < d->count; i++)
		free(d->all[i].authority);
	free(d->all);
	*d = (struct drains){ 0 };
}

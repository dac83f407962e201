#include "resolve.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/map.h"
#include "lib/wheel.h"
#include "lib/xalloc.h"
#include "lookup.h"

#include <stdlib.h>
#include <sys/stat.h>

#define TTL_MIN_S 1
#define TTL_MAX_S 3600
#define TTL_NONE_S 60 /* from /etc/hosts, which has none */
#define BACKOFF_MIN_S 1
#define BACKOFF_MAX_S 30
#define FILES_MS 1000 /* how often a change of the files below is looked for */

static const char *const system_files[] = { "/etc/resolv.conf", "/etc/hosts",
					    "/etc/nsswitch.conf" };
#define SYSTEM_FILES (sizeof system_files / sizeof system_files[0])

struct name {
	struct wheel_node due;
	struct resolver *of;
	struct lookup *asked; /* under way; else `due` is set */
	const char *host;     /* the map's */
	size_t uses;          /* endpoints that have it */
	bool noted;           /* nobody waits for it any more (resolver_note) */
	uint64_t generation;
	struct resolved *addresses;
	size_t count;
	unsigned failures; /* in a row */
	unsigned doubts;   /* in a row, that changed nothing */
	uint64_t answered_ms;
	int64_t answered_wall; /* 0: never */
	bool settled;
	bool late; /* its last answer was, or never came */
};

struct file_mark {
	struct timespec mtime;
	off_t size;
	ino_t inode;
};

struct resolver {
	uv_loop_t *loop;
	uv_timer_t tick; /* sweeps the wheel; runs while a name is watched */
	struct wheel wheel;
	struct lookups *lookups;
	struct map names; /* struct name by host in lower case */
	size_t unsettled;
	size_t awaited;      /* of those, such as are not noted */
	uint64_t generation; /* of all names, so that none comes back with a number that meant
				something else */
	char *servers;
	struct file_mark files[SYSTEM_FILES];
	uint64_t files_ms;
	struct resolved *literal; /* what resolver_get returned last for one */
	void (*changed)(void *userdata);
	void *userdata;
};

struct once {
	void (*done)(void *userdata, const struct resolved *a, size_t n);
	void *userdata;
};

static void resolver_on_tick(uv_timer_t *tick);

/* ---- one name ---- */

static void
name_due_in(struct name *n, uint64_t ms)
{
	wheel_set(&n->of->wheel, &n->due, uv_now(n->of->loop) + ms);
}

static void
name_log(const struct name *n, const char *error)
{
	char quoted[512];

	log_quote(slice_of(n->host), quoted, sizeof quoted);
	if (error && n->failures == 0)
		log_warn("resolve name=%s error=\"%s\" kept=%zu", quoted, error, n->count);
	else if (!error && n->failures > 0)
		log_info("resolve name=%s state=recovered addresses=%zu", quoted, n->count);
	else if (!error)
		log_debug("resolve name=%s addresses=%zu", quoted, n->count);
}

static uint64_t
backoff_ms(unsigned before)
{
	uint64_t s = BACKOFF_MAX_S;

	if (before < 16 && (BACKOFF_MIN_S << before) < BACKOFF_MAX_S)
		s = BACKOFF_MIN_S << before;
	return s * 1000;
}

/* The old addresses are kept, even if there is no such name any more: whoever removed it by mistake
 * does not take the upstream down with it, and one that is really gone is found dead by its probes.
 */
static void
name_failed(struct name *n, const char *error)
{
	name_log(n, error);
	name_due_in(n, backoff_ms(n->failures++));
}

/* Has the set changed? */
static bool
name_resolved(struct name *n, const struct lookup_answer *a)
{
	uint64_t ttl_s = a->no_ttl ? TTL_NONE_S : a->ttl_s;
	size_t size = a->count * sizeof *a->addresses;
	bool same = n->count == a->count && memcmp(n->addresses, a->addresses, size) == 0;

	if (ttl_s < TTL_MIN_S)
		ttl_s = TTL_MIN_S;
	name_due_in(n, (ttl_s > TTL_MAX_S ? TTL_MAX_S : ttl_s) * 1000);
	if (!same) {
		n->addresses = xrealloc(n->addresses, size);
		memcpy(n->addresses, a->addresses, size);
		n->count = a->count;
		n->generation = ++n->of->generation;
		n->doubts = 0;
	}
	name_log(n, NULL);
	n->failures = 0;
	n->answered_wall = clock_wall();
	return !same;
}

static void
name_settled(struct name *n)
{
	n->of->unsettled--;
	n->of->awaited -= !n->noted;
	n->settled = true;
}

static void
name_answered(void *userdata, const struct lookup_answer *answer)
{
	struct name *n = userdata;
	struct resolver *r = n->of;
	bool news = !n->settled;

	n->asked = NULL;
	n->late = answer->late;
	n->answered_ms = uv_now(r->loop);
	if (!n->settled)
		name_settled(n);
	if (answer->error)
		name_failed(n, answer->error);
	else if (name_resolved(n, answer))
		news = true;
	if (news)
		r->changed(r->userdata);
}

static void
name_ask(struct name *n)
{
	wheel_clear(&n->due);
	n->asked = lookups_ask(n->of->lookups, slice_of(n->host), n->late, name_answered, n);
}

static void
name_free(struct name *n)
{
	if (n->asked)
		lookup_forget(n->asked);
	if (!n->settled)
		name_settled(n);
	wheel_clear(&n->due);
	free(n->addresses);
	free(n);
}

/* ---- all of them ---- */

static struct slice
name_key(const char *host, struct buf *out)
{
	for (; *host; host++)
		buf_addc(out, ascii_lower(*host));
	return buf_slice(out);
}

static void
resolver_add(struct resolver *r, const char *host)
{
	BUF_CLEAN struct buf key = { 0 };
	struct resolved literal;
	struct name *n;
	void **place;

	if (!host || lookup_literal(slice_of(host), &literal))
		return;
	place = map_put(&r->names, name_key(host, &key));
	n = *place;
	if (!n) {
		*place = n = xcalloc(1, sizeof *n);
		n->of = r;
		n->host = r->names.entries[r->names.count - 1].name; /* a new one is the last */
		wheel_node_init(&n->due);
		r->unsettled++;
		r->awaited++;
		name_ask(n);
	}
	n->uses++;
}

static void
resolver_drop(struct resolver *r, const char *host)
{
	BUF_CLEAN struct buf key = { 0 };
	struct name *n = host ? map_get(&r->names, name_key(host, &key)) : NULL;

	if (n && --n->uses == 0) {
		map_take(&r->names, buf_slice(&key));
		name_free(n);
	}
}

static void
resolver_begin(struct resolver *r)
{
	if (r->names.count == 0)
		uv_timer_stop(&r->tick);
	else if (!uv_is_active((uv_handle_t *)&r->tick))
		uv_timer_start(&r->tick, resolver_on_tick, WHEEL_TICK_MS, WHEEL_TICK_MS);
}

void
resolver_change(struct resolver *r, const struct directory_upstream *before,
		const struct directory_upstream *next)
{
	for (size_t i = 0; next && i < next->endpoints_count; i++)
		resolver_add(r, next->endpoints[i].address.host);
	for (size_t i = 0; before && i < before->endpoints_count; i++)
		resolver_drop(r, before->endpoints[i].address.host);
	resolver_begin(r);
}

void
resolver_watch(struct resolver *r, const struct directory *d)
{
	size_t i = 0;

	for (size_t n = 0; n < r->names.count; n++)
		((struct name *)r->names.entries[n].value)->uses = 0;
	for (size_t u = 0; u < d->upstreams_count; u++)
		resolver_change(r, NULL, d->upstreams[u]);
	while (i < r->names.count) {
		struct name *n = r->names.entries[i].value;

		if (n->uses > 0) {
			i++;
			continue;
		}
		map_take(&r->names,
			 map_name(&r->names.entries[i])); /* the last one takes its place */
		name_free(n);
	}
	resolver_begin(r);
}

bool
resolver_awaited(const struct resolver *r)
{
	return r->awaited > 0;
}

void
resolver_note(struct resolver *r)
{
	for (size_t i = 0; i < r->names.count; i++)
		((struct name *)r->names.entries[i].value)->noted = true;
	r->awaited = 0;
}

static void
resolver_ask_all(struct resolver *r)
{
	for (size_t i = 0; i < r->names.count; i++) {
		struct name *n = r->names.entries[i].value;

		if (!n->asked)
			name_ask(n);
	}
}

static bool
file_changed(const char *path, struct file_mark *mark)
{
	struct file_mark now = { 0 };
	struct stat st;
	bool changed;

	if (stat(path, &st) == 0)
		now = (struct file_mark){ .mtime = st.st_mtim,
					  .size = st.st_size,
					  .inode = st.st_ino };
	changed = now.mtime.tv_sec != mark->mtime.tv_sec ||
		  now.mtime.tv_nsec != mark->mtime.tv_nsec || now.size != mark->size ||
		  now.inode != mark->inode;
	*mark = now;
	return changed;
}

/* c-ares reads /etc/hosts at each question, the others only when it is opened. After any change all
 * is asked again. */
static void
files_check(struct resolver *r)
{
	bool changed = false;
	int e;

	r->files_ms = uv_now(r->loop);
	for (size_t i = 0; i < SYSTEM_FILES; i++) {
		if (!file_changed(system_files[i], &r->files[i]))
			continue;
		log_info("resolve file=%s state=changed", system_files[i]);
		changed = true;
	}
	if (!changed)
		return;
	e = lookups_open(r->lookups, slice_of(r->servers));
	if (e < 0)
		log_warn("resolve error=\"%s\"", strerror(-e));
	resolver_ask_all(r);
}

static void
resolver_on_due(void *userdata, struct wheel_node *node)
{
	name_ask(container_of(node, struct name, due));
}

static void
resolver_on_tick(uv_timer_t *tick)
{
	struct resolver *r = tick->data;
	uint64_t now = uv_now(r->loop);

	if (now >= r->files_ms + FILES_MS)
		files_check(r);
	wheel_sweep(&r->wheel, now, resolver_on_due, r);
}

/* ---- from outside ---- */

int
resolver_new(uv_loop_t *loop, void (*changed)(void *userdata), void *userdata,
	     struct resolver **out)
{
	struct resolver *r = xcalloc(1, sizeof *r);
	int e;

	r->loop = loop;
	r->changed = changed;
	r->userdata = userdata;
	for (size_t i = 0; i < SYSTEM_FILES; i++)
		file_changed(system_files[i], &r->files[i]);
	e = lookups_new(loop, &r->lookups);
	if (e < 0) {
		free(r);
		return e;
	}
	r->servers = xstrdup("");
	r->literal = xcalloc(1, sizeof *r->literal);
	wheel_init(&r->wheel, uv_now(loop));
	uv_timer_init(loop, &r->tick);
	r->tick.data = r;
	*out = r;
	return 0;
}

static void
resolver_on_close(uv_handle_t *handle)
{
	free(handle->data);
}

void
resolver_free(struct resolver *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->names.count; i++)
		name_free(r->names.entries[i].value);
	map_deinit(&r->names, NULL);
	lookups_free(r->lookups);
	free(r->servers);
	free(r->literal);
	uv_close((uv_handle_t *)&r->tick, resolver_on_close);
}

int
resolver_servers(struct resolver *r, struct slice dns_servers)
{
	int e;

	if (slice_eq(dns_servers, slice_of(r->servers)))
		return 0;
	e = lookups_open(r->lookups, dns_servers);
	if (e < 0)
		return e;
	free(r->servers);
	r->servers = xstrndup(dns_servers.n ? dns_servers.p : "", dns_servers.n);
	resolver_ask_all(r);
	return 0;
}

void
resolver_usage(const struct resolver *r, struct resolver_usage *out)
{
	*out = (struct resolver_usage){ .names = r->names.count };
	for (size_t i = 0; i < r->names.count; i++) {
		const struct name *n = r->names.entries[i].value;

		out->failing += n->failures > 0;
		if (n->answered_wall && (!out->oldest_wall || n->answered_wall < out->oldest_wall))
			out->oldest_wall = n->answered_wall;
	}
}

void
resolver_doubt(struct resolver *r, const char *host)
{
	BUF_CLEAN struct buf key = { 0 };
	struct name *n = host ? map_get(&r->names, name_key(host, &key)) : NULL;

	if (!n || n->asked || n->failures > 0 ||
	    uv_now(r->loop) < n->answered_ms + backoff_ms(n->doubts))
		return;
	n->doubts++;
	name_ask(n);
}

size_t
resolver_get(const struct resolver *r, const char *host, const struct resolved **out,
	     uint64_t *generation, bool *settled)
{
	BUF_CLEAN struct buf key = { 0 };
	const struct name *n;

	if (lookup_literal(slice_of(host), r->literal)) {
		*out = r->literal;
		*generation = 0;
		*settled = true;
		return 1;
	}
	n = map_get(&r->names, name_key(host, &key));
	*out = n ? n->addresses : NULL;
	*generation = n ? n->generation : 0;
	*settled = n && n->settled;
	return n ? n->count : 0;
}

bool
resolver_settled(const struct resolver *r)
{
	return r->unsettled == 0;
}

static void
once_answered(void *userdata, const struct lookup_answer *answer)
{
	struct once *once = userdata;

	once->done(once->userdata, answer->addresses, answer->error ? 0 : answer->count);
	free(once);
}

void
resolver_once(struct resolver *r, const char *host,
	      void (*done)(void *userdata, const struct resolved *a, size_t n), void *userdata)
{
	struct once *once = xmalloc(sizeof *once);

	*once = (struct once){ .done = done, .userdata = userdata };
	lookups_ask(r->lookups, slice_of(host), false, once_answered, once);
}

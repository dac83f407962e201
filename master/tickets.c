#include "tickets.h"

#include "file.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#define FILE_NAME "tickets.key"
#define MAGIC "yett tickets 1\n"

struct record { /* in the file, after the magic: one for each key */
	int64_t made;
	struct tls_ticket_key key;
};

static void
drop(struct tickets *t, uint32_t from)
{
	if (from >= t->n)
		return;
	explicit_bzero(&t->keys[from], (t->n - from) * sizeof t->keys[0]);
	t->n = from;
}

/* One that is of the future was made by another clock. */
static bool
is_alive(int64_t made, uint32_t lifetime_s, int64_t now)
{
	return made <= now && now < made + lifetime_s;
}

static int
file_parse(struct tickets *t, struct slice text, uint32_t lifetime_s, int64_t now)
{
	size_t head = sizeof MAGIC - 1, n = (text.n - head) / sizeof(struct record);

	if (!slice_starts(text, SLICE(MAGIC)) || n > TLS_TICKET_KEYS_MAX ||
	    text.n != head + n * sizeof(struct record))
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		struct record record;

		memcpy(&record, text.p + head + i * sizeof record, sizeof record);
		if (is_alive(record.made, lifetime_s, now)) {
			t->made[t->n] = record.made;
			t->shared[t->n] = false;
			t->keys[t->n++] = record.key;
		}
		explicit_bzero(&record, sizeof record);
	}
	return 0;
}

int
tickets_load(struct tickets *t, const char *folder, uint32_t lifetime_s, int64_t now,
	     struct buf *error)
{
	FILE_SECRET struct buf text = { 0 };
	BUF_CLEAN struct buf path = { 0 };
	int r;

	*t = (struct tickets){ .n = 0 };
	buf_addf(&path, "%s/" FILE_NAME, folder);
	t->path = xstrndup(path.p, path.n);
	r = file_read(t->path, sizeof MAGIC + sizeof(struct record) * TLS_TICKET_KEYS_MAX, &text,
		      NULL);
	if (r == 0)
		r = file_parse(t, buf_slice(&text), lifetime_s, now);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		buf_addf(error, "%s: %s", t->path,
			 r == -EBADMSG ? "it holds no keys of tickets" : file_error(r));
	return r;
}

static int
file_write(const struct tickets *t, const char *temporary)
{
	FILE_SECRET struct buf text = { 0 };
	int fd, r = 0;

	buf_reserve(&text, sizeof MAGIC + sizeof(struct record) * TLS_TICKET_KEYS_MAX);
	buf_adds(&text, SLICE(MAGIC));
	for (uint32_t i = 0; i < t->n; i++) {
		buf_add(&text, &t->made[i], sizeof t->made[i]);
		buf_add(&text, &t->keys[i], sizeof t->keys[i]);
	}
	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, text.p, text.n) != (ssize_t)text.n)
		r = errno ? -errno : -EIO;
	close(fd);
	if (r == 0 && rename(temporary, t->path) < 0)
		r = -errno;
	if (r < 0)
		unlink(temporary);
	return r;
}

/* Not written through: what a crash of the machine loses costs each client one full handshake. */
static int
keep(const struct tickets *t)
{
	BUF_CLEAN struct buf temporary = { 0 };

	if (!t->path)
		return 0;
	buf_addf(&temporary, "%s.tmp", t->path);
	buf_addc(&temporary, '\0');
	return file_write(t, temporary.p);
}

void
tickets_random(struct tls_ticket_key *key)
{
	if (getrandom(key, sizeof *key, 0) != sizeof *key)
		abort(); /* so few bytes come whole, and no handler of a signal is in the way */
}

/* `at` is at most n. What has no room any more goes. */
static void
insert(struct tickets *t, uint32_t at, const struct tls_ticket_key *key, int64_t made, bool shared)
{
	uint32_t behind;

	drop(t, t->n < TLS_TICKET_KEYS_MAX ? t->n : TLS_TICKET_KEYS_MAX - 1);
	behind = t->n - at;
	memmove(&t->keys[at + 1], &t->keys[at], behind * sizeof t->keys[0]);
	memmove(&t->made[at + 1], &t->made[at], behind * sizeof t->made[0]);
	memmove(&t->shared[at + 1], &t->shared[at], behind * sizeof t->shared[0]);
	t->keys[at] = *key;
	t->made[at] = made;
	t->shared[at] = shared;
	t->n++;
}

static void
make(struct tickets *t, int64_t now)
{
	struct tls_ticket_key key;

	tickets_random(&key);
	insert(t, 0, &key, now, false);
	explicit_bzero(&key, sizeof key);
}

/* True: some were too old. */
static bool
drop_old(struct tickets *t, uint32_t lifetime_s, int64_t now)
{
	uint32_t n = 0;

	while (n < t->n && is_alive(t->made[n], lifetime_s, now))
		n++;
	if (n == t->n)
		return false;
	drop(t, n);
	return true;
}

int
tickets_turn(struct tickets *t, uint32_t lifetime_s, int64_t now, bool *changed)
{
	*changed = drop_old(t, lifetime_s, now);
	if (t->n == 0 || now >= t->made[0] + lifetime_s / TLS_TICKET_KEYS_MAX) {
		make(t, now);
		*changed = true;
	}
	return *changed ? keep(t) : 0;
}

int
tickets_turn_shared(struct tickets *t, uint32_t lifetime_s, int64_t now, bool *changed)
{
	*changed = drop_old(t, lifetime_s, now);
	if (t->n == 0) {
		make(t, now - now % (lifetime_s / TLS_TICKET_KEYS_MAX));
		*changed = true;
	}
	return *changed ? keep(t) : 0;
}

bool
tickets_put(struct tickets *t, const struct tls_ticket_key *key, int64_t made)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		if (memcmp(&t->keys[i], key, sizeof *key) == 0) {
			t->shared[i] = true; /* it was in our file */
			return false;
		}
	}
	while (at < t->n && t->made[at] > made)
		at++;
	if (at == TLS_TICKET_KEYS_MAX)
		return false;
	insert(t, at, key, made, true);
	(void)!keep(
	    t); /* it is in Redis, and the next turn tells of a folder that cannot keep it */
	return true;
}

bool
tickets_shared(const struct tickets *t, int64_t made)
{
	for (uint32_t i = 0; i < t->n; i++) {
		if (t->shared[i] && t->made[i] == made)
			return true;
	}
	return false;
}

void
tickets_forget(struct tickets *t)
{
	drop(t, 0);
	if (t->path)
		unlink(t->path);
}

void
tickets_deinit(struct tickets *t)
{
	drop(t, 0);
	free(t->path);
	t->path = NULL;
}

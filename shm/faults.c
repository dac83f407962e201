#include "faults.h"

#include <string.h>

#define BEFORE 768 /* of FAULT_BYTES, shown before the offending byte */

/* Fields whose values say how a message is framed and where it goes, and nothing of who asks. */
static const struct slice harmless[] = {
	{ "host", 4 },        { "content-length", 14 },  { "transfer-encoding", 17 },
	{ "connection", 10 }, { "content-type", 12 },    { "content-encoding", 16 },
	{ "accept", 6 },      { "accept-encoding", 15 }, { "accept-language", 15 },
	{ "user-agent", 10 }, { "expect", 6 },           { "upgrade", 7 },
	{ "te", 2 },          { "trailer", 7 },          { "via", 3 },
	{ "keep-alive", 10 }, { "max-forwards", 12 },    { "range", 5 },
};

static void
hide(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\r' && p[i] != '\n')
			p[i] = '*';
	}
}

/* Names of parameters stay where a '=' follows them. */
static void
mask_query(char *p, size_t n)
{
	size_t start = 0;

	for (size_t i = 0; i <= n; i++) {
		char *equals;

		if (i < n && p[i] != '&')
			continue;
		equals = i > start ? memchr(p + start, '=', i - start) : NULL;
		if (equals)
			hide(equals + 1, (size_t)(p + i - equals - 1));
		else
			hide(p + start, i - start);
		start = i + 1;
	}
}

/* Of an absolute target, of CONNECT's, or of what stands in their place. */
static void
mask_user(char *p, size_t n)
{
	char *at = memrchr(p, '@', n), *start;

	if (!at)
		return;
	start = memrchr(p, '/', (size_t)(at - p));
	start = start ? start + 1 : p;
	hide(start, (size_t)(at - start));
}

/* "GET /path?query HTTP/1.1": what stands behind the target is a version, or hidden. */
static void
mask_request_line(char *p, size_t n)
{
	char *blank = memchr(p, ' ', n), *last = memrchr(p, ' ', n), *query;
	size_t target_n;

	if (!blank) {
		hide(p, n > 16 ? n : 0);
		return;
	}
	if (last == blank)
		last = p + n;
	else if (p + n - last < 6 || memcmp(last + 1, "HTTP/", 5) != 0)
		hide(last + 1, (size_t)(p + n - last - 1));
	target_n = (size_t)(last - blank - 1);
	query = memchr(blank + 1, '?', target_n);
	if (query) {
		mask_query(query + 1, (size_t)(last - query - 1));
		target_n = (size_t)(query - blank - 1);
	}
	if (target_n > 0 && memchr(blank + 1, ' ', target_n)) { /* more words than it may have */
		char *second = memchr(blank + 1, ' ', target_n);

		hide(second + 1, target_n - (size_t)(second - blank));
	}
	mask_user(blank + 1, target_n);
}

static bool
is_harmless(const char *p, size_t n)
{
	for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
		if (slice_ieq(harmless[i], slice_make(p, n)))
			return true;
	}
	return false;
}

/* Whether a folded line behind it is to be masked, too. */
static bool
mask_field(char *p, size_t n)
{
	char *colon = memchr(p, ':', n);
	size_t name_n = colon ? (size_t)(colon - p) : 0;
	size_t words = name_n;

	while (words > 0 && (p[words - 1] == ' ' || p[words - 1] == '\t'))
		words--;
	if (colon && is_harmless(p, words) && !memchr(colon, '@', n - name_n))
		return false;
	/* "Authorization Bearer x:y" has its colon elsewhere. */
	if (colon && memchr(p, ' ', words))
		colon = NULL;
	if (colon)
		hide(colon + 1, n - name_n - 1);
	else
		hide(p, n);
	return true;
}

/* "Authorization: x" where a request line should be. */
static bool
is_field(const char *p, size_t n)
{
	const char *colon = memchr(p, ':', n);

	return colon && !memchr(p, ' ', (size_t)(colon - p)) &&
	       !memchr(p, '/', (size_t)(colon - p));
}

static size_t
line_length(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] != '\r' && p[i] != '\n')
		i++;
	return i;
}

void
fault_mask(char *p, size_t n)
{
	bool first = true, masked = true;

	for (size_t i = 0, line; i < n; i += line) {
		line = line_length(p + i, n - i);
		if (line > 0 && first && !is_field(p + i, line))
			mask_request_line(p + i, line);
		else if (line > 0 && (p[i] == ' ' || p[i] == '\t')) /* folded */
			hide(p + i, masked ? line : 0);
		else if (line > 0)
			masked = mask_field(p + i, line);
		else if (!first) { /* the end of the head */
			hide(p + i, n - i);
			return;
		}
		first = first && line == 0;
		if (i + line + 1 < n && p[i + line] == '\r' && p[i + line + 1] == '\n')
			line++;
		line++;
	}
}

static void
put_text(char *out, size_t size, struct slice text)
{
	size_t n = text.n < size ? text.n : size - 1;

	if (n > 0)
		memcpy(out, text.p, n);
	out[n] = '\0';
}

static bool
is_telling(char c)
{
	return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'));
}

void
faults_note(struct faults *f, const struct fault_facts *facts)
{
	struct fault *e = &f->ring[f->count % FAULTS];
	const struct slice head = facts->head;
	size_t masked = head.n < FAULT_HEAD_MAX ? head.n : FAULT_HEAD_MAX;
	char room[FAULT_HEAD_MAX];
	uint32_t at = facts->at < masked ? facts->at : FAULT_NOWHERE;
	size_t first = at != FAULT_NOWHERE && at > BEFORE ? at - BEFORE : 0;

	memcpy(room, head.p, masked);
	fault_mask(room, masked);
	if (at != FAULT_NOWHERE && is_telling(head.p[at]))
		room[at] = head.p[at];
	__atomic_store_n(&e->seq, e->seq | 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	e->wall_ms = facts->wall_ms;
	e->reason = facts->reason;
	e->at = at;
	e->first = (uint32_t)first;
	e->n = (uint32_t)(masked - first < FAULT_BYTES ? masked - first : FAULT_BYTES);
	e->size = (uint32_t)head.n;
	memcpy(e->bytes, room + first, e->n);
	put_text(e->client, sizeof e->client, facts->client);
	put_text(e->field, sizeof e->field, facts->field);
	__atomic_store_n(&e->seq, (e->seq | 1) + 1, __ATOMIC_RELEASE);
	f->count++;
}

bool
faults_read(const struct faults *f, unsigned i, struct fault *out)
{
	uint64_t seq = __atomic_load_n(&f->ring[i].seq, __ATOMIC_ACQUIRE);

	if (seq == 0 || seq % 2 == 1)
		return false;
	memcpy(out, &f->ring[i], sizeof *out);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__atomic_load_n(&f->ring[i].seq, __ATOMIC_RELAXED) != seq || out->n > FAULT_BYTES)
		return false;
	out->client[sizeof out->client - 1] = out->field[sizeof out->field - 1] = '\0';
	return true;
}

/*
 * A worker's page of the board, as one that was taken over may leave it, for whoever reads what
 * stands there in no fixed place: nothing is read outside, nothing goes on for ever, and what comes
 * out has its shape. Where fields are of a page of another layout: what is copied lies in both.
 *
 * The first byte says what is read. Of a ring the first words say where it begins and ends; the
 * rest lies before its end.
 */

#include "shm/asked.h"
#include "shm/board.h"
#include "shm/tail.h"
#include "shm/top.h"

#include "lib/xalloc.h"
#include "master/takeover_layout.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ASKED_MOST 100
#define TAIL_MOST 4096
#define WORDS 4 /* before the bytes of a ring */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct board_worker *page;

static void
lay_before(char *ring, size_t ring_n, uint64_t end, struct slice bytes)
{
	for (size_t i = 0; i < bytes.n; i++)
		ring[(end - bytes.n + i) % ring_n] = bytes.p[i];
}

static void
clear_before(char *ring, size_t ring_n, uint64_t end, size_t n)
{
	for (size_t i = 1; i <= n; i++)
		ring[(end - i) % ring_n] = 0;
}

static void
read_asked(const uint64_t word[WORDS], struct slice bytes)
{
	static char copy[ASKED_BYTES];
	struct asked_key keys[ASKED_MOST];
	struct asked *a = &page->asked;
	size_t n;

	a->reserved = word[0];
	a->written = word[1];
	lay_before(a->ring, ASKED_BYTES, word[1], bytes);
	n = asked_read(a, copy, keys, ASKED_MOST);
	assert(n <= ASKED_MOST);
	for (size_t i = 0; i < n; i++) {
		assert(keys[i].host.p >= copy && keys[i].path.p >= keys[i].host.p + keys[i].host.n);
		assert(keys[i].path.p + keys[i].path.n <= copy + sizeof copy);
	}
	clear_before(a->ring, ASKED_BYTES, word[1], bytes.n);
}

static void
read_tail(const uint64_t word[WORDS], struct slice bytes)
{
	struct tail_place place = { .at = word[2], .line = word[3] };
	struct buf BUF_CLEAN out = { 0 };
	struct tail *t = &page->tail;
	bool more = true;

	t->reserved = word[0];
	t->written = word[1];
	lay_before(t->ring, TAIL_BYTES, word[1], bytes);
	tail_read(t, &place, TAIL_MOST, &out, &more);
	assert(out.n <= TAIL_MOST + TAIL_BYTES && (out.n == 0 || out.p[out.n - 1] == '\n'));
	for (int i = 0; more && i < 3; i++)
		tail_read(t, &place, TAIL_BYTES, &out, &more);
	assert(!more && place.at == t->written);
	clear_before(t->ring, TAIL_BYTES, word[1], bytes.n);
}

static void
read_top(const uint8_t *data, size_t size)
{
	struct top_list list = TOP_LIST_INIT;
	struct top *t = &page->identities, *told;
	size_t n = size < sizeof *t ? size : sizeof *t;

	memcpy(t, data, n);
	top_list_add(&list, t);
	top_list_add(&list, t);
	top_list_sort(&list);
	for (size_t i = 0; i < list.count; i++) {
		assert(list.entries[i].name_n > 0 && list.entries[i].name_n <= TOP_NAME_MAX);
		assert(i == 0 ||
		       list.entries[i - 1].sums.requests >= list.entries[i].sums.requests);
	}
	told = xcalloc(1, sizeof *told);
	top_list_publish(&list, told);
	top_list_deinit(&list);
	free(told);
	memset(t, 0, n);
}

static void
read_faults(const uint8_t *data, size_t size)
{
	struct faults *f = &page->faults;
	size_t n = size < sizeof *f ? size : sizeof *f;
	struct fault one;

	memcpy(f, data, n);
	for (unsigned i = 0; i < FAULTS; i++) {
		if (!faults_read(f, i, &one))
			continue;
		assert(one.n <= sizeof one.bytes);
		assert(strnlen(one.client, sizeof one.client) < sizeof one.client);
		assert(strnlen(one.field, sizeof one.field) < sizeof one.field);
	}
	memset(f, 0, n);
}

/* Lines of another program's layout; its page is this one. */
static void
read_layout(struct slice lines)
{
	static struct board_field own[BOARD_FIELDS_MAX];
	struct board_worker *to = xcalloc(1, sizeof *to);
	struct layouts l = { 0 };
	char line[256];

	while (lines.p && lines.n > 0) {
		struct slice one = slice_cut(lines, '\n', &lines);
		size_t n = one.n < sizeof line ? one.n : sizeof line - 1;

		memcpy(line, one.p, n);
		line[n] = '\0';
		layouts_add(&l, line);
	}
	for (size_t i = 0; i < l.count; i++)
		board_translate(own, board_fields(l.all[i]->which, own), to, sizeof *to,
				l.all[i]->fields, l.all[i]->count, page, sizeof *page);
	layouts_deinit(&l);
	free(to);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t word[WORDS] = { 0 };
	struct slice ring;

	if (!page)
		page = xcalloc(1, sizeof *page);
	if (size < 1)
		return 0;
	ring = slice_make((const char *)data + 1, size - 1);
	if (ring.n >= sizeof word) {
		memcpy(word, ring.p, sizeof word);
		ring = slice_make(ring.p + sizeof word, ring.n - sizeof word);
	}
	switch (data[0]) {
	case 'a':
		read_asked(word, ring);
		break;
	case 't':
		read_tail(word, ring);
		break;
	case 'i':
		read_top(data + 1, size - 1);
		break;
	case 'f':
		read_faults(data + 1, size - 1);
		break;
	default:
		read_layout(slice_make((const char *)data + 1, size - 1));
	}
	return 0;
}

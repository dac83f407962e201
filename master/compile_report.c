/*
 * What became of each route, of all of them or with those of an overlay in their places.
 */

#include "compile_index.h"

#include "compile.h"

#include "lib/xalloc.h"
#include "shm/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int
compare_lines(const void *a, const void *b)
{
	const struct compile_route *x = a, *y = b;

	if (x->source != y->source)
		return (int)x->source - (int)y->source;
	return strcmp(x->id, y->id);
}

void
compile_report_sort(struct compile_report *r)
{
	if (!r->sorted)
		qsort(r->routes + r->file_count, r->routes_count - r->file_count, sizeof *r->routes,
		      compare_lines);
	r->sorted = true;
}

static const struct compile_route gone;

/* By id: the overlay's line, or `gone`. */
static void
lines_by_id(const struct compile_report *over, struct map *lines)
{
	for (size_t i = 0; i < over->gone_count; i++)
		*map_put(lines, slice_of(over->gone[i])) = (void *)(uintptr_t)&gone;
	for (size_t i = 0; i < over->routes_count; i++)
		*map_put(lines, slice_of(over->routes[i].id)) = &over->routes[i];
}

struct compile_report *
compile_report_over(const struct compile_report *base, const struct compile_report *over)
{
	struct compile_report *r = xcalloc(1, sizeof *r);
	struct map lines = MAP_INIT;

	lines_by_id(over, &lines);
	r->routes = arena_calloc(&r->arena,
				 (base->routes_count + over->routes_count + 1) * sizeof *r->routes);
	r->all = base->all;
	r->file_count = base->file_count;
	for (size_t i = 0; i < base->routes_count; i++) {
		const struct compile_route *line = map_take(&lines, slice_of(base->routes[i].id));

		if (line != &gone)
			r->routes[r->routes_count++] = line ? *line : base->routes[i];
	}
	for (size_t i = 0; i < lines.count; i++) {
		if (lines.entries[i].value != &gone)
			r->routes[r->routes_count++] =
			    *(const struct compile_route *)lines.entries[i].value;
	}
	map_deinit(&lines, NULL);
	return r;
}

/* ---- between processes ---- */

#define PACKED_MAGIC 0x5954524550ull

struct packed { /* then places, links, lines (texts as offsets), texts; each ends with a NUL */
	uint64_t magic;
	uint64_t places, links, lines, texts;
	uint64_t file_count, total, floors;
};

static const char *
pack_text(struct buf *texts, const char *text)
{
	size_t at = texts->n;

	if (!text || !*text)
		return NULL;
	buf_add(texts, text, strlen(text) + 1);
	return (const char *)(uintptr_t)at;
}

/* The texts of a line. */
#define TEXTS(line)                                                                                \
	{                                                                                          \
		&(line)->id, &(line)->host, &(line)->path, &(line)->upstream, &(line)->asks,       \
		    &(line)->by, &(line)->reason                                                   \
	}
#define TEXTS_N 7

static void
pack_lines(const struct compile_report *r, struct buf *lines, struct buf *texts)
{
	buf_addc(texts, '\0'); /* the empty one */
	for (size_t i = 0; i < r->routes_count; i++) {
		struct compile_route line = r->routes[i];
		const char **text[TEXTS_N] = TEXTS(&line);

		for (unsigned k = 0; k < TEXTS_N; k++)
			*text[k] = pack_text(texts, *text[k]);
		buf_add(lines, &line, sizeof line);
	}
}

int
compile_report_pack(struct compile_report *r, int *fd)
{
	struct compile_index *x = r->index;
	BUF_CLEAN struct buf lines = { 0 }, texts = { 0 };
	struct packed head = { .magic = PACKED_MAGIC,
			       .places = x->places_count,
			       .links = x->links_count,
			       .lines = r->routes_count,
			       .file_count = r->file_count,
			       .total = r->total,
			       .floors = x->floors };
	struct slice parts[5];

	compile_index_sort(x);
	pack_lines(r, &lines, &texts);
	head.texts = texts.n;
	parts[0] = slice_make((const char *)&head, sizeof head);
	parts[1] = buf_slice(&lines);
	parts[2] = slice_make((const char *)x->places, x->places_count * sizeof *x->places);
	parts[3] = slice_make((const char *)x->links, x->links_count * sizeof *x->links);
	parts[4] = buf_slice(&texts);
	return memfd_of("yett-report", parts, sizeof parts / sizeof parts[0], fd);
}

static size_t
packed_size(const struct packed *p)
{
	const size_t most = UINT32_MAX;

	if (p->magic != PACKED_MAGIC || p->places > most || p->links > most || p->lines > most ||
	    p->texts > SIZE_MAX / 2 || p->texts == 0 || p->file_count > p->lines)
		return 0;
	return sizeof *p + p->places * sizeof(struct compile_place) +
	       p->links * sizeof(struct compile_link) + p->lines * sizeof(struct compile_route) +
	       p->texts;
}

static bool
open_lines(struct compile_report *r, const char *texts, size_t size)
{
	if (texts[0] != '\0' || texts[size - 1] != '\0')
		return false;
	for (size_t i = 0; i < r->routes_count; i++) {
		const char **text[TEXTS_N] = TEXTS(&r->routes[i]);

		for (unsigned k = 0; k < TEXTS_N; k++) {
			if ((uintptr_t)*text[k] >= size)
				return false;
			*text[k] = texts + (uintptr_t)*text[k];
		}
	}
	return true;
}

static bool
open_image(struct compile_report *r)
{
	const struct packed *head = (const void *)r->image.p;
	struct compile_index *x = r->index;
	char *at = (char *)(uintptr_t)(head + 1);

	if (r->image.n < sizeof *head || packed_size(head) != r->image.n)
		return false;
	r->routes = (void *)at;
	r->routes_count = head->lines;
	r->file_count = head->file_count;
	r->total = head->total;
	at += head->lines * sizeof *r->routes;
	x->places = (void *)at;
	x->places_count = head->places;
	at += head->places * sizeof *x->places;
	x->links = (void *)at;
	x->links_count = head->links;
	at += head->links * sizeof *x->links;
	x->sorted = true;
	x->floors = head->floors;
	return open_lines(r, at, head->texts);
}

int
compile_report_open(int fd, struct compile_report **out)
{
	struct compile_report *r = xcalloc(1, sizeof *r);
	size_t size;
	void *p;

	r->index = compile_index_new();
	if (memfd_check(fd, F_SEAL_WRITE | F_SEAL_SHRINK, &size) == 0) {
		/* Of our own where it is written: at the texts of lines. */
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
		if (p != MAP_FAILED)
			r->image = slice_make(p, size);
	}
	close(fd);
	if (!r->image.p || !open_image(r)) {
		compile_report_free(r);
		return -EBADMSG;
	}
	*out = r;
	return 0;
}

void
compile_report_free(struct compile_report *r)
{
	if (!r)
		return;
	if (r->image.p) {
		r->index->places = NULL;
		r->index->links = NULL;
		munmap((void *)(uintptr_t)r->image.p, r->image.n);
	}
	compile_index_free(r->index);
	arena_deinit(&r->arena);
	free(r);
}

#include "takeover_layout.h"

#include "lib/buf.h"
#include "lib/xalloc.h"
#include "shm/memfd.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX 256
#define TEXT_MAX ((size_t)LAYOUTS_MAX * BOARD_FIELDS_MAX * LINE_MAX)

/* What each page of any layout begins with. */
struct page_head {
	uint64_t magic;
	uint32_t layout;
	uint32_t pad;
};

/* ---- the layouts ---- */

static struct layout *
find(const struct layouts *l, uint32_t number, enum board_page which)
{
	for (size_t i = 0; i < l->count; i++) {
		if (l->all[i]->number == number && l->all[i]->which == which)
			return l->all[i];
	}
	return NULL;
}

void
layouts_add(struct layouts *l, const char *line)
{
	struct board_field f = { .rows = 1 };
	struct layout *layout;
	enum board_page which;
	char page[8];
	uint32_t number;

	if (sscanf(line, "%u %7s %55s %u %u %u %u", &number, page, f.name, &f.offset, &f.bytes,
		   &f.rows, &f.stride) != 7 ||
	    number == BOARD_LAYOUT)
		return;
	which = strcmp(page, board_page_name[BOARD_PAGE_WORKER]) == 0 ? BOARD_PAGE_WORKER
								      : BOARD_PAGE_MASTER;
	layout = find(l, number, which);
	if (!layout && l->count < LAYOUTS_MAX) {
		layout = l->all[l->count++] = xcalloc(1, sizeof *layout);
		layout->number = number;
		layout->which = which;
	}
	if (!layout || layout->count >= BOARD_FIELDS_MAX)
		return;
	layout->fields = xrealloc(layout->fields, (layout->count + 1) * sizeof *layout->fields);
	layout->fields[layout->count++] = f;
}

void
layouts_read(struct layouts *l, int fd)
{
	struct slice memory, rest;
	char line[LINE_MAX];

	if (memfd_map(fd, &memory) < 0)
		return;
	rest = slice_make(memory.p, memory.n < TEXT_MAX ? memory.n : TEXT_MAX);
	while (rest.p && rest.n > 0) {
		struct slice one = slice_cut(rest, '\n', &rest);

		snprintf(line, sizeof line, "%.*s", SLICE_F(one));
		layouts_add(l, line);
	}
	memfd_unmap(memory);
}

void
layouts_write(const struct layouts *l, const char *prefix, struct buf *out)
{
	board_fields_write_own(prefix, out);
	for (size_t i = 0; i < l->count; i++)
		board_fields_write(l->all[i]->number, l->all[i]->which, l->all[i]->fields,
				   l->all[i]->count, prefix, out);
}

int
layouts_memfd(const struct layouts *l, int *out_fd)
{
	BUF_CLEAN struct buf text = { 0 };
	struct slice all;

	layouts_write(l, "", &text);
	all = buf_slice(&text);
	return memfd_of("yett-layouts", &all, 1, out_fd);
}

void
layouts_deinit(struct layouts *l)
{
	for (size_t i = 0; i < l->count; i++) {
		free(l->all[i]->fields);
		free(l->all[i]);
	}
	*l = (struct layouts){ 0 };
}

/* ---- the pages ---- */

/* Mapped for reading; NULL: it is no page of a known layout. */
static const void *
map_foreign(const struct layouts *l, int fd, enum board_page which, size_t *size,
	    const struct layout **layout)
{
	const struct page_head *head;
	const void *memory;
	struct stat st;
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0 || fstat(copy, &st) < 0 || st.st_size < (off_t)sizeof *head) {
		if (copy >= 0)
			close(copy);
		return NULL;
	}
	*size = (size_t)st.st_size;
	if (board_map(copy, *size, &memory) < 0)
		return NULL;
	head = memory;
	*layout = head->magic == BOARD_MAGIC ? find(l, head->layout, which) : NULL;
	if (*layout)
		return memory;
	board_unmap(memory, *size);
	return NULL;
}

static void
translate(const struct layout *layout, const void *from, size_t size, void *to, size_t to_size)
{
	struct board_field *own = xcalloc(BOARD_FIELDS_MAX, sizeof *own);
	size_t n = board_fields(layout->which, own);

	board_translate(own, n, to, to_size, layout->fields, layout->count, from, size);
	free(own);
}

const struct board_master *
layouts_master(const struct layouts *l, int fd)
{
	const struct layout *layout;
	struct board_master *page;
	const void *memory;
	size_t size;

	memory = map_foreign(l, fd, BOARD_PAGE_MASTER, &size, &layout);
	close(fd);
	if (!memory)
		return NULL;
	page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page != MAP_FAILED) {
		translate(layout, memory, size, page, sizeof *page);
		page->magic = BOARD_MAGIC;
		page->layout = BOARD_LAYOUT;
	}
	board_unmap(memory, size);
	return page == MAP_FAILED ? NULL : page;
}

int
layouts_worker(const struct layouts *l, int source, struct foreign_page *out, int *fd)
{
	struct foreign_page p = { .fd = source };
	void *page;

	p.memory = map_foreign(l, source, BOARD_PAGE_WORKER, &p.size, &p.layout);
	if (!p.memory)
		return -1;
	if (board_create(sizeof *p.shadow, &page, fd) < 0) {
		board_unmap(p.memory, p.size);
		return -1;
	}
	p.shadow = page;
	p.shadow->magic = BOARD_MAGIC;
	p.shadow->layout = BOARD_LAYOUT;
	foreign_page_refresh(&p);
	*out = p;
	return 0;
}

void
foreign_page_refresh(const struct foreign_page *p)
{
	if (p->shadow)
		translate(p->layout, p->memory, p->size, p->shadow, sizeof *p->shadow);
}

/* The shadow is its page, and goes with that. */
void
foreign_page_close(struct foreign_page *p)
{
	if (!p->shadow)
		return;
	board_unmap(p->memory, p->size);
	close(p->fd);
	*p = (struct foreign_page){ .fd = -1 };
}

#include "call.h"

#include "memfd.h"

#include <errno.h>

#define CALL_MAGIC 0x4c4c4143u

const char *const access_role_name[] = {
	[ACCESS_NONE] = "none",   [ACCESS_LOOK] = "look",       [ACCESS_READ] = "read",
	[ACCESS_WRITE] = "write", [ACCESS_OPERATE] = "operate",
};

struct call_head { /* the parts follow, one behind the other */
	uint32_t magic, role;
	uint64_t n[CALL_PARTS];
};

int
call_pack(const struct call_text *t, int *out_fd)
{
	struct call_head head = { .magic = CALL_MAGIC, .role = t->role };
	struct slice parts[CALL_PARTS + 1] = { { (const char *)&head, sizeof head } };

	for (int i = 0; i < CALL_PARTS; i++) {
		head.n[i] = t->part[i].n;
		parts[i + 1] = t->part[i];
	}
	return memfd_of("yett-call", parts, CALL_PARTS + 1, out_fd);
}

static bool
call_read(struct call_text *t)
{
	const struct call_head *head = t->memory;
	const char *at = (const char *)t->memory + sizeof *head;
	size_t left;

	if (t->size < sizeof *head || head->magic != CALL_MAGIC || head->role > ACCESS_OPERATE)
		return false;
	t->role = head->role;
	left = t->size - sizeof *head;
	for (int i = 0; i < CALL_PARTS; i++) {
		if (head->n[i] > left)
			return false;
		t->part[i] = slice_make(at, (size_t)head->n[i]);
		at += head->n[i];
		left -= (size_t)head->n[i];
	}
	return left == 0;
}

int
call_open(int fd, struct call_text *out)
{
	struct slice memory;
	int r = memfd_map(fd, &memory);

	*out = (struct call_text){ 0 };
	if (r < 0)
		return r;
	out->memory = memory.p;
	out->size = memory.n;
	if (call_read(out))
		return 0;
	call_close(out);
	return -EBADMSG;
}

void
call_close(struct call_text *t)
{
	memfd_unmap(slice_make(t->memory, t->size));
	*t = (struct call_text){ 0 };
}

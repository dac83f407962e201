#include "board.h"

#include "memfd.h"

#include "lib/failpoint.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define READ_TRIES 100
#define SEALS (F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

_Static_assert(REASON_N <= sizeof(((struct board_counts *)0)->by_reason) / sizeof(uint64_t),
	       "board_counts.by_reason has a word for every reason");

const char *const board_sandbox_name[] = {
	[SANDBOX_OFF] = "off",
	[SANDBOX_ON] = "on",
	[SANDBOX_MISSING] = "missing",
};

const uint32_t board_bucket_us[BOARD_BUCKETS - 1] = {
	100,    250,    500,     1000,    2500,    5000,     10000,    25000,    50000,     100000,
	250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000, 300000000,
};

const uint32_t board_size_bytes[BOARD_SIZES - 1] = {
	256,     1 << 10,    2 << 10, 5 << 10,  10 << 10,  100 << 10, 500 << 10,
	1 << 20, 2560 << 10, 5 << 20, 10 << 20, 100 << 20, 1 << 30,
};

const char *const board_counter_name[COUNTER_N] = {
#define X(name, help) #name,
	BOARD_COUNTERS(X)
#undef X
};

int
board_create(size_t size, void **out_page, int *out_fd)
{
	void *page;
	int fd, r;

	r = memfd_make("yett-board", size, &fd);
	if (r)
		return r;
	/* Mapped before it is sealed: this mapping stays writable, and no other one can be made. */
	page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		r = -errno;
		close(fd);
		return r;
	}
	r = memfd_seal(fd, SEALS);
	if (r) {
		munmap(page, size);
		close(fd);
		return r;
	}
	*out_page = page;
	*out_fd = fd;
	return 0;
}

int
board_map(int fd, size_t size, const void **out_page)
{
	void *page = MAP_FAILED;
	size_t have;

	if (!memfd_check(fd, SEALS, &have) && have == size)
		page = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	if (page == MAP_FAILED)
		return -EBADMSG;
	*out_page = page;
	return 0;
}

void
board_unmap(const void *page, size_t size)
{
	if (page)
		munmap((void *)(uintptr_t)page, size);
}

static void
fold(uint64_t *sum, const uint64_t *part, size_t words)
{
	for (size_t i = 0; i < words; i++)
		board_add(&sum[i], board_get(&part[i]));
}

/* Of words alone. */
#define FOLD(field)                                                                                \
	fold((uint64_t *)&sum->field, (const uint64_t *)&part->field,                              \
	     sizeof sum->field / (sizeof(uint64_t)))

static void
fold_endpoint(struct board_endpoint *sum, const struct board_endpoint *part)
{
	board_add(&sum->requests, board_get(&part->requests));
	board_add(&sum->failures, board_get(&part->failures));
	board_add(&sum->connects, board_get(&part->connects));
	board_add(&sum->duration_us, board_get(&part->duration_us));
	board_add(&sum->errors, board_get(&part->errors));
	board_add(&sum->bytes_in, board_get(&part->bytes_in));
	board_add(&sum->bytes_out, board_get(&part->bytes_out));
}

static void
fold_route(struct board_route *sum, const struct board_route *part)
{
	FOLD(by_class);
	board_add(&sum->bytes_in, board_get(&part->bytes_in));
	board_add(&sum->bytes_out, board_get(&part->bytes_out));
	FOLD(duration);
	board_add(&sum->shadow_refusals, board_get(&part->shadow_refusals));
}

void
board_read(const uint64_t *seq, const void *rows, size_t size, void *out)
{
	void *copy = xmalloc(size);

	for (int attempt = 0; attempt < READ_TRIES; attempt++) {
		uint64_t before = __atomic_load_n(seq, __ATOMIC_ACQUIRE);

		memcpy(copy, rows, size);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (before & 1 || board_get(seq) != before)
			continue;
		memcpy(out, copy, size);
		break;
	}
	free(copy);
}

void
board_fold(struct board_counts *sum, const struct board_counts *part)
{
	FOLD(counter);
	FOLD(by_reason);
	FOLD(by_code);
	FOLD(duration);
	FOLD(request_size);
	FOLD(response_size);
	FOLD(upstream);
	for (unsigned i = 0; i < BOARD_ROUTES; i++)
		fold_route(&sum->route[i], &part->route[i]);
	for (unsigned i = 0; i < BOARD_ENDPOINTS; i++)
		fold_endpoint(&sum->endpoint[i], &part->endpoint[i]);
	for (unsigned i = 0; i < BOARD_LIMITS; i++) {
		board_add(&sum->limit[i].refused, board_get(&part->limit[i].refused));
		board_add(&sum->limit[i].shadowed, board_get(&part->limit[i].shadowed));
	}
}

uint64_t
board_turn(const struct board_master *m)
{
	return __atomic_load_n(&m->base_turn, __ATOMIC_ACQUIRE);
}

const struct board_base *
board_base(const struct board_master *m)
{
	return &m->base[board_turn(m) % 2];
}

bool
board_has(const struct board_base *base, uint64_t instance)
{
	for (size_t i = 0; i < sizeof base->folded / sizeof base->folded[0]; i++) {
		if (board_get(&base->folded[i]) == instance)
			return true;
	}
	return false;
}

void
board_keep(struct board_master *m, const struct board_counts *counts, uint64_t instance)
{
	struct board_base *next = &m->base[(m->base_turn + 1) % 2];

	*next = *board_base(m);
	FAILPOINT("board-copied");
	board_fold(&next->counts, counts);
	FAILPOINT("board-folded");
	next->folded[next->folded_count++ % (sizeof next->folded / sizeof next->folded[0])] =
	    instance;
	FAILPOINT("board-turn");
	__atomic_store_n(&m->base_turn, m->base_turn + 1, __ATOMIC_RELEASE);
	FAILPOINT("board-turned");
}

/* The bucket that it was. */
static unsigned
add_to(uint64_t *buckets, uint64_t *sum, const uint32_t *bounds, unsigned n, uint64_t value)
{
	unsigned i = 0;

	while (i < n && value > bounds[i])
		i++;
	board_add(&buckets[i], 1);
	board_add(sum, value);
	return i;
}

void
board_add_duration(struct board_durations *d, uint64_t us)
{
	add_to(d->bucket, &d->sum, board_bucket_us, BOARD_BUCKETS - 1, us);
}

void
board_add_request(struct board_durations *all, struct board_route *route, uint64_t us)
{
	unsigned i = add_to(all->bucket, &all->sum, board_bucket_us, BOARD_BUCKETS - 1, us);

	i = i < BOARD_ROUTE_FIRST ? 0 : i - BOARD_ROUTE_FIRST;
	if (i > BOARD_ROUTE_BUCKETS - 1)
		i = BOARD_ROUTE_BUCKETS - 1;
	board_add(&route->duration.bucket[i], 1);
	board_add(&route->duration.sum, us);
}

void
board_add_size(struct board_sizes *s, uint64_t bytes)
{
	add_to(s->bucket, &s->sum, board_size_bytes, BOARD_SIZES - 1, bytes);
}

unsigned
board_code(int status)
{
	return status >= 100 && status < 600 ? (unsigned)status - 99 : 0;
}

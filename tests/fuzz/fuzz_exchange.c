/*
 * What workers have the master ask of providers, from workers that were taken over: each question
 * is taken, told to be refused, or no question; what is kept has room for others, and goes to who
 * lives as it came.
 *
 * The first byte says what is known of the provider at first. Then records: what happens (a
 * question, its answer is stored, workers come and go, time goes by) and of which worker; a
 * question goes on with its kind, its id, the size that it claims for the context, and the size and
 * the bytes of the memfd, which may get a form at its end that is right.
 */

#include "master/exchange.h"

#include "shm/memfd.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#define WORKERS 3
#define QUESTION 5 /* bytes before those of the memfd */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum known { SOON, NOWHERE, NOT };

struct world {
	enum known known;
	bool dead[WORKERS + 1]; /* by instance */
	size_t adopted;
};

static bool
place(void *userdata, struct slice provider, enum exchange_kind kind, struct exchange_place *out)
{
	const struct world *w = userdata;

	assert(provider.n <= EXCHANGE_PROVIDER_MAX && kind < EXCHANGE_KIND_N);
	out->soon = w->known == SOON;
	return w->known != NOT;
}

static bool
lives(void *userdata, uint64_t instance)
{
	assert(instance > 0 && instance <= WORKERS);
	return !((struct world *)userdata)->dead[instance];
}

static uint64_t
heir(void *userdata)
{
	for (uint64_t i = 1; i <= WORKERS; i++) {
		if (lives(userdata, i))
			return i;
	}
	return 0;
}

static void
hear(void *userdata, uint64_t instance, enum message_type type, const void *body, size_t n, int fd)
{
	const struct msg_exchange *adopt = body;
	struct world *w = userdata;
	struct slice context;

	assert(instance > 0 && instance <= WORKERS);
	if (type == MSG_EXCHANGED) {
		assert(n == sizeof(struct msg_exchanged) && fd < 0);
		assert(((const struct msg_exchanged *)body)->status < 0);
		return;
	}
	assert(type == MSG_EXCHANGE_ADOPT && n == sizeof *adopt && lives(userdata, instance));
	assert(adopt->kind == EXCHANGE_REFRESH && memfd_map(fd, &context) == 0);
	assert(context.n == adopt->context_n && context.n <= EXCHANGE_CONTEXT_MAX);
	memfd_unmap(context);
	w->adopted++;
}

static const struct exchange_ops ops = {
	.place = place,
	.lives = lives,
	.heir = heir,
	.send = hear,
};

/* Bytes used. */
static size_t
question(struct exchanger *x, uint64_t instance, const uint8_t *data, size_t size)
{
	struct msg_exchange ask = { .kind = data[0] & 7, .id = data[1], .context_n = data[2] };
	size_t n = data[4] < size - QUESTION ? data[4] : size - QUESTION;
	static const char *const forms[] = {
		"grant_type=authorization_code&code=x",
		"grant_type=refresh_token&refresh_token=x",
		"token=x",
		"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&scope=x",
	};
	const char *form = data[0] & 64 ? forms[ask.kind % EXCHANGE_KIND_N] : "";
	const struct slice memory[] = { slice_make((const char *)data + QUESTION, n),
					slice_of(form) };
	int fd = -1, r;

	if (data[0] & 8)
		ask.id |= UINT64_C(1) << 63;
	if (data[0] & 16)
		ask.begin_ms = 1;
	memset(ask.provider, data[3], sizeof ask.provider);
	if (n > 0 && !(data[0] & 32) && memfd_of("fuzz", memory, 2, &fd) < 0)
		return size;
	r = exchanger_ask(x, instance, &ask, fd < 0 ? STDIN_FILENO : fd);
	assert(r == 0 || (r == -EBADMSG) == (r < 0));
	assert(r < 0 ||
	       (fd >= 0 && ask.context_n < n + strlen(form) && ask.kind < EXCHANGE_KIND_N));
	if (fd >= 0)
		close(fd);
	return QUESTION + n;
}

/* Bytes used. */
static size_t
step(struct exchanger *x, struct world *w, const uint8_t *data, size_t size)
{
	uint64_t instance = data[0] / 4 % WORKERS + 1;

	switch (data[0] % 4) {
	case 0:
		return size < 1 + QUESTION ? size : 1 + question(x, instance, data + 1, size - 1);
	case 1:
		exchanger_kept(x, instance, data[0] >> 5);
		return 1;
	case 2:
		w->dead[instance] = !w->dead[instance];
		break;
	default:
		w->known = (enum known)(data[0] / 4 % 3);
	}
	exchanger_settle(x);
	return 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uv_loop_t loop;
	struct exchanger_status status;
	struct world w = { 0 };
	struct exchanger *x;

	if (size == 0)
		return 0;
	if (!loop.data)
		uv_loop_init(loop.data = &loop);
	x = exchanger_new(&loop, NULL, &ops, &w);
	w.known = (enum known)(data[0] % 3);
	for (size_t at = 1; at < size;)
		at += step(x, &w, data + at, size - at);
	exchanger_get_status(x, &status);
	assert(status.adopted >= w.adopted && status.unkept == 0);
	assert((exchanger_until(x) == 0) || status.under_way > 0);
	exchanger_free(x);
	return 0;
}

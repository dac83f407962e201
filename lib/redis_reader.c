#include "redis_reader.h"

#include "xalloc.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <hiredis/read.h>
#include <stdlib.h>

#define ELEMENTS_MAX (1 << 20) /* of one array */

struct redis_reader {
	redisReader *hiredis;
	char fault[128];
};

/* ---- what hiredis builds ---- */

static void *
reply_place(const redisReadTask *task, struct redis_reply *r)
{
	if (task->parent) {
		struct redis_reply *array = task->parent->obj;

		array->elements[task->idx] = r;
	}
	return r;
}

static void *
reply_string(const redisReadTask *task, char *text, size_t n)
{
	struct redis_reply *r = xmalloc(sizeof *r + n + 1);
	char *copy = (char *)(r + 1);

	memcpy(copy, text, n);
	copy[n] = '\0';
	*r = (struct redis_reply){ .text = { copy, n }, .type = REDIS_STRING };
	if (task->type == REDIS_REPLY_STATUS)
		r->type = REDIS_STATUS;
	else if (task->type == REDIS_REPLY_ERROR)
		r->type = REDIS_FAILED;
	return reply_place(task, r);
}

#if HIREDIS_MAJOR >= 1
typedef size_t array_count;
#else
typedef int array_count;
#endif

static void *
reply_array(const redisReadTask *task, array_count count)
{
	struct redis_reply *r;

	if ((long long)count < 0 || (long long)count > ELEMENTS_MAX)
		return NULL;
	r = xcalloc(1, sizeof *r);
	r->type = REDIS_ARRAY;
	r->count = (size_t)count;
	r->elements = xcalloc(r->count, sizeof(struct redis_reply *));
	return reply_place(task, r);
}

static void *
reply_integer(const redisReadTask *task, long long v)
{
	struct redis_reply *r = xcalloc(1, sizeof *r);

	r->type = REDIS_INTEGER;
	r->integer = v;
	return reply_place(task, r);
}

static void *
reply_nil(const redisReadTask *task)
{
	struct redis_reply *r = xcalloc(1, sizeof *r);

	r->type = REDIS_NIL;
	return reply_place(task, r);
}

void
redis_reply_free(struct redis_reply *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++)
		redis_reply_free(r->elements[i]);
	free(r->elements);
	free(r);
}

static void
reply_free(void *reply)
{
	redis_reply_free(reply);
}

#if HIREDIS_MAJOR >= 1
/* Types of RESP3, which we never ask for: a server that sends them gets the connection closed.
 * Without these hiredis would hand out numbers in the place of objects. */
static void *
reply_double(const redisReadTask *task, double value, char *text, size_t n)
{
	return NULL;
}

static void *
reply_bool(const redisReadTask *task, int value)
{
	return NULL;
}
#endif

static redisReplyObjectFunctions reply_functions = {
	.createString = reply_string,
	.createArray = reply_array,
	.createInteger = reply_integer,
#if HIREDIS_MAJOR >= 1
	.createDouble = reply_double,
	.createBool = reply_bool,
#endif
	.createNil = reply_nil,
	.freeObject = reply_free,
};

/* ---- words of the server ---- */

/* Fit for a quoted value in a log. */
static const char *
plain_text(struct slice s, char *out, size_t cap)
{
	size_t n = s.n < cap ? s.n : cap - 1;

	for (size_t i = 0; i < n; i++) {
		char c = s.p[i];

		out[i] = c >= ' ' && c <= '~' && c != '"' && c != '\\' ? c : '?';
	}
	out[n] = '\0';
	return out;
}

const char *
redis_fault(const struct redis_reply *r, char *out, size_t cap)
{
	struct slice words = SLICE("an answer of an unexpected form");

	if (r->type == REDIS_FAILED)
		words = r->text.n ? r->text : SLICE("an error without words");
	return plain_text(words, out, cap);
}

/* ---- from outside ---- */

struct redis_reader *
redis_reader_new(void)
{
	struct redis_reader *r = xcalloc(1, sizeof *r);

	r->hiredis = redisReaderCreateWithFunctions(&reply_functions);
	if (r->hiredis)
		return r;
	free(r);
	return NULL;
}

void
redis_reader_free(struct redis_reader *r)
{
	if (!r)
		return;
	redisReaderFree(r->hiredis);
	free(r);
}

void
redis_reader_feed(struct redis_reader *r, struct slice bytes)
{
	redisReaderFeed(r->hiredis, bytes.p, bytes.n);
}

int
redis_reader_next(struct redis_reader *r, struct redis_reply **out, const char **why)
{
	void *reply;

	*out = NULL;
	if (redisReaderGetReply(r->hiredis, &reply) != 0) {
		*why = plain_text(slice_of(r->hiredis->errstr), r->fault, sizeof r->fault);
		return -EPROTO;
	}
	*out = reply;
	return 0;
}

size_t
redis_reader_rest(const struct redis_reader *r)
{
	return r->hiredis->len - r->hiredis->pos;
}

/*
 * `yett key`: makes API keys, shows them, and takes them away. A key is made here, shown once and
 * kept nowhere: what is stored is its SHA-256. It has 256 random bits, so nobody finds it from
 * that, and a slow or keyed hash would add nothing.
 */

#include "command_table.h"
#include "lib/moment.h"
#include "number.h"

#include "lib/base64.h"
#include "lib/clock.h"
#include "lib/map.h"
#include "lib/sha256.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define KEY_BYTES 32
#define KEY_PREFIX "yett_" /* for those who look for lost secrets */
#define KEY_TEXT (sizeof KEY_PREFIX - 1 + 43)
#define VALUE_MAX 4096
#define VALUE_DEPTH 8

static int
fail(const char *what, const char *word)
{
	fprintf(stderr, "yett key: %s%s\n", what, word);
	return COMMAND_UNREADABLE;
}

/* ---- add ---- */

/* A value is a text, or with "NAME:=JSON" anything else. */
static int
add_claim(struct map *seen, const char *text, struct buf *out)
{
	struct slice value, name = slice_cut(slice_of(text), '=', &value);
	bool raw = value.p && name.n > 1 && name.p[name.n - 1] == ':';
	struct json *v = NULL;
	void **place;

	name.n -= raw;
	if (!value.p || name.n == 0)
		return fail("a claim is written NAME=TEXT or NAME:=JSON, not ", text);
	if (raw && json_parse(value, VALUE_MAX, VALUE_DEPTH, &v) < 0)
		return fail("what stands behind := is no JSON: ", text);
	json_free(v);
	place = map_put(seen, name);
	if (*place)
		return fail("a claim is given twice: ", text);
	*place = seen;
	buf_adds(out, seen->count > 1 ? SLICE(",") : SLICE(""));
	buf_add_json(out, name);
	buf_addc(out, ':');
	if (raw)
		buf_adds(out, value);
	else
		buf_add_json(out, value);
	return COMMAND_OK;
}

/* A date, or how long from now. */
static int
add_expiry(const char *text, struct buf *out)
{
	int64_t moment, ms;

	if (number_parse(SETTING_DURATION, slice_of(text), &ms) == NUMBER_OK && ms > 0)
		moment = clock_wall() + ms / 1000;
	else if (!moment_parse(slice_of(text), &moment))
		return fail("--expires is a date such as 2026-12-31, or a duration such as 90d, "
			    "not ",
			    text);
	buf_adds(out, SLICE(",\"expires\":\""));
	moment_write(moment, out);
	buf_addc(out, '"');
	return COMMAND_OK;
}

static int
write_record(const struct command_options *o, const uint8_t digest[SHA256_BYTES], struct buf *out)
{
	struct map seen = MAP_INIT;
	int r = COMMAND_OK;

	buf_adds(out, SLICE("{\"sha256\":\""));
	for (size_t i = 0; i < SHA256_BYTES; i++)
		buf_addf(out, "%02x", digest[i]);
	buf_adds(out, SLICE("\",\"claims\":{"));
	for (int i = 0; i < o->claims_count && r == COMMAND_OK; i++)
		r = add_claim(&seen, o->claims[i], out);
	buf_addc(out, '}');
	map_deinit(&seen, NULL);
	if (r == COMMAND_OK && o->expires)
		r = add_expiry(o->expires, out);
	buf_addc(out, '}');
	return r;
}

static bool
make_key(char key[KEY_TEXT], uint8_t digest[SHA256_BYTES])
{
	char random[KEY_BYTES];
	bool made = getrandom(random, sizeof random, 0) == sizeof random;

	memcpy(key, KEY_PREFIX, sizeof KEY_PREFIX - 1);
	base64url_encode(slice_make(random, sizeof random), key + sizeof KEY_PREFIX - 1);
	explicit_bzero(random, sizeof random);
	return made && sha256(slice_make(key, KEY_TEXT), digest);
}

static int
tell_refusal(const struct answer *a)
{
	if (a->status >= 500)
		return answer_refused(a, "key");
	fprintf(stderr, "yett key: %.*s\n", SLICE_F(json_text(json_get(a->json, "message"))));
	return COMMAND_REFUSED;
}

static int
settle(const struct answer *a)
{
	if (a->status == 200)
		return COMMAND_OK;
	if (a->status != 202)
		return tell_refusal(a);
	answer_lagging(a->json);
	return COMMAND_LAGGING;
}

/* The record is stored: 0, or an exit status. */
static int
store_record(const struct command_options *o, const char *target, struct slice record)
{
	struct answer a;
	int r = answer_get(&a, o, "GET", target);

	if (r == COMMAND_OK && a.status == 200) {
		fprintf(stderr,
			"yett key: there is a key %s already; revoke it, or choose another "
			"name\n",
			o->words[1]);
		r = COMMAND_REFUSED;
	} else if (r == COMMAND_OK && a.status != 404) {
		r = tell_refusal(&a);
	}
	answer_deinit(&a);
	if (r != COMMAND_OK)
		return r;
	r = answer_send(&a, o, "PUT", target, record);
	if (r == COMMAND_OK)
		r = settle(&a);
	answer_deinit(&a);
	return r;
}

static void
target_of(const char *name, const struct command_options *o, struct buf *out)
{
	buf_addf(out, "/rules/key/%s%s", name, o->wait ? "?wait=1" : "");
	buf_addc(out, '\0');
}

static bool
print_key(const struct command_options *o, const char key[KEY_TEXT])
{
	if (o->json)
		printf("{\"name\":\"%s\",\"key\":\"%.*s\"}\n", o->words[1], (int)KEY_TEXT, key);
	else
		printf("%.*s\n", (int)KEY_TEXT, key);
	return fflush(stdout) == 0;
}

/* Nobody has the key, and nobody will. */
static int
take_back(const struct command_options *o, const char *target)
{
	struct answer a;
	bool gone = answer_send(&a, o, "DELETE", target, SLICE("")) == COMMAND_OK &&
		    settle(&a) != COMMAND_REFUSED;

	answer_deinit(&a);
	return fail("the key cannot be printed, and is ", gone ? "revoked" : "stored: revoke it");
}

static int
key_add(const struct command_options *o)
{
	struct buf BUF_CLEAN record = { 0 }, target = { 0 };
	uint8_t digest[SHA256_BYTES];
	char key[KEY_TEXT];
	int r = COMMAND_UNREADABLE;

	if (!make_key(key, digest))
		return fail("there is no randomness: ", strerror(errno));
	target_of(o->words[1], o, &target);
	r = write_record(o, digest, &record);
	if (r == COMMAND_OK)
		r = store_record(o, target.p, buf_slice(&record));
	if ((r == COMMAND_OK || r == COMMAND_LAGGING) && !print_key(o, key))
		r = take_back(o, target.p);
	if (r == COMMAND_OK && !o->json)
		fputs("It is shown this once; what the gateway keeps is its digest.\n", stderr);
	explicit_bzero(key, sizeof key);
	return r;
}

/* ---- list, revoke ---- */

static void
write_keys(const struct json *root, bool colours, struct buf *out)
{
	static const char *const titles[] = { "NAME", "SUB", "FROM", "STATE", "EXPIRES", NULL };
	const struct json *keys = json_get(json_get(root, "data"), "api_keys");
	struct columns c;

	columns_init(&c, 5, colours);
	command_head(&c, titles);
	for (const struct json *k = json_first(keys); k; k = json_next(k)) {
		struct slice state = json_text(json_get(k, "state"));
		struct slice sub = json_text(json_get(json_get(k, "claims"), "sub"));
		struct slice expires = json_text(json_get(k, "expires"));

		command_field(&c, k, "name");
		columns_add(&c, COLOUR_NONE, sub);
		command_field(&c, k, "source");
		columns_add(&c, slice_eq(state, SLICE("active")) ? COLOUR_GOOD : COLOUR_WARN,
			    state);
		columns_add(&c, COLOUR_NONE, expires.n ? expires : SLICE("never"));
	}
	if (c.count > c.width)
		columns_write(&c, out);
	else
		buf_adds(out, SLICE("There are no API keys.\n"));
	columns_deinit(&c);
}

static int
key_revoke(const struct command_options *o)
{
	struct buf BUF_CLEAN target = { 0 }, plain = { 0 };
	struct command_options once = *o;
	struct answer a;
	int r;

	once.wait = false;
	target_of(o->words[1], &once, &plain);
	r = answer_get(&a, o, "GET", plain.p);
	if (r == COMMAND_OK && a.status == 404) {
		fprintf(stderr,
			"yett key: the store has no key %s; one of the file is removed "
			"there\n",
			o->words[1]);
		r = COMMAND_REFUSED;
	} else if (r == COMMAND_OK && a.status != 200) {
		r = tell_refusal(&a);
	}
	answer_deinit(&a);
	if (r != COMMAND_OK)
		return r;
	target_of(o->words[1], o, &target);
	r = answer_send(&a, o, "DELETE", target.p, SLICE(""));
	if (r == COMMAND_OK)
		r = settle(&a);
	if (r == COMMAND_OK && o->json)
		answer_print(&a.body);
	else if (r == COMMAND_OK)
		printf("%s is revoked in every worker\n", o->words[1]);
	answer_deinit(&a);
	return r;
}

/* As far as it becomes a part of a path. */
static bool
is_name(const char *name)
{
	return *name && name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "0123456789._-")] == '\0';
}

int
command_key(const struct command_options *o)
{
	const char *what = o->words_count ? o->words[0] : "";

	if (strcmp(what, "list") == 0 && o->words_count == 1)
		return command_show(o, "key", "/keys", write_keys);
	if (o->words_count == 2 && !is_name(o->words[1]))
		return fail("a name has letters, digits, '.', '_' and '-' alone, not ",
			    o->words[1]);
	if (strcmp(what, "add") == 0 && o->words_count == 2)
		return key_add(o);
	if (strcmp(what, "revoke") == 0 && o->words_count == 2)
		return key_revoke(o);
	return fail("write key add NAME, key list or key revoke NAME; see yett help key", "");
}

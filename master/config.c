#include "config.h"

#include "ashine.h"
#include "certificates.h"
#include "config_check.h"
#include "config_rule.h"
#include "file.h"
#include "renku.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#define CONFIG_MAX ((size_t)64 << 20) /* bytes of the file */

/* The folder of the file, absolute; it exists when the file could be read. */
static char *
folder_of(const char *file)
{
	const char *slash = strrchr(file, '/');
	char *named =
	    slash ? xstrndup(file, slash == file ? 1 : (size_t)(slash - file)) : xstrdup(".");
	char *whole = realpath(named, NULL);

	if (whole)
		free(named);
	return whole ? whole : named;
}

static int
read_document(const char *file, struct document *d, mode_t *mode, struct buf *report)
{
	struct buf FILE_SECRET text = { 0 };
	struct document_error error;
	struct stat st;
	int r = file_read(file, CONFIG_MAX, &text, &st);

	*d = (struct document){ 0 };
	if (r < 0) {
		buf_addf(report, "%s: cannot be read: %s\n", file, file_error(r));
		return 2;
	}
	*mode = st.st_mode;
	if (document_parse(d, buf_slice(&text), &error) == 0)
		return 0;
	if (error.line > 0)
		buf_addf(report, "%s:%d: column %d: %s\n", file, error.line, error.column,
			 error.text);
	else
		buf_addf(report, "%s: %s\n", file, error.text);
	return 1;
}

static int
fill(struct config *c, const char *file, const struct document *d, mode_t mode,
     const struct certificates *held, struct buf *report)
{
	struct buf BUF_CLEAN path = { 0 };
	char *folder = folder_of(file);
	const char *slash = strrchr(file, '/');
	struct config_reader r = {
		.c = c,
		.env = { &c->arena, folder },
		.file = arena_string(&c->arena, slice_of(file)),
		.mode = mode,
		.held = held,
	};
	size_t errors;

	buf_addf(&path, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, slash ? slash + 1 : file);
	c->file = arena_string(&c->arena, buf_slice(&path));
	r.root = renku_translate(&r, ashine_translate(&r, d->root));
	config_read(&r);
	config_check(&r);
	mistakes_write(&r.mistakes, file, report);
	errors = r.mistakes.errors;
	config_read_origins(&r);
	config_reader_deinit(&r);
	free(folder);
	return errors > 0;
}

int
config_load(const char *file, struct config **out, struct buf *report)
{
	return config_load_over(file, NULL, out, report);
}

int
config_load_over(const char *file, const struct certificates *held, struct config **out,
		 struct buf *report)
{
	static uint64_t serial;
	struct config *c;
	struct document d;
	mode_t mode;
	int r = read_document(file, &d, &mode, report);

	if (r == 0) {
		c = xcalloc(1, sizeof *c);
		c->serial = ++serial;
		r = fill(c, file, &d, mode, held, report);
		if (r == 0) {
			config_rule_defaults(c);
			*out = c;
		} else {
			config_free(c);
		}
	}
	document_deinit(&d);
	return r;
}

static void
wipe(struct config_secret *s)
{
	if (s->bytes)
		explicit_bzero((char *)(uintptr_t)s->bytes, s->n);
}

static void
wipe_login(struct config_login *l)
{
	for (size_t i = 0; i < l->providers_count; i++)
		wipe(&l->providers[i].client_secret);
	for (size_t i = 0; i < l->cookie_keys_count; i++)
		wipe(&l->cookie_keys[i].secret);
	for (size_t i = 0; i < l->token_keys_count; i++)
		wipe(&l->token_keys[i].secret);
	wipe(&l->redis.password);
	wipe(&l->redis.seek.password);
	for (size_t i = 0; i < l->assertion.keys_count; i++)
		wipe(&l->assertion.keys[i].secret);
}

void
config_free(struct config *c)
{
	struct arena arena;

	if (!c)
		return;
	wipe(&c->gate.secret);
	wipe(&c->gate.public_key);
	for (size_t i = 0; i < c->gate.all_count; i++) {
		wipe(&c->gate.all[i].secret);
		wipe(&c->gate.all[i].jwks_text);
	}
	wipe_login(&c->login);
	for (size_t i = 0; i < c->routes_count; i++) {
		for (size_t k = 0; k < c->routes[i].credentials_count; k++)
			wipe(&c->routes[i].credentials[k].secret);
	}
	wipe(&c->redis.password);
	wipe(&c->redis.seek.password);
	wipe(&c->sticky_secret);
	wipe(&c->tls.ticket_secret);
	for (size_t i = 0; i < c->api.tokens_count; i++)
		wipe(&c->api.tokens[i].secret);
	certificates_free(c->tls.loaded);
	arena = c->arena;
	free(c);
	arena_deinit(&arena);
}

/* One of the two settings that say where the admin socket is, as the reader would take it. */
static void
read_one(const struct value_env *e, const struct node *n, const char *path, struct config *c)
{
	const struct setting *s = setting_find(slice_of(path));
	struct buf BUF_CLEAN why = { 0 };
	const char *given = s->env ? getenv(s->env) : NULL;
	struct slice rest;

	if (n && n->kind == NODE_SCALAR && n->text.n > 0 && value_parse(e, s, n->text, c, &why))
		return;
	if (given && *given && value_parse(e, s, slice_cut(slice_of(given), ':', &rest), c, &why))
		return;
	if (s->initial && !value_parse(e, s, slice_of(s->initial), c, &why))
		abort();
}

int
config_admin_socket(const char *file, struct buf *out, struct buf *report)
{
	struct config c = { 0 };
	struct document d;
	struct value_env e;
	char *folder;
	mode_t mode;
	int r = read_document(file, &d, &mode, report);

	if (r == 0) {
		folder = folder_of(file);
		e = (struct value_env){ &c.arena, folder };
		read_one(&e, node_get(d.root, SLICE("run_dir")), "run_dir", &c);
		read_one(&e, node_at(d.root, SLICE("admin.socket")), "admin.socket", &c);
		if (c.admin_socket.unix_path)
			buf_addf(out, "%s", c.admin_socket.unix_path);
		else
			buf_addf(out, "%s/admin.sock", c.run_dir);
		free(folder);
	}
	arena_deinit(&c.arena);
	document_deinit(&d);
	return r ? 2 : 0;
}

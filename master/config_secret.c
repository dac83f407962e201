/*
 * config_secret: a secret in one of its four forms: {file: PATH}, {env: NAME}, {credential: NAME}
 * or the text itself. No message repeats a byte of it.
 */

#include "config_read.h"

#include "address.h"
#include "file.h"

#include <stdlib.h>

#define SECRET_MAX ((size_t)65536)

static void
keep(struct config_reader *r, struct slice bytes, const char *how, const char *name,
     struct config_secret *out)
{
	struct buf BUF_CLEAN origin = { 0 };

	buf_addf(&origin, "%s%s%s", how, *name ? " " : "", name);
	out->bytes = arena_string(&r->c->arena, bytes);
	out->n = bytes.n;
	out->origin = arena_string(&r->c->arena, buf_slice(&origin));
}

static void
warn_readable(struct config_reader *r, int line, const char *file, mode_t mode,
	      const struct config_secret *out)
{
	struct slice key = slice_of(config_key(r)), what = SLICE("public_key");
	bool public = key.n >= what.n && slice_eq(slice_make(key.p + key.n - what.n, what.n), what);

	if (!public && (mode & (S_IRWXG | S_IRWXO)))
		mistakes_add(
		    &r->mistakes, true, line, config_key(r),
		    "%s has mode %04o, so others than its owner can read the secret; chmod 600 %s",
		    file, (unsigned)mode & 07777, file);
}

/* The folder of credentials is closed to others. Where a list of rights lets us read one there, as
 * systemd of Debian 13 makes it, the mode of the file shows the rights of its group in vain. */
static void
read_file(struct config_reader *r, int line, bool credential, const char *path, const char *name,
	  struct config_secret *out)
{
	struct buf FILE_SECRET text = { 0 };
	struct stat st;
	int error = file_read(path, SECRET_MAX, &text, &st);

	if (error < 0) {
		mistakes_add(&r->mistakes, false, line, config_key(r), "%s cannot be read: %s",
			     path, file_error(error));
		return;
	}
	if (text.n > 0 && text.p[text.n - 1] == '\n')
		text.n--;
	if (!credential)
		warn_readable(r, line, path, st.st_mode, out);
	keep(r, buf_slice(&text), credential ? "credential" : "file", name, out);
}

static void
read_env(struct config_reader *r, int line, const char *name, struct config_secret *out)
{
	const char *text = getenv(name);

	if (text)
		keep(r, slice_of(text), "env", name, out);
	else
		mistakes_add(
		    &r->mistakes, false, line, config_key(r),
		    "the environment variable %s is not set; set it where the gateway is started",
		    name);
}

static void
read_credential(struct config_reader *r, int line, const char *name, struct config_secret *out)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	struct buf BUF_CLEAN path = { 0 };

	if (strchr(name, '/')) {
		mistakes_add(&r->mistakes, false, line, config_key(r),
			     "a credential is a name, not a path; write {file: PATH} for a path");
		return;
	}
	if (!folder || !*folder) {
		mistakes_add(&r->mistakes, false, line, config_key(r),
			     "there are no credentials (CREDENTIALS_DIRECTORY is not set); put "
			     "LoadCredential=%s:PATH into the unit",
			     name);
		return;
	}
	buf_addf(&path, "%s/%s", folder, name);
	buf_addc(&path, '\0');
	read_file(r, line, true, path.p, name, out);
}

void
config_read_secret(struct config_reader *r, const struct node *n, struct config_secret *out)
{
	const struct node *value =
	    n->kind == NODE_MAPPING && n->count == 1 ? n->pairs[0].value : NULL;
	const struct node *key = value ? n->pairs[0].key : NULL;
	const char *name = value && value->kind == NODE_SCALAR ? value->text.p : "";

	*out = (struct config_secret){ 0 };
	if (n->kind == NODE_SCALAR) {
		bool second = n->line >= MISTAKES_LINES;

		if (n->text.n > 0)
			warn_readable(r, n->line, second ? r->mistakes.places[1] : r->file,
				      second ? r->second_mode : r->mode, out);
		keep(r, n->text, "configuration", "", out);
	} else if (!*name || key->kind != NODE_SCALAR) {
		mistakes_add(&r->mistakes, false, n->line, config_key(r),
			     "this is no secret; write {file: PATH}, {env: NAME}, {credential: "
			     "NAME} or a text");
	} else if (slice_eq(key->text, SLICE("file"))) {
		const char *path = address_path(&r->c->arena, value->text, r->env.folder);

		read_file(r, n->line, false, path, path, out);
	} else if (slice_eq(key->text, SLICE("env"))) {
		read_env(r, n->line, name, out);
	} else if (slice_eq(key->text, SLICE("credential"))) {
		read_credential(r, n->line, name, out);
	} else {
		mistakes_add(&r->mistakes, false, key->line, config_key(r),
			     "\"%s\" is no place of a secret; write {file: PATH}, {env: NAME} or "
			     "{credential: NAME}",
			     key->text.p);
	}
}

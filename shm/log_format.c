#include "log_format.h"

_Static_assert(LOG_FIELD_N < 0x5f, "a field's number is one printable byte");

static const struct slice names[LOG_FIELD_N] = {
#define X(name, json) { #name, sizeof #name - 1 },
	LOG_FIELDS(X)
#undef X
};

const char *
log_field_name(enum log_field field)
{
	return names[field].p;
}

static bool
is_of_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* `text` begins with a '$'. Bytes used, 0: it names nothing. */
static size_t
compile_field(struct slice text, struct buf *out, struct slice *bad)
{
	size_t n = 1;

	if (text.n > 1 && text.p[1] == '$') {
		buf_addc(out, '$');
		return 2;
	}
	while (n < text.n && is_of_name(text.p[n]))
		n++;
	for (int i = 0; i < LOG_FIELD_N; i++) {
		if (!slice_eq(names[i], slice_make(text.p + 1, n - 1)))
			continue;
		buf_addc(out, LOG_FORMAT_FIELD);
		buf_addc(out, (char)(' ' + i));
		return n;
	}
	*bad = slice_make(text.p, n);
	return 0;
}

int
log_format_compile(struct slice text, struct buf *out, struct slice *bad)
{
	for (size_t i = 0; i < text.n;) {
		unsigned char c = (unsigned char)text.p[i];

		if (c == '$') {
			size_t n = compile_field(slice_make(text.p + i, text.n - i), out, bad);

			if (n == 0)
				return 1;
			i += n;
		} else if (c >= ' ' && c != 0x7f) {
			buf_addc(out, text.p[i++]);
		} else {
			*bad = slice_make(text.p + i, 1);
			return 1;
		}
	}
	return 0;
}

bool
log_format_next(struct slice *program, struct log_part *part)
{
	const char *mark = program->n > 0 ? memchr(program->p, LOG_FORMAT_FIELD, program->n) : NULL;
	size_t n = mark ? (size_t)(mark - program->p) : program->n;

	if (program->n == 0)
		return false;
	*part = (struct log_part){ .field = LOG_FIELD_N };
	if (n > 0) {
		part->literal = slice_make(program->p, n);
	} else {
		n = program->n < 2 ? 1 : 2;
		if (n == 2 && program->p[1] >= ' ' && program->p[1] < ' ' + LOG_FIELD_N)
			part->field = (enum log_field)(program->p[1] - ' ');
	}
	*program = slice_make(program->p + n, program->n - n);
	return true;
}

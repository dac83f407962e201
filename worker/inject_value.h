#pragma once

/*
 * inject_value: a credential as it stands in a header. Bytes in, bytes out; knows no request. What
 * is told comes from providers and from tokens, which may hold anything: what could not stand there
 * and mean the same to every reader is not put there.
 */

#include "lib/buf.h"
#include "lib/json.h"
#include "shm/table_login.h"

#define INJECT_VALUE_MAX 16384u  /* bytes of a value, before its form */
#define INJECT_CLAIMS_MAX 65536u /* bytes of the claims of a token */
#define INJECT_CLAIMS_DEPTH 16u

/* "field: value" in its form and the end of the line, appended. False, and nothing is, when the
 * value is empty or too long, or has to stand as it is and has other bytes than visible ASCII with
 * blanks between. `user`: of CREDENTIAL_BASIC. */
bool inject_line(struct buf *out, struct slice field, enum credential_form form, struct slice user,
		 struct slice value);
/* The claim as text: a string as it is, anything else as JSON. False, and nothing is appended, when
 * it is missing or null. */
bool inject_claim(const struct json *claims, struct slice path, struct buf *out);
/* A JSON value in ASCII alone, without blanks. */
void inject_json(const struct json *v, struct buf *out);

struct inject_git {
	struct slice origin; /* of the server: "https://gitlab.example.org" */
	struct slice provider, token;
	int64_t expires; /* seconds since 1970; INT64_MAX: never */
};
/* As JSON, in ASCII. */
void inject_git(const struct inject_git *g, struct buf *out);

#pragma once

/*
 * settings: THE table. One row a setting: where it stands in the file and in struct config, its
 * type, default, range, and a sentence. The rows drive the reader, `yett check`, the dump of the
 * effective configuration, the suggestion for an unknown key, `yett help settings` and the manual
 * page's test. A setting that has no row does not exist.
 *
 * A path is written as it stands in the file: "timeouts.connect"; below a list "routes[].path";
 * below a mapping by name "upstreams.*.health.path", where the row "upstreams.*" is the name
 * itself.
 */

#include "config.h"

enum setting_type {
	SETTING_BOOL,
	SETTING_INT, /* unsigned; `words` are accepted beside numbers */
	SETTING_SIGNED,
	SETTING_DURATION, /* in ms */
	SETTING_SECONDS,  /* written as a duration, kept in seconds */
	SETTING_RATIO,    /* 0 to 1, kept in parts of TRACE_PARTS */
	SETTING_SIZE,     /* bytes; "off" is INT64_MAX: no limit */
	SETTING_WORD,     /* one of `words` */
	SETTING_FLAGS,    /* a list of `words`: bits */
	SETTING_STRING,
	SETTING_TEXT,     /* the same, of several lines */
	SETTING_NAME,     /* letters, digits, '.', '_' and '-' */
	SETTING_TOKEN,    /* a token of RFC 9110 section 5.6.2: the name of a cookie or a header */
	SETTING_QUOTABLE, /* what may stand between double quotes in a header */
	SETTING_PATH,     /* of a URL, made canonical */
	SETTING_FILE,     /* of the file system, made absolute */
	SETTING_LISTEN,   /* an address to listen on */
	SETTING_ADDRESS,  /* an address to connect to; min is the port where it names none */
	SETTING_SOCKET,   /* path of a Unix socket */
	SETTING_ENDPOINT,
	SETTING_HOST, /* a host, host:port or *.domain */
	SETTING_HOST_HEADER,
	SETTING_HASH_BY, /* what a request is told apart by */
	SETTING_PATTERN, /* a regular expression (lib/pattern.h) */
	SETTING_SHA256,  /* 64 hexadecimal digits */
	SETTING_MOMENT,  /* a date with or without a time, or seconds since 1970; kept as those */
	SETTING_OBJECT,  /* a mapping of anything, kept as the text of a JSON object */
	SETTING_JSON,    /* anything, kept as JSON; also null */
	SETTING_LOG,     /* where the access log goes */
	SETTING_STRINGS, /* a list; so are the next three */
	SETTING_TOKENS,
	SETTING_NETWORKS,
	SETTING_SERVERS,
	SETTING_SECRET,
	SETTING_AUTHORISE, /* who may (authorise.h) */
	SETTING_LIST,      /* of children */
	SETTING_MAP,       /* of children by name */
};

struct setting_word {
	const char *word;
	uint32_t value;
};

struct setting_children {
	size_t size;       /* of one child's struct */
	size_t place;      /* offset of its struct config_place */
	const char *alone; /* the row that a lone value in the place of a mapping is for; NULL: a
			      mapping it must be */
};

struct setting {
	const char *path;
	enum setting_type type;
	size_t offset;       /* in struct config, or in the child's struct */
	size_t width;        /* bytes of the field */
	size_t count;        /* offset of the number of elements (lists and children) */
	const char *initial; /* default, as it would be written; NULL: none */
	const char
	    *shown; /* what the documentation says of the default, where `initial` does not */
	const char *inherit; /* the setting whose value stands where this one is not given */
	bool late;           /* ... looked up by the compiler: here all bits are set instead */
	bool required;       /* of a child */
	bool restart;        /* a reload cannot change it */
	int64_t min, max;    /* of numbers; lengths of texts */
	const struct setting_word *words;
	const struct setting_children *children;
	const char *env;     /* the environment variable that stands before the default */
	const char *text;    /* one sentence */
	const char *example; /* as it would be written */
};

struct setting_profile { /* `compatibility:` changes defaults, and nothing else */
	enum profile profile;
	const char *path, *initial;
};

extern const struct setting settings[];
extern const size_t settings_count;
extern const struct setting_profile setting_profiles[];
extern const size_t setting_profiles_count;

/* NULL when there is no such row. */
const struct setting *setting_find(struct slice path);
/* Does any row stand below this path? */
bool setting_section(struct slice path);
/* The rows that belong to the struct at `prefix` ("" the configuration, "routes[]", "upstreams.*"),
 * those of its sections included and those of its children not. Starts with NULL, ends with NULL.
 */
const struct setting *setting_next(struct slice prefix, const struct setting *at);
/* The key below `prefix` that this row is, or stands below: "connect" of "timeouts.connect" below
 * "timeouts". Empty: it is not below it, or a name of children. */
struct slice setting_part(const struct setting *s, struct slice prefix);
/* Can the configuration file alone have it? What a store says must not make the gateway open
 * files. */
bool setting_of_file(const struct setting *s);
/* The default under this profile; NULL: none. */
const char *setting_initial(const struct setting *s, enum profile profile);
/* Does the profile change it? */
bool setting_in_profile(const struct setting *s, enum profile profile);
const char *setting_profile_name(enum profile profile);
const char *setting_word_name(const struct setting_word *words,
			      uint32_t value); /* NULL: none has this value */
/* "duration, 1ms to 1h" and the like. */
void setting_describe_type(const struct setting *s, struct buf *out);
/* "5s", "none", "as timeouts.connect". */
void setting_describe_default(const struct setting *s, struct buf *out);
/* The known key of section `prefix` that is nearest to `key`, if one is near: appended to `out`
 * (else nothing is). */
void setting_suggest(struct slice prefix, struct slice key, struct buf *out);
/* The same for words; `names` ends with a NULL word. */
void setting_suggest_word(const struct setting_word *words, struct slice word, struct buf *out);

/* lib/http_client: every kind of answer, whole and byte by byte, every way to fail, and cancelled
 * at every moment. */

#include "lib/http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop_server.h"

struct client {
	uv_loop_t loop;
	struct server server;
	struct http_client *handle;
	unsigned done;
	int status;
	char body[1 << 17];
	char head[256]; /* reason and fields, of who asked */
	unsigned again; /* asks so often more from its callback */
};

static int
setup(void **state)
{
	struct client *t = xcalloc(1, sizeof *t);

	uv_loop_init(&t->loop);
	server_open(&t->server, &t->loop, "0.0.0.0", 0);
	*state = t;
	return 0;
}

static int
teardown(void **state)
{
	struct client *t = *state;

	server_close(&t->server);
	uv_run(&t->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&t->loop), 0);
	free(t);
	return 0;
}

static struct sockaddr_in
loopback(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons((uint16_t)port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void get(struct client *t, const struct http_client_request *more);

static void
on_done(void *userdata, int status, struct slice body)
{
	struct client *t = userdata;

	struct http_client_head head = http_client_head(t->handle);

	t->done++;
	t->status = status;
	snprintf(t->head, sizeof t->head, "%.*s|%.*s", SLICE_F(head.reason), SLICE_F(head.fields));
	t->handle = NULL;
	assert_true(body.n < sizeof t->body);
	if (body.n)
		memcpy(t->body, body.p, body.n);
	t->body[body.n] = '\0';
	if (t->again-- > 0)
		get(t, &(struct http_client_request){ .body_max = 64 });
	else
		t->again = 0;
}

/* What `more` leaves open: the test's server, two seconds. */
static void
get(struct client *t, const struct http_client_request *more)
{
	struct sockaddr_in address = loopback(t->server.port);
	struct http_client_request q = *more;

	if (!q.address && !q.unix_path)
		q.address = (struct sockaddr *)&address;
	q.host = q.host ? q.host : "test";
	q.path = q.path ? q.path : "/";
	q.timeout_ms = q.timeout_ms ? q.timeout_ms : 2000;
	assert_int_equal(http_client_get(&t->loop, &q, on_done, t, &t->handle), 0);
}

static void
wait_done(struct client *t)
{
	unsigned before = t->done;

	while (t->done == before)
		uv_run(&t->loop, UV_RUN_ONCE);
}

#define OK "HTTP/1.1 200 OK\r\n"
#define NO_LENGTH "0123456789"

static const struct {
	const char *answer;
	bool hold; /* the server does not close */
	size_t body_max;
	bool keep;
	int status;
	const char *body;
} cases[] = {
	{ OK "Content-Length: 5\r\n\r\nhello", true, 64, true, 200, "hello" },
	{ OK "Content-Length: 5\r\n\r\nhello", true, 64, false, 200, "" },
	{ OK "Content-Length: 0\r\n\r\n", true, 0, true, 200, "" },
	{ OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n", true,
	  5, true, 200, "abcde" },
	{ OK "\r\n" NO_LENGTH, false, 64, true, 200, NO_LENGTH },
	{ "HTTP/1.0 200 OK\r\n\r\n" NO_LENGTH, false, 64, true, 200, NO_LENGTH },
	{ "HTTP/1.1 204 No Content\r\n\r\n", true, 64, true, 204, "" },
	{ "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", true, 64, true, 304, "" },
	{ "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", true, 64, true, 404, "no" },
	{ "HTTP/1.1 503 x\r\n\r\n", false, 64, false, 503, "" },
	{ "HTTP/1.1 301 x\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n", true, 64, false, 301, "" },
	{ "HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 2\r\n\r\nok", true, 64, true, 200,
	  "ok" },
	{ "HTTP/1.1 103 x\r\nLink: </a>\r\n\r\nHTTP/1.1 102 x\r\n\r\n" OK
	  "Content-Length: 2\r\n\r\nok",
	  true, 64, true, 200, "ok" },
	{ "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nbytes", true, 64, true, 101,
	  "" },
	{ OK "Content-Length: 5\r\nConnection: keep-alive\r\n\r\nhello" OK "\r\n", true, 64, true,
	  200, "hello" },
	/* bounds */
	{ OK "Content-Length: 5\r\n\r\nhello", true, 5, true, 200, "hello" },
	{ OK "Content-Length: 5\r\n\r\nhello", true, 4, true, -EMSGSIZE, "" },
	{ OK "Content-Length: 5\r\n\r\nhello", true, 4, false, 200, "" },
	{ OK "\r\n" NO_LENGTH, true, 9, true, -EMSGSIZE, "" },
	{ OK "\r\n" NO_LENGTH, true, 9, false, 200, "" },
	/* cut off, or no HTTP */
	{ OK "Content-Length: 9\r\n\r\nhello", false, 64, true, -ECONNRESET, "" },
	{ OK "Content-Length: 9\r\n\r\nhello", false, 64, false, -ECONNRESET, "" },
	{ OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", false, 64, true, -ECONNRESET, "" },
	{ OK "Content-Le", false, 64, true, -ECONNRESET, "" },
	{ "HTTP/1.1 100 Continue\r\n\r\n", false, 64, true, -ECONNRESET, "" },
	{ "", false, 64, true, -ECONNRESET, "" },
	{ "SSH-2.0-OpenSSH_9.2\r\n", true, 64, true, -EBADMSG, "" },
	{ "HTTP/1.1 000 x\r\n\r\nx", true, 64, true, -EBADMSG, "" },
	{ OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", true, 64, true, -EBADMSG, "" },
	{ OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true, 64, true,
	  -EBADMSG, "" },
	{ OK "Transfer-Encoding: chunked\r\n\r\nzz\r\n", true, 64, true, -EBADMSG, "" },
	{ OK "A: b\nC: d\r\n\r\n", true, 64, true, -EBADMSG, "" },
};

static void
test_answers(void **state)
{
	static const size_t pieces[] = { 0, 1, 7 };
	struct client *t = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (size_t p = 0; p < 3; p++) {
			t->server.answer = cases[i].answer;
			t->server.keep = cases[i].hold;
			t->server.piece = pieces[p];
			get(t, &(struct http_client_request){ .body_max = cases[i].body_max,
							      .keep = cases[i].keep });
			wait_done(t);
			if (t->status != cases[i].status || strcmp(t->body, cases[i].body) != 0)
				fail_msg("case %zu piece %zu: %d \"%s\"", i, pieces[p], t->status,
					 t->body);
		}
	}
	assert_int_equal(t->done, 3 * sizeof cases / sizeof cases[0]);
}

static void
test_head(void **state)
{
	static const char answer[] =
	    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
	    "HTTP/1.1 299 Quite All Right\r\nX-A: 1\r\nx-a:\t2 \r\nEmpty:\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nTrailer: 1\r\n\r\n";
	static const size_t pieces[] = { 0, 1, 7 };
	struct client *t = *state;

	for (size_t p = 0; p < 6; p++) {
		bool wanted = p < 3;

		t->server.answer = answer;
		t->server.piece = pieces[p % 3];
		get(t, &(struct http_client_request){
			   .body_max = 64, .keep = true, .keep_head = wanted });
		wait_done(t);
		assert_int_equal(t->status, 299);
		assert_string_equal(t->body, "ok");
		assert_string_equal(t->head, wanted ? "Quite All Right|X-A: 1\r\nx-a: 2 \r\nEmpty: "
						      "\r\nTransfer-Encoding: chunked\r\n"
						    : "|");
	}
}

static void
test_request(void **state)
{
	struct client *t = *state;
	char version[32];
	int n = 0;

	t->server.answer = OK "\r\n";
	get(t, &(struct http_client_request){ .host = "a.test:81", .path = "/x?y=z" });
	wait_done(t);
	assert_int_equal(
	    sscanf(t->server.request,
		   "GET /x?y=z HTTP/1.1\r\nHost: a.test:81\r\nUser-Agent: yett/%31[0-9.]%n",
		   version, &n),
	    1);
	assert_string_equal(t->server.request + n, "\r\nAccept: */*\r\nConnection: close\r\n\r\n");
}

static void
test_large_head(void **state)
{
	struct client *t = *state;
	char *head = xmalloc(100001);

	memset(head, 'a', 100000);
	memcpy(head, OK "A: ", strlen(OK "A: "));
	head[100000] = '\0';
	t->server.answer = head;
	get(t, &(struct http_client_request){ .body_max = 64 });
	wait_done(t);
	assert_int_equal(t->status, -EMSGSIZE);
	free(head);
}

static void
test_large_body(void **state)
{
	struct client *t = *state;
	char *answer = xmalloc(100001);

	memset(answer, 'a', 100000);
	memcpy(answer, OK "\r\n", strlen(OK "\r\n"));
	answer[100000] = '\0';
	t->server.answer = answer;
	get(t, &(struct http_client_request){ .body_max = 100000, .keep = true });
	wait_done(t);
	assert_int_equal(t->status, 200);
	assert_string_equal(t->body, answer + strlen(OK "\r\n"));
	free(answer);
}

static void
test_silence(void **state)
{
	static const char *const answers[] = { NULL, OK, OK "Content-Length: 9\r\n\r\nhello",
					       "HTTP/1.1 100 Continue\r\n\r\n" };
	struct client *t = *state;

	t->server.keep = true;
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		uint64_t before = uv_hrtime();

		t->server.answer = answers[i];
		get(t, &(struct http_client_request){ .body_max = 64, .timeout_ms = 50 });
		wait_done(t);
		assert_int_equal(t->status, -ETIMEDOUT);
		assert_true(uv_hrtime() - before >= 45000000);
	}
}

static void
test_refused(void **state)
{
	struct client *t = *state;
	struct sockaddr_in address;

	server_close(&t->server); /* a port that was free a moment ago */
	uv_run(&t->loop, UV_RUN_NOWAIT);
	address = loopback(t->server.port);
	get(t, &(struct http_client_request){ .address = (struct sockaddr *)&address });
	assert_int_equal(t->done, 0); /* never from within the call */
	wait_done(t);
	assert_int_equal(t->status, -ECONNREFUSED);
}

static void
test_reset(void **state)
{
	struct client *t = *state;

	t->server.reset = true;
	get(t, &(struct http_client_request){ .body_max = 64 });
	wait_done(t);
	assert_int_equal(t->status, -ECONNRESET);
}

static void
test_unix(void **state)
{
	struct client *t = *state;
	struct server other = { .answer = OK "Content-Length: 2\r\n\r\nok" };
	char folder[] = "/tmp/yett-test-XXXXXX", path[64];

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/s", folder);
	get(t, &(struct http_client_request){ .unix_path = path });
	wait_done(t);
	assert_int_equal(t->status, -ENOENT);
	server_open_unix(&other, &t->loop, path);
	get(t, &(struct http_client_request){ .unix_path = path, .body_max = 9, .keep = true });
	wait_done(t);
	assert_int_equal(t->status, 200);
	assert_string_equal(t->body, "ok");
	server_close(&other);
	uv_run(&t->loop, UV_RUN_NOWAIT);
	unlink(path);
	rmdir(folder);
}

static void
test_refuses_to_ask(void **state)
{
	static const struct {
		const char *host, *path;
		int error;
	} bad[] = {
		{ "a", "", -EINVAL },          { "a", "x", -EINVAL },
		{ "a", "/\r\nX: y", -EINVAL }, { "a\r\nX: y", "/", -EINVAL },
		{ "a b", "/", -EINVAL },       { "a", "/ HTTP/1.1", -EINVAL },
		{ "a\tb", "/", -EINVAL },      { "a", "/\x7f", -EINVAL },
	};
	struct client *t = *state;
	struct sockaddr_in address = loopback(t->server.port);
	struct http_client_request q = { .address = (struct sockaddr *)&address,
					 .timeout_ms = 100 };
	char path[200];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		q.host = bad[i].host;
		q.path = bad[i].path;
		assert_int_equal(http_client_get(&t->loop, &q, on_done, t, &t->handle),
				 bad[i].error);
	}
	memset(path, 'a', sizeof path);
	path[0] = '/';
	path[sizeof path - 1] = '\0';
	q = (struct http_client_request){ .unix_path = path, .host = "a", .path = "/" };
	assert_int_equal(http_client_get(&t->loop, &q, on_done, t, &t->handle), -ENAMETOOLONG);
	uv_run(&t->loop, UV_RUN_NOWAIT);
	assert_int_equal(t->done, 0);
}

/* A request that is whole goes out as it is; what answers a HEAD has a length and no body. */
static void
test_whole(void **state)
{
	static const char whole[] = "HEAD /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
	struct client *t = *state;
	struct sockaddr_in address = loopback(t->server.port);
	struct http_client_request q = {
		.address = (struct sockaddr *)&address,
		.whole = slice_of(whole),
		.head = true,
		.body_max = 64,
		.timeout_ms = 2000,
	};

	t->server.answer = OK "Content-Length: 5\r\n\r\n";
	t->server.keep = true;
	assert_int_equal(http_client_send(&t->loop, &q, on_done, t, &t->handle), 0);
	wait_done(t);
	assert_int_equal(t->status, 200);
	assert_string_equal(t->server.request, whole);
}

/* At every turn of the loop from before the connection stands till after the answer is there. */
static void
test_cancel(void **state)
{
	struct client *t = *state;
	unsigned finished = 0;

	t->server.answer = OK "Content-Length: 5\r\n\r\nhello";
	t->server.piece = 4;
	for (unsigned turns = 0; turns < 60; turns++) {
		get(t, &(struct http_client_request){ .body_max = 64, .keep = true });
		for (unsigned i = 0; i < turns && t->handle; i++)
			uv_run(&t->loop, UV_RUN_NOWAIT);
		finished += !t->handle;
		if (t->handle)
			http_client_cancel(t->handle);
		for (unsigned i = 0; i < 5; i++)
			uv_run(&t->loop, UV_RUN_NOWAIT);
		assert_int_equal(t->done, finished);
	}
	assert_in_range(finished, 1, 50);
}

static void
test_cancel_refused(void **state)
{
	struct client *t = *state;
	struct sockaddr_in address = loopback(t->server.port);

	server_close(&t->server);
	uv_run(&t->loop, UV_RUN_NOWAIT);
	get(t, &(struct http_client_request){ .address = (struct sockaddr *)&address });
	http_client_cancel(t->handle);
	uv_run(&t->loop, UV_RUN_DEFAULT);
	assert_int_equal(t->done, 0);
}

static void
test_again_from_callback(void **state)
{
	struct client *t = *state;

	t->server.answer = OK "Content-Length: 0\r\n\r\n";
	t->again = 9;
	get(t, &(struct http_client_request){ .body_max = 64 });
	while (t->done < 10)
		uv_run(&t->loop, UV_RUN_ONCE);
	assert_int_equal(t->server.requests, 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_head, setup, teardown),
		cmocka_unit_test_setup_teardown(test_request, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_head, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_body, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refuses_to_ask, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_again_from_callback, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

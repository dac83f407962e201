/* What workers may have the master post to a provider. */

#include "master/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define EXCHANGED "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange"

static void
forms(void **state)
{
	static const struct {
		enum exchange_kind kind;
		bool fits;
		const char *form;
	} cases[] = {
		{ EXCHANGE_CODE, true,
		  "grant_type=authorization_code&code=a%2Fb&redirect_uri=https%3A%2F%2Fa.test%2Fcb"
		  "&code_verifier=a-b_c.d~e" },
		{ EXCHANGE_REFRESH, true, "grant_type=refresh_token&refresh_token=a.b.c" },
		{ EXCHANGE_REVOKE, true, "token=a&token_type_hint=refresh_token" },
		{ EXCHANGE_REVOKE, true, "token_type_hint=refresh_token&token=a" },
		{ EXCHANGE_TOKEN, true,
		  EXCHANGED "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3A"
			    "access_token&subject_token=a.b.c&audience=b&scope=a%20b" },
		/* other grants, under whatever name */
		{ EXCHANGE_CODE, false, "grant_type=client_credentials" },
		{ EXCHANGE_CODE, false, "grant_type=password&username=a&password=b" },
		{ EXCHANGE_CODE, false, "grant_type=refresh_token&refresh_token=a" },
		{ EXCHANGE_REFRESH, false, "grant_type=authorization_code&code=a" },
		{ EXCHANGE_REVOKE, false, "grant_type=client_credentials" },
		{ EXCHANGE_CODE, false, "code=a" },
		{ EXCHANGE_CODE, false,
		  "grant_type=authorization_code&grant_type=client_credentials" },
		{ EXCHANGE_CODE, false,
		  "grant_type=authorization_code&grant%5Ftype=client_credentials" },
		{ EXCHANGE_CODE, false,
		  "grant_type=authorization_code&code=a;grant_type=client_credentials" },
		{ EXCHANGE_CODE, false,
		  "grant_type=authorization_code&code=a\r\ngrant_type=client_credentials" },
		/* in another's name */
		{ EXCHANGE_TOKEN, false, EXCHANGED "&subject_token=a&requested_subject=admin" },
		{ EXCHANGE_TOKEN, false, EXCHANGED "&subject_token=a&actor_token=b" },
		{ EXCHANGE_REFRESH, false,
		  "grant_type=refresh_token&refresh_token=a&client_id=other" },
		/* no forms */
		{ EXCHANGE_REVOKE, false, "token" },
		{ EXCHANGE_REVOKE, false, "token=a&" },
		{ EXCHANGE_REVOKE, false, "&token=a" },
		{ EXCHANGE_REVOKE, false, "token=a=b" },
		{ EXCHANGE_REVOKE, false, "token=a&token=b" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (exchange_form_fits(cases[i].kind, slice_of(cases[i].form)) != cases[i].fits)
			fail_msg("%s", cases[i].form);
	}
	assert_false(exchange_form_fits(EXCHANGE_REVOKE, slice_make("token=a\0b", 9)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

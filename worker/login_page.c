#include "login_page.h"

#include "lib/base64.h"
#include "lib/sha256.h"

static const char style[] =
    ":root{color-scheme:light dark;--bg:#f3f4f6;--card:#fff;--text:#1c2430;--dim:#5b6675;"
    "--line:#d8dde4;--main:#1f5fbf;--on:#fff}"
    "@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1b212a;--text:#e6eaf0;"
    "--dim:#9aa6b5;--line:#333d4a;--main:#7fb0ff;--on:#0d1420}}"
    "*{box-sizing:border-box}"
    "body{margin:0;min-height:100vh;display:flex;align-items:center;justify-content:center;"
    "padding:1rem;font:1rem/1.55 system-ui,-apple-system,\"Segoe UI\",Roboto,sans-serif;"
    "background:var(--bg);color:var(--text)}"
    "main{width:100%;max-width:27rem;padding:2rem 1.75rem 1.25rem;background:var(--card);"
    "border:1px solid var(--line);border-radius:.75rem;overflow-wrap:anywhere}"
    "h1{margin:0 0 .6rem;font-size:1.4rem;line-height:1.25}"
    "p{margin:0 0 1.4rem}form{margin:0}"
    "nav{display:grid;gap:.6rem}"
    ".b{display:block;width:100%;padding:.7rem 1rem;border:1px solid var(--line);"
    "border-radius:.5rem;background:none;color:inherit;font:inherit;font-weight:600;"
    "text-align:center;text-decoration:none;cursor:pointer}"
    ".m{border-color:var(--main);background:var(--main);color:var(--on)}"
    ".b:hover{border-color:var(--main)}.m:hover{filter:brightness(1.08)}"
    ".b:focus-visible{outline:3px solid var(--main);outline-offset:2px}"
    "footer{margin-top:1.5rem;padding-top:.8rem;border-top:1px solid var(--line);"
    "font-size:.8rem;color:var(--dim)}"
    "footer span{display:block}code{font-family:ui-monospace,monospace}";

static void
add_action(const struct login_action *a, bool main, struct buf *out)
{
	const char *class = main ? "b m" : "b";

	if (!a->label)
		return;
	buf_addf(out, a->post ? "<form method=\"post\" action=\"" : "<a class=\"%s\" href=\"",
		 class);
	buf_add_html(out, a->href);
	if (!a->post) {
		buf_addf(out, "\">%s</a>\n", a->label);
		return;
	}
	buf_adds(out, SLICE("\">"));
	if (a->place.n > 0) {
		buf_adds(out, SLICE("<input type=\"hidden\" name=\"redirect_url\" value=\""));
		buf_add_html(out, a->place);
		buf_adds(out, SLICE("\">"));
	}
	buf_addf(out, "<button class=\"%s\">%s</button></form>\n", class, a->label);
}

void
login_page_write(const struct login_page *page, struct buf *out)
{
	buf_addf(
	    out,
	    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	    "<meta name=\"robots\" content=\"noindex\">\n<title>%s</title>\n<style>%s</style>\n"
	    "</head>\n<body>\n<main>\n<h1>%s</h1>\n<p>",
	    page->title, style, page->title);
	buf_add_html(out, page->text);
	buf_adds(out, SLICE("</p>\n<nav aria-label=\"What to do next\">\n"));
	add_action(&page->first, true, out);
	add_action(&page->second, false, out);
	buf_adds(out, SLICE("</nav>\n"));
	if (page->reason[0]) {
		buf_addf(out, "<footer><span>Reason: <code>%s</code></span><span>Request: <code>",
			 page->reason);
		buf_add_html(out, page->id);
		buf_adds(out, SLICE("</code></span></footer>\n"));
	}
	buf_adds(out, SLICE("</main>\n</body>\n</html>\n"));
}

/* CSP names the style by its digest, so that no other one is taken. */
static struct slice
style_digest(void)
{
	static char text[64];
	static size_t n;
	uint8_t digest[SHA256_BYTES];

	if (n == 0 && sha256(SLICE(style), digest))
		n = base64_encode(slice_make((const char *)digest, sizeof digest), text);
	return slice_make(text, n);
}

/* form-action would hold for where a logout is redirected to, too, which is at the provider. For
 * no-referrer a browser would say "Origin: null" with the form. */
void
login_page_fields(bool posts, struct buf *out)
{
	buf_addf(out,
		 "Cache-Control: no-cache, no-store, must-revalidate, max-age=0\r\n"
		 "Pragma: no-cache\r\n"
		 "Expires: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
		 "Referrer-Policy: %s\r\n"
		 "X-Content-Type-Options: nosniff\r\n"
		 "X-Frame-Options: DENY\r\n"
		 "Content-Security-Policy: default-src 'none'; style-src 'sha256-%.*s'; "
		 "base-uri 'none'; frame-ancestors 'none'%s\r\n",
		 posts ? "same-origin" : "no-referrer", SLICE_F(style_digest()),
		 posts ? "" : "; form-action 'none'");
}

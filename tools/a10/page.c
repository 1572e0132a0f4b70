#include "page.h"

/* The icons are masks, so they take the colour of the text in both schemes. */
#define SVG(paths)                                                            \
	"url(\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' " \
	"viewBox='0 0 16 16'%3E%3Cpath d='" paths "'/%3E%3C/svg%3E\")"

#define ICON_FOLDER SVG("M1 3.5 2 2h4l1.5 2H15v10H1z")
#define ICON_FILE   SVG("M3 1h6.5L13 4.5V15H3zm1.2 1.2v11.6h7.6V5.2H8.8v-3z")
#define ICON_PARENT SVG("M8 2 2.5 7.5l1 1L7.2 4.9V14h1.6V4.9l3.7 3.6 1-1z")

static const char style[] =
	":root{color-scheme:light dark;--back:#fff;--text:#1f2328;"
	"--faint:#656d76;--line:#d8dee4;--over:#f3f5f8;--link:#0757ba}\n"
	"@media(prefers-color-scheme:dark){:root{--back:#0f1318;"
	"--text:#e6edf3;--faint:#8d96a0;--line:#2a313a;--over:#1a2028;"
	"--link:#79b8ff}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0;background:var(--back);color:var(--text);"
	"font:16px/1.5 system-ui,sans-serif}\n"
	"main{max-width:60rem;margin:0 auto;padding:2rem 1rem}\n"
	"h1{font-size:1.35rem;font-weight:600;margin:0 0 1.25rem;"
	"overflow-wrap:anywhere}\n"
	"a{color:var(--link);text-decoration:none}\n"
	"a:hover{text-decoration:underline}\n"
	"a:focus-visible{outline:2px solid var(--link);outline-offset:2px}\n"
	"table{width:100%;border-collapse:collapse;"
	"font-variant-numeric:tabular-nums}\n"
	"th{font-size:.8rem;font-weight:500;color:var(--faint);"
	"text-align:left}\n"
	"th a{color:inherit}"
	"th[aria-sort=ascending] a::after{content:' \\2191'}"
	"th[aria-sort=descending] a::after{content:' \\2193'}\n"
	"th,td{padding:.4rem .6rem;border-bottom:1px solid var(--line)}\n"
	"tbody tr:hover{background:var(--over)}\n"
	"th:first-child,td:first-child{width:100%;overflow-wrap:anywhere}\n"
	"td+td{color:var(--faint);font-size:.9rem;white-space:nowrap}\n"
	"th:nth-child(2),td:nth-child(2){text-align:right}\n"
	"td a{display:block;padding-left:1.7rem;position:relative}\n"
	"td a::before{content:'';position:absolute;left:0;top:.22rem;"
	"width:1.1rem;height:1.1rem;background:var(--faint);"
	"-webkit-mask:var(--icon) center/contain no-repeat;"
	"mask:var(--icon) center/contain no-repeat}\n"
	".folder{--icon:" ICON_FOLDER "}.file{--icon:" ICON_FILE "}"
	".parent{--icon:" ICON_PARENT "}\n"
	"td a.folder::before{background:var(--link)}\n"
	"p,footer{color:var(--faint)}\n"
	"footer{font-size:.8rem;margin-top:1.25rem}\n"
	"@media(max-width:36rem){th:nth-child(3),td:nth-child(3)"
	"{display:none}}\n";

void page_begin(struct text *text, const char *title)
{
	text_add(text, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
		       "<meta charset=\"utf-8\">\n"
		       "<meta name=\"viewport\" "
		       "content=\"width=device-width,initial-scale=1\">\n"
		       "<link rel=\"icon\" href=\"data:,\">\n<title>");
	text_add_html(text, title);
	text_add(text, "</title>\n<style>\n");
	text_add_bytes(text, style, sizeof(style) - 1);
	text_add(text, "</style>\n</head>\n<body>\n<main>\n");
}

void page_end(struct text *text)
{
	text_add(text, "</main>\n</body>\n</html>\n");
}

/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Prints the disk usage as a self-contained HTML page. The data is inserted at the marks
 * of du.html as elements that are readable without JavaScript. The script reads it from
 * there, so names of images are escaped once, as text, and never appear in code. */
#include "composefs/repo/du_table.h"

#include <inttypes.h>
#include <string.h>

extern const char du_page[]; /* generated from du.html */

/* --- text -------------------------------------------------------------------------------- */

/* Escapes text for an element or a quoted attribute. Bytes that are not UTF-8 become
 * U+FFFD, control characters "\\x1b". */
static void put_html_text(FILE *to, const char *text)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t left = strlen(text);

	for (size_t n; left; p += n, left -= n) {
		n = cfs_utf8_measure(p, left);
		if (n == 0) {
			n = 1;
			fputs("&#xfffd;", to);
		} else if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0)) {
			fprintf(to, "\\x%02x", p[n - 1]);
		} else if (strchr("&<>\"'", *p)) {
			fprintf(to, "&#%d;", *p);
		} else {
			fwrite(p, 1, n, to);
		}
	}
}

static void put_html_name(FILE *to, const char *name)
{
	fputs("<bdi>", to);
	put_html_text(to, name);
	fputs("</bdi>", to);
}

static void put_html_bytes(FILE *to, uint64_t n, bool known)
{
	char buf[32];

	fprintf(to, "<td>%s</td>", known ? cli_format_bytes(n, buf) : "\u2013");
}

static double compute_percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* --- contents of the marks
 * -------------------------------------------------------------- */

static void put_title(FILE *to, const struct du *du)
{
	fputs("What images occupy in ", to);
	put_html_name(to, du->where);
}

static void put_plain_title(FILE *to, const struct du *du)
{
	fputs("What images occupy in ", to);
	put_html_text(to, du->where);
}

static void put_about(FILE *to, const struct du *du)
{
	fprintf(to, "Bytes are %s. ",
		du->apparent ? "the lengths of files" : "disk blocks");
	if (du->n_rows < du->n_images)
		fprintf(to, "%zu of %zu images are shown. ", du->n_rows, du->n_images);
	fputs("An image that is in use or in a stream stays, whatever its names.", to);
}

static void put_html_number(FILE *to, const char *what, uint64_t bytes, bool known)
{
	char buf[32];

	fprintf(to, "<div><dt>%s</dt><dd>%s</dd></div>\n", what,
		known ? cli_format_bytes(bytes, buf) : "\u2013");
}

/* The totals and the bar above the table. Widths are given in percent, so that the
 * page needs no script to draw them. */
static void put_html_total(FILE *to, const struct du *du)
{
	const struct cfs_gc_usage_total *t = du->total;
	double part = compute_percent(t->bytes, t->apart);

	fputs("<dl class=\"facts\">\n", to);
	put_html_number(to, "On disk together", t->bytes, true);
	put_html_number(to, "If each were alone", t->apart, true);
	put_html_number(to, "Saved", t->apart - t->bytes, true);
	put_html_number(to, "In memory now", t->cached, t->cached_known);
	fprintf(to,
		"<div><dt>Images</dt><dd>%zu</dd></div>\n"
		"<div><dt>Objects</dt><dd>%" PRIu64 "</dd></div>\n</dl>\n",
		du->n_images, t->n_objects);
	fprintf(to,
		"<svg class=\"whole\" role=\"img\" aria-label=\"%.0f percent of what "
		"separate "
		"copies would occupy\"><rect class=\"b\" width=\"100%%\" "
		"height=\"100%%\"/>"
		"<rect class=\"a\" width=\"%.2f%%\" height=\"100%%\"/></svg>\n"
		"<p class=\"key\"><span><i></i>on disk, %.0f&nbsp;%%</span><span><i "
		"class=\"b\"></i>saved, %.0f&nbsp;%%</span></p>\n",
		part, part, part, t->apart ? 100 - part : 0);
	if (t->n_missing)
		fprintf(to, "<p>%" PRIu64 " %s not there: see fsck.</p>\n", t->n_missing,
			cfs_plural(t->n_missing, "object is", "objects are"));
}

static uint64_t find_largest(const struct du *du)
{
	uint64_t most = 0;

	for (size_t i = 0; i < du->n_rows; i++)
		if (du->images[du->rows[i]].bytes > most)
			most = du->images[du->rows[i]].bytes;
	return most;
}

static void put_data(FILE *to, const struct du *du, const struct cfs_gc_usage_image *im)
{
	char buf[WHERE_ID_MAX];

	fputs("<tr data-name=\"", to);
	put_html_text(to, du_get_name(im, buf));
	fprintf(to,
		"\" data-digest=\"%s\" data-named=\"%s\" data-frees=\"%" PRIu64
		"\" data-own=\"%" PRIu64 "\" data-shared=\"%" PRIu64
		"\" data-total=\"%" PRIu64 "\" data-fair=\"%" PRIu64 "\"",
		where_format_id(&im->id, buf), im->n_names ? "yes" : "", im->frees,
		im->own, im->bytes - im->own, im->bytes, im->fair);
	if (du->total->cached_known)
		fprintf(to, " data-cached=\"%" PRIu64 "\"", im->cached);
	fprintf(to, " data-entries=\"%" PRIu64 "\">", im->n_entries);
}

static void put_html_names(FILE *to, const struct cfs_gc_usage_image *im)
{
	char buf[WHERE_ID_MAX];

	fputs("<td>", to);
	for (size_t i = 0; i < im->n_names; i++) {
		fputs(i ? ", " : "", to);
		put_html_name(to, im->names[i]);
	}
	if (im->n_names == 0)
		fprintf(to, "<span class=\"id\">%s</span>",
			where_format_id(&im->id, buf));
	if (du_get_kept_reason(im))
		fprintf(to, " <small>(%s)</small>", du_get_kept_reason(im));
	fputs("</td>", to);
}

/* One table row for each image, with a bar relative to the largest image. */
static void put_rows(FILE *to, const struct du *du)
{
	uint64_t most = find_largest(du);

	for (size_t i = 0; i < du->n_rows; i++) {
		const struct cfs_gc_usage_image *im = &du->images[du->rows[i]];

		put_data(to, du, im);
		put_html_names(to, im);
		put_html_bytes(to, im->frees, true);
		put_html_bytes(to, im->own, true);
		put_html_bytes(to, im->bytes - im->own, true);
		put_html_bytes(to, im->bytes, true);
		put_html_bytes(to, im->fair, true);
		put_html_bytes(to, im->cached, du->total->cached_known);
		fprintf(to,
			"<td>%" PRIu64 "</td><td><svg aria-hidden=\"true\"><rect "
			"class=\"b\" width=\"%.2f%%\" height=\"100%%\" "
			"rx=\"2\"/><rect class=\"a\" width=\"%.2f%%\" "
			"height=\"100%%\" rx=\"2\"/></svg></td></tr>\n",
			im->n_entries, compute_percent(im->bytes, most),
			compute_percent(im->own, most));
	}
}

/* The table of what each two images share; nothing unless it was asked for. Says so
 * when it covers only the first images. */
static void put_html_pairs(FILE *to, const struct du *du)
{
	char buf[WHERE_ID_MAX];

	if (!du->with_pairs)
		return;
	fputs("<section class=\"card\" aria-labelledby=\"pairs-title\"><h2 "
	      "id=\"pairs-title\">What each two share</h2>\n",
	      to);
	if (du->n_compared < du->n_rows)
		fprintf(to, "<p class=\"soft\">Of the first %zu images.</p>\n",
			du->n_compared);
	fputs("<div class=\"scroll\"><table class=\"pairs\"><thead><tr><th>Both have</th>"
	      "<th>Objects</th><th>One</th><th>The other</th></tr></thead><tbody>\n",
	      to);
	for (size_t i = 0; i < du->n_pairs; i++) {
		const struct cfs_gc_usage_pair *p = &du->pairs[i];

		fputs("<tr>", to);
		put_html_bytes(to, p->bytes, true);
		fprintf(to, "<td>%" PRIu64 "</td><td>", p->n_objects);
		put_html_name(to, du_get_name(&du->images[p->a], buf));
		fputs("</td><td>", to);
		put_html_name(to, du_get_name(&du->images[p->b], buf));
		fputs("</td></tr>\n", to);
	}
	fputs("</tbody></table></div></section>\n", to);
}

/* --- the page ---------------------------------------------------------------------------- */

static const struct {
	const char *mark;
	void (*put)(FILE *to, const struct du *du);
} marks[] = {
	{"<!--@plain-title-->", put_plain_title},
	{"<!--@title-->", put_title},
	{"<!--@about-->", put_about},
	{"<!--@total-->", put_html_total},
	{"<!--@rows-->", put_rows},
	{"<!--@pairs-->", put_html_pairs},
};

/* Prints the content of the mark at `at`. Returns the length of the mark. */
static size_t put_mark(FILE *to, const struct du *du, const char *at)
{
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		size_t len = strlen(marks[i].mark);

		if (strncmp(at, marks[i].mark, len) == 0) {
			marks[i].put(to, du);
			return len;
		}
	}
	putc(*at, to);
	return 1;
}

void du_print_html(FILE *to, const struct du *du)
{
	const char *at = du_page, *next;

	while ((next = strstr(at, "<!--@"))) {
		fwrite(at, 1, (size_t)(next - at), to);
		at = next + put_mark(to, du, next);
	}
	fputs(at, to);
}
